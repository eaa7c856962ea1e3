"""What is wrong, and where: the one value that every validator yields.

In: a path into an object and a sentence. Out: a `Problem` that prints as `spec.steps[2].setWeight: …`.
Used by every validator: the core's own, each plugin's hook, and whoever prints or reports them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A path into a JSON document, built with `/`.

    >>> str(FieldPath("spec") / "strategy" / "canary" / "steps" / 2 / "setWeight")
    'spec.strategy.canary.steps[2].setWeight'
    >>> str(FieldPath("metadata") / "annotations" / "example.com/team")
    'metadata.annotations[example.com/team]'
    """

    parts: tuple[str | int, ...] = ()

    def __init__(self, *parts: str | int) -> None:
        object.__setattr__(self, "parts", parts)

    def __truediv__(self, part: str | int) -> FieldPath:
        return FieldPath(*self.parts, part)

    def __str__(self) -> str:
        text = ""
        for part in self.parts:
            if isinstance(part, int):
                text += f"[{part}]"
            elif _PLAIN_KEY.fullmatch(part):
                text += f".{part}" if text else part
            else:
                text += f"[{_shown(part)}]"
        return text


def _shown(key: str) -> str:
    """A key of any shape within one line: manifests hold what people paste."""
    return key if key.isprintable() else key.encode("unicode_escape").decode()


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault that its author can mend.

    Attributes:
        path: where it is, from the root of the object that is validated.
        message: what is wrong and what would be right, in one line and without any secret.
    """

    path: FieldPath
    message: str

    def __str__(self) -> str:
        where = str(self.path)
        return f"{where}: {self.message}" if where else self.message
