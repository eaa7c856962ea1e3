"""Goes in: text, or one character. Comes out: it as Go's `%q` and `%#U` write it in a message.
Called by the lexer, the parser and whatever tells in a message which text could not be read.
"""

from __future__ import annotations

_SIMPLE = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_LONGEST = 256  # characters of a text that a message shows


def shortened(text: str) -> str:
    """The text, cut where the reference would tell all of it: a message ends in a status."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def quoted(text: str) -> str:
    """The text in double quotes, with Go's escapes; a very long one is cut."""
    return f'"{"".join(map(_escaped, shortened(text)))}"'


def _escaped(char: str) -> str:
    if char in _SIMPLE:
        return _SIMPLE[char]
    code = ord(char)
    if "\ud800" <= char <= "\udfff":  # a byte that is no UTF-8
        return f"\\x{code & 0xFF:02x}"
    if char.isprintable():
        return char
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def bytes_quoted(text: str) -> str:
    """The text in double quotes as Go's messages about times write it: ASCII only."""
    raw = shortened(text).encode("utf-8", "surrogateescape")
    return f'"{"".join(map(_escaped_byte, raw))}"'


def _escaped_byte(code: int) -> str:
    if code >= 0x80 or code < 0x20:
        return f"\\x{code:02x}"
    return f"\\{chr(code)}" if chr(code) in '"\\' else chr(code)


def code_point(char: str) -> str:
    """`U+0040 '@'`; without the character itself if it cannot be printed."""
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char):04X}{shown}"
