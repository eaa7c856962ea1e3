"""What is allowed and yet most likely not meant.

In: nothing but what a rule says. Out: `Advice`, which never fails a validation.
`gradatim validate` prints it beside the Problems; the controller does not use it.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.plugin import FieldPath


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that its author should look at.

    Attributes:
        path: where it is, from the root of the object.
        message: what happens, and what may be meant instead, in one line.
    """

    path: FieldPath
    message: str

    def __str__(self) -> str:
        where = str(self.path)
        return f"{where}: {self.message}" if where else self.message
