"""What an unquoted YAML word means to Kubernetes' tools: `yes` is true, `0755` is 493, `1:30` is text.

In: the text of a scalar and its tag. Out: a JSON value. Called by `documents.py`.
These are the rules of the Go library that kubectl reads manifests with. PyYAML's own differ: dates, base 60, `1e3`.
"""

from __future__ import annotations

import math
import re
from typing import Final

_PREFIX: Final = "tag:yaml.org,2002:"
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = ("y", "yes", "true", "on")
_FALSE: Final = ("n", "no", "false", "off")
_BOOLS: Final = {
    form: value
    for words, value in ((_TRUE, True), (_FALSE, False))
    for word in words
    for form in (word, word.capitalize(), word.upper())
}
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([0-9]+))", re.ASCII
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_NUMBER: Final = 400
_INTEGERS: Final = range(-(2**63), 2**64)

Scalar = str | int | float | bool | None


class ScalarError(ValueError):
    """The text is not what its tag says, or nothing that JSON has."""


def plain_value(text: str) -> Scalar:
    """What the word means where it stands without quotes.

    Raises:
        ScalarError: an infinite number, or none.
    """
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"{text} is no number that JSON has")
    return _number(text)


def _number(text: str) -> Scalar:
    plain = text.replace("_", "")
    if len(plain) > _LONGEST_NUMBER or not plain or plain[0] not in "+-.0123456789":
        return text
    if found := _INTEGER.fullmatch(plain):
        sign, *digits = found.groups()
        base, body = next(
            (base, body) for base, body in zip((16, 2, 8, 10), digits, strict=True) if body
        )
        value = -int(body, base) if sign == "-" else int(body, base)
        if value in _INTEGERS:
            return value
    if _FLOAT.fullmatch(plain) and math.isfinite(number := float(plain)):
        return number
    return text


def tagged_value(text: str, tag: str) -> Scalar:
    """What the text means under an explicit tag such as `!!str`.

    Raises:
        ScalarError: it does not mean that, or the tag is not one of JSON's types.
    """
    kind = tag.removeprefix(_PREFIX)
    if kind == "str":
        return text
    value = plain_value(text)
    is_a = {
        "null": value is None,
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
    }
    if not is_a.get(kind, False):
        raise ScalarError(f"{text[:64]!r} cannot have the tag {tag[:64]}")
    return float(value) if kind == "float" and isinstance(value, int) else value
