"""Goes in: ranges of characters. Comes out: a set of characters that answers quickly.
Called by the reader of regular expressions. Everything of RE2 that is a set ends up here.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]
LAST = 0x10FFFF

DIGIT: Ranges = ((0x30, 0x39),)
SPACE: Ranges = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))

POSIX: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}

PERL: dict[str, Ranges] = {"d": DIGIT, "s": SPACE, "w": WORD}

_CATEGORIES = frozenset(
    [
        "L",
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "M",
        "Mn",
        "Mc",
        "Me",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "S",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Z",
        "Zs",
        "Zl",
        "Zp",
        "C",
        "Cc",
        "Cf",
        "Co",
        "Cs",
    ]
)
# Letters that have more than two forms: s and long s, k and the Kelvin sign, å and Ångström.
_ODD_FORMS = {
    "s": "sS\u017f",
    "k": "kK\u212a",
    "å": "åÅ\u212b",
    "µ": "µμΜ",
    "σ": "σςΣ",
    "ω": "ωΩ\u2126",
    "ß": "ßẞ",
}


@dataclass(frozen=True, slots=True)
class CharSet:
    """A set of characters: ranges, Unicode categories (with whether they are negated), folding."""

    ranges: Ranges = ()
    categories: tuple[tuple[str, bool], ...] = ()
    negated: bool = False
    folded: bool = False

    def has(self, char: str) -> bool:
        """The character is in the set."""
        forms = forms_of(char) if self.folded else char
        return any(map(self._holds, forms)) is not self.negated

    def _holds(self, char: str) -> bool:
        code = ord(char)
        if any(low <= code <= high for low, high in self.ranges):
            return True
        return any(
            unicodedata.category(char).startswith(name) is not negated
            for name, negated in self.categories
        )


ANY = CharSet(((0, LAST),))
NOT_NEWLINE = CharSet(((0x0A, 0x0A),), negated=True)


def is_category(name: str) -> bool:
    """Unicode has a general category of that name."""
    return name in _CATEGORIES or name == "Any"


def inverted(ranges: Ranges) -> Ranges:
    """All characters that are not in the (sorted) ranges."""
    found, start = [], 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        found.append((start, LAST))
    return tuple(found)


@lru_cache(maxsize=1024)
def forms_of(char: str) -> str:
    """The character in all its cases, itself among them."""
    lower = char.lower()
    for base, forms in _ODD_FORMS.items():
        if lower == base or char in forms:
            return forms
    upper = char.upper()
    return "".join({char, *(form for form in (lower, upper) if len(form) == 1)})


def all_forms(ranges: Ranges) -> Ranges:
    """The (few) characters of the ranges in all their cases."""
    codes = {
        ord(form) for low, high in ranges for c in range(low, high + 1) for form in forms_of(chr(c))
    }
    return tuple((code, code) for code in sorted(codes))
