"""Kubernetes quantities: `100m`, `1.5Gi`, `2e3`.

In: a quantity as text or JSON number. Out: its exact value, and the text in which Kubernetes writes it back.
Pod template hashes, comparisons of templates and validation call it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final, Literal

from gradatim.model.gojson import go_number

Format = Literal["DecimalSI", "DecimalExponent", "BinarySI"]

_MAX_TEXT: Final = 256
_MAX_EXPONENT: Final = 1_000
_MAX_INT64: Final = (1 << 63) - 1
_NANO: Final = -9
_DECIMAL: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX: Final = {0: ""} | {bits // 10: suffix for suffix, bits in _BINARY.items()}
_QUANTITY = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)")


class QuantityError(ValueError):
    """The value is no quantity; the message says why and is fit for a user."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """The exact amount `mantissa · 10^exponent`, and how it wants to be written."""

    mantissa: int
    exponent: int
    format: Format
    #: the text as given, where Kubernetes keeps it instead of writing the amount anew
    kept: str = ""

    def __str__(self) -> str:
        return self.kept or _canonical_text(self)

    def value(self) -> Fraction:
        """The amount as an exact number."""
        return Fraction(self.mantissa) * Fraction(10) ** self.exponent


def parse_quantity(value: object) -> Quantity:
    """The quantity that a manifest's text or number means.

    Amounts finer than a billionth are rounded away from zero and binary ones capped at 2^63-1, as Kubernetes does.

    Raises:
        QuantityError: neither text nor number, an unknown suffix, or an exponent beyond ±1000.
    """
    if isinstance(value, str):
        return _parse_text(value.strip(" \t\n\r\v\f"))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _parse_text(go_number(value))
    raise QuantityError(f"a quantity is text or a number, not {type(value).__name__}")


def _parse_text(text: str) -> Quantity:
    found = _QUANTITY.fullmatch(text) if 0 < len(text) <= _MAX_TEXT else None
    if found is None:
        raise QuantityError(f"{text[:_MAX_TEXT]!r} is not a quantity such as 100m or 1.5Gi")
    sign, whole, part, suffix = found[1], found[2] or "0", found[3] or "", found[4]
    base, power, style = _suffix(text, suffix)
    mantissa, exponent = int(whole + part), -len(part)
    amount = mantissa << power if base == 2 else mantissa
    exponent += power if base == 10 else 0
    kept = text if _keeps_text(whole, part, power, exponent, style) else ""
    if style == "BinarySI" and amount > _MAX_INT64 * 10**-exponent:
        amount, exponent = _MAX_INT64, 0
    elif style == "BinarySI" and 0 < amount < 10**-exponent:
        style = "DecimalSI"
    if exponent < _NANO:
        # Whoever asks for a little gets a little: never rounded to nothing.
        amount, exponent = -(-amount // 10 ** (_NANO - exponent)), _NANO
    return Quantity(-amount if sign == "-" else amount, exponent, style, kept)


def _suffix(text: str, suffix: str) -> tuple[int, int, Format]:
    """Base, power and format that a suffix stands for."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "DecimalSI"
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "BinarySI"
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None:
        raise QuantityError(f"quantity {text!r} has the unknown suffix {suffix!r}")
    if len(exponent[1]) > 5 or abs(int(exponent[1])) > _MAX_EXPONENT:
        raise QuantityError(f"quantity {text!r} has an exponent beyond {_MAX_EXPONENT}")
    return 10, int(exponent[1]), "DecimalExponent"


def _keeps_text(whole: str, part: str, power: int, exponent: int, style: Format) -> bool:
    """Whether Kubernetes writes the text back as it came.

    Its parser takes a short way for short numbers, and keeps texts there that look canonical to it: `+5Mi` and
    `1.500` stay, `1.5` becomes `1500m`. The pod template hash sees the difference.
    """
    digits = whole + part
    if style == "BinarySI":
        short = not part and 14 - len(whole) - power * 3 // 10 >= 0
        return short and int(digits) % 8 != 0
    short = len(digits) <= 18 and exponent >= _NANO
    return short and exponent % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _canonical_text(quantity: Quantity) -> str:
    mantissa, exponent = quantity.mantissa, quantity.exponent
    if not mantissa:
        return "0"
    if quantity.format == "BinarySI":
        value = quantity.value()
        if abs(value) >= 1024 and value.denominator == 1:
            amount, times = _without_factor(int(value), 1024)
            return f"{amount}{_BINARY_SUFFIX[times]}"
    amount, times = _without_factor(mantissa, 10)
    exponent += times
    rest = exponent % 3
    amount, exponent = amount * 10**rest, exponent - rest
    if quantity.format == "DecimalExponent":
        return f"{amount}e{exponent}" if exponent else str(amount)
    # Beyond the known suffixes Kubernetes writes none, and so loses the magnitude; the hash has to follow.
    return f"{amount}{_DECIMAL_SUFFIX.get(exponent, '')}"


def _without_factor(value: int, factor: int) -> tuple[int, int]:
    """`value` divided by `factor` as often as that leaves no rest, and how often that was."""
    times = 0
    while value and value % factor == 0:
        value //= factor
        times += 1
    return value, times


@lru_cache(maxsize=4096, typed=True)
def _canonical_quantity(value: str | int | float) -> str:
    return str(parse_quantity(value))


def canonical_quantity(value: object) -> str:
    """The quantity as Kubernetes would write it: `1000m` gives `1`, `0.1` gives `100m`, `1.5Gi` gives `1536Mi`.

    Raises:
        QuantityError: as for `parse_quantity`.
    """
    if isinstance(value, (str, int, float)):
        return _canonical_quantity(value)
    return str(parse_quantity(value))


def equal_quantities(left: object, right: object) -> bool:
    """Whether two quantities are the same amount, however written: `1` and `1000m` are.

    Raises:
        QuantityError: one of them is no quantity.
    """
    return parse_quantity(left).value() == parse_quantity(right).value()


def compare_quantities(left: object, right: object) -> int:
    """-1, 0 or 1, as the left amount is less than, equal to or more than the right one.

    Raises:
        QuantityError: one of them is no quantity.
    """
    first, second = parse_quantity(left).value(), parse_quantity(right).value()
    return (first > second) - (first < second)
