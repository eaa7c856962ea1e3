"""Putting arguments into metrics: every `{{args.name}}` in any text of a JSON document.

In: a JSON value and the arguments' texts. Out: the same document with them put in, or `UnresolvedError`.
The run's decision calls it with stand-ins for secrets, the measuring with the secrets themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gradatim.model.analysis import Argument, Metric, parse_metric

#: What stands for a secret wherever a metric is looked at without measuring it.
SECRET_PLACEHOLDER: Final = "temp-for-secret"  # noqa: S105 - a stand-in, as Argo Rollouts has it

_OPEN: Final = "{{"
_CLOSE: Final = "}}"
_LONGEST: Final = 4_000_000
_DEEPEST: Final = 200


class UnresolvedError(ValueError):
    """A tag or an argument without a value; the message is Argo Rollouts' own."""


def argument_values(
    args: Iterable[Argument], secrets: Mapping[tuple[str, str], str] | None = None
) -> dict[str, str]:
    """What each tag stands for: `args.name` -> text.

    `secrets` maps (Secret, key) to its text; without it every secret is `SECRET_PLACEHOLDER`.

    Raises:
        UnresolvedError: an argument has no value.
    """
    values = {}
    for arg in args:
        value = arg.value
        if arg.from_secret is not None:
            # The Secret wins over a `value` beside it, as it does in Argo Rollouts.
            value = SECRET_PLACEHOLDER if secrets is None else secrets.get(arg.from_secret)
        if value is None:
            raise UnresolvedError(f'argument "{arg.name}" was not supplied')
        values[f"args.{arg.name}"] = value
    return values


def resolve_metric(metric: Metric, values: Mapping[str, str]) -> Metric:
    """The metric with its arguments put in.

    Raises:
        UnresolvedError: as for `substitute`.
    """
    return parse_metric(substitute(metric.raw, values))[0]


def substitute(document: Any, values: Mapping[str, str]) -> Any:
    """The document with every tag replaced, in texts and in keys. Values are not searched again.

    Raises:
        UnresolvedError: an unknown tag, one without an end, or a result of several megabytes.
    """
    return _Substitution(values).into(document, 0)


class _Substitution:
    """One walk through a document; `left` bounds what values may grow to."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._left = _LONGEST

    def into(self, document: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise UnresolvedError("the metric is nested too deeply")
        match document:
            case str():
                return self._text(document)
            case dict():
                return {
                    self._text(key): self.into(value, depth + 1) for key, value in document.items()
                }
            case list():
                return [self.into(item, depth + 1) for item in document]
            case _:
                return document

    def _text(self, text: str) -> str:
        if _OPEN not in text:
            return text
        plain, *rest = text.split(_OPEN)
        parts = [plain]
        for part in rest:
            tag, close, after = part.partition(_CLOSE)
            if not close:
                raise UnresolvedError(f"failed to resolve {_OPEN}{tag[:64]}: it has no {_CLOSE}")
            parts += (self._value(tag), after)
        return "".join(parts)

    def _value(self, tag: str) -> str:
        value = self._values.get(tag.strip())
        if value is None:
            raise UnresolvedError(f"failed to resolve {_OPEN}{tag[:256]}{_CLOSE}")
        self._left -= len(value)
        if self._left < 0:
            raise UnresolvedError("the metric is too long once its arguments are put in")
        return value
