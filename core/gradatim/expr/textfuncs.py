"""Goes in: strings. Comes out: what `trim`, `split`, `replace`, `toBase64` and the like give.
Called through `functions.py`. Go's meaning: white space is Go's, positions count bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Frame
from gradatim.expr.gotext import go_string
from gradatim.expr.jsontext import from_json, to_json
from gradatim.expr.lexer import SPACES
from gradatim.expr.limits import TOO_MUCH
from gradatim.expr.values import NilList, StringList, as_bytes, as_index, as_text, go_type, not_a

_SPACES = "".join(SPACES)
_MOST_REPEATS = 1_000_000
_BASE64_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)


def _text(frame: Frame, *values: object) -> tuple[str, ...]:
    """The values as strings, charged for. Raises `ExprError` at any other."""
    for value in values:
        if not isinstance(value, str):
            raise not_a("string", value)
        frame.budget.text(len(value))
    return tuple(value for value in values if isinstance(value, str))


def _trim(frame: Frame, value: object, chars: object = _SPACES) -> str:
    text, cut = _text(frame, value, chars)
    return text.strip(cut) if cut else text


def _trim_prefix(frame: Frame, value: object, prefix: object = " ") -> str:
    text, cut = _text(frame, value, prefix)
    return text.removeprefix(cut)


def _trim_suffix(frame: Frame, value: object, suffix: object = " ") -> str:
    text, cut = _text(frame, value, suffix)
    return text.removesuffix(cut)


def _upper(frame: Frame, value: object) -> str:
    return "".join(map(_upper_char, _text(frame, value)[0]))


def _upper_char(char: str) -> str:
    """One character for one, as Go: ß stays ß."""
    upper = char.upper()
    if len(upper) == 1:
        return upper
    title = char.title()
    return title if len(title) == 1 else char


def _lower(frame: Frame, value: object) -> str:
    return "".join(map(lower_char, _text(frame, value)[0]))


def lower_char(char: str) -> str:
    """One character for one, as Go."""
    return char.lower()[0] if char == "İ" else char.lower()


def _pieces(frame: Frame, value: object, separator: object, most: object) -> list[object]:
    """At most `most` pieces (below 0: all) between separators."""
    text, sep = _text(frame, value, separator)
    count = as_index(most)
    if count == 0:
        return NilList()
    if sep:
        pieces = StringList(text.split(sep, -1 if count < 0 else count - 1))
    elif count < 0 or count >= len(text):
        pieces = StringList(text)
    else:
        pieces = StringList([*text[: count - 1], text[count - 1 :]])
    frame.budget.elements(len(pieces))
    return pieces


def _split(frame: Frame, value: object, separator: object, most: object = -1) -> list[object]:
    return _pieces(frame, value, separator, most)


def _split_after(frame: Frame, value: object, separator: object, most: object = -1) -> list[object]:
    pieces = _pieces(frame, value, separator, most)
    sep = str(separator)
    return StringList([*(f"{piece}{sep}" for piece in pieces[:-1]), *pieces[-1:]])


def _replace(frame: Frame, value: object, old: object, new: object, most: object = -1) -> str:
    text, before, after = _text(frame, value, old, new)
    count = as_index(most)
    found = text.count(before) if count < 0 else min(count, text.count(before))
    frame.budget.text(len(text) + found * len(after))
    return text.replace(before, after, found)


def _repeat(frame: Frame, value: object, times: object) -> str:
    (text,) = _text(frame, value)
    count = as_index(times)
    if count < 0:
        problem = f"expected positive integer, got {count}"
        raise ExprError(f"invalid argument for repeat ({problem})")
    if count > _MOST_REPEATS:
        raise ExprError(TOO_MUCH)
    frame.budget.elements(len(as_bytes(text)) * count)
    return text * count


def _join(frame: Frame, values: object, glue: object = "") -> str:
    if not isinstance(values, list):
        shown = go_type(values).replace("<nil>", "%!s(<nil>)")
        raise ExprError(f"invalid argument for join (type {shown})")
    between, *pieces = _text(frame, glue, *values)
    frame.budget.text(len(between) * len(pieces))
    return between.join(pieces)


def _index_of(frame: Frame, value: object, piece: object) -> int:
    text, wanted = _text(frame, value, piece)
    return as_bytes(text).find(as_bytes(wanted))


def _last_index_of(frame: Frame, value: object, piece: object) -> int:
    text, wanted = _text(frame, value, piece)
    return as_bytes(text).rfind(as_bytes(wanted))


def _has_prefix(frame: Frame, value: object, prefix: object) -> bool:
    text, wanted = _text(frame, value, prefix)
    return text.startswith(wanted)


def _has_suffix(frame: Frame, value: object, suffix: object) -> bool:
    text, wanted = _text(frame, value, suffix)
    return text.endswith(wanted)


def _to_base64(frame: Frame, value: object) -> str:
    return base64.b64encode(as_bytes(_text(frame, value)[0])).decode("ascii")


def _from_base64(frame: Frame, value: object) -> str:
    text = _text(frame, value)[0].replace("\n", "").replace("\r", "")  # Go skips line ends
    if _BASE64.fullmatch(text):
        return as_text(base64.b64decode(text))
    place = _illegal_byte(as_bytes(str(value)))
    raise ExprError(f"illegal base64 data at input byte {place}")


def _illegal_byte(raw: bytes) -> int:
    """Where Go stops reading text that is no base64."""
    found: list[int] = []  # the places of the bytes of the group of four at hand
    for place, byte in enumerate(raw):
        if byte in b"\r\n":
            continue
        if byte == 0x3D:
            return _illegal_padding(raw, place, len(found) % 4)
        if byte not in _BASE64_BYTES:
            return place
        found.append(place)
    return len(raw) - len(found) % 4


def _illegal_padding(raw: bytes, place: int, before: int) -> int:
    """The same from the first `=` on, which ends a group of so many bytes."""
    if before < 2:
        return place
    rest = [each for each in range(place + 1, len(raw)) if raw[each] not in b"\r\n"]
    if before == 3:
        return rest[0]
    if not rest:
        return len(raw)
    return rest[0] - 1 if raw[rest[0]] != 0x3D else rest[1]


def _string(frame: Frame, value: object) -> str:
    return go_string(value, frame.budget)


def _to_json(frame: Frame, value: object) -> str:
    return to_json(value, frame.budget)


def _from_json(frame: Frame, value: object) -> object:
    return from_json(_text(frame, value)[0], frame.budget)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "string": _string,
    "trim": _trim,
    "trimPrefix": _trim_prefix,
    "trimSuffix": _trim_suffix,
    "upper": _upper,
    "lower": _lower,
    "split": _split,
    "splitAfter": _split_after,
    "replace": _replace,
    "repeat": _repeat,
    "join": _join,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "hasPrefix": _has_prefix,
    "hasSuffix": _has_suffix,
    "toBase64": _to_base64,
    "fromBase64": _from_base64,
    "toJSON": _to_json,
    "fromJSON": _from_json,
}
"""The functions of strings."""
