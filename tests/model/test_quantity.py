"""Kubernetes quantities: what they mean and how they are written."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.model.quantity import (
    QuantityError,
    canonical_quantity,
    compare_quantities,
    equal_quantities,
    parse_quantity,
)


# What resource.Quantity of k8s.io/apimachinery v0.34.5 writes for each of them.
@pytest.mark.parametrize(
    ("given_value", "written"),
    [
        pytest.param("100m", "100m", id="already canonical"),
        pytest.param("1000m", "1", id="whole"),
        pytest.param("1500m", "1500m", id="no fractions"),
        pytest.param("0.1", "100m", id="a fraction becomes milli"),
        pytest.param(0.1, "100m", id="a JSON fraction too"),
        pytest.param(1, "1", id="a JSON number"),
        pytest.param(67108864, "67108864", id="bytes as a number stay decimal"),
        pytest.param(1e16, "10P", id="a large float has all its digits in Go"),
        pytest.param("1.5Gi", "1536Mi", id="binary without fraction"),
        pytest.param("1024Ki", "1Mi", id="binary goes up"),
        pytest.param("1000Ki", "1000Ki", id="but only by whole steps"),
        pytest.param("0.5Ki", "512", id="small binary amounts are plain"),
        pytest.param("0.1Gi", "107374182400m", id="binary with a rest falls back to decimal"),
        pytest.param("2G", "2G", id="decimal"),
        pytest.param("2000", "2k", id="decimal goes up"),
        pytest.param("2000M", "2G", id="from any suffix"),
        pytest.param("1e3", "1e3", id="an exponent stays one"),
        pytest.param("12e4", "120e3", id="in steps of three"),
        pytest.param("1000e-3", "1", id="or vanishes"),
        pytest.param("1E", "1E", id="exa is no exponent"),
        pytest.param("0", "0", id="zero"),
        pytest.param("0Mi", "0", id="zero has no suffix"),
        pytest.param("-0.5", "-500m", id="negative"),
        pytest.param("0.0000000001", "1n", id="below a nano is rounded up"),
        pytest.param("-0.0000000001", "-1n", id="away from zero"),
        pytest.param("0.0000000001Mi", "104858n", id="binary below one turns decimal"),
        pytest.param("16Ei", "9223372036854775807", id="binary is capped at 63 bits"),
        pytest.param("1.500", "1.500", id="a short text that looks canonical is kept"),
        pytest.param("+5Mi", "+5Mi", id="with its sign"),
        pytest.param("+8Mi", "8Mi", id="unless it could be shorter"),
        pytest.param("1.", "1.", id="with its point"),
        pytest.param("007", "007", id="with its zeros"),
        pytest.param(" 5 ", "5", id="spaces around it do not count"),
        pytest.param("12345678901234567890", "12345678901234567890", id="beyond 64 bits"),
        pytest.param("1000E", "1", id="beyond exa the suffix is lost, as in Kubernetes"),
    ],
)
def test_a_quantity_is_written_as_kubernetes_writes_it(given_value: object, written: str) -> None:
    assert canonical_quantity(given_value) == written


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param("1 Gi", id="a space inside"),
        pytest.param("1KB", id="a foreign suffix"),
        pytest.param("1e", id="an exponent without digits"),
        pytest.param("1e1001", id="an exponent beyond reason"),
        pytest.param("1e999999", id="an exponent of too many digits"),
        pytest.param("one", id="a word"),
        pytest.param("१", id="digits of another script"),
        pytest.param("1" * 300, id="a number beyond measure"),
        pytest.param(True, id="a truth value"),
        pytest.param(None, id="null"),
        pytest.param([1], id="a list"),
        pytest.param(float("nan"), id="no number"),
    ],
)
def test_what_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(QuantityError):
        canonical_quantity(value)


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("1", "1000m", 0),
        ("1Gi", "1073741824", 0),
        ("0.1", "100m", 0),
        ("1G", "1Gi", -1),
        ("-1", "1m", -1),
        ("2e3", "1999", 1),
        (1, 0.5, 1),
    ],
)
def test_quantities_compare_by_amount(left: object, right: object, order: int) -> None:
    assert compare_quantities(left, right) == order
    assert compare_quantities(right, left) == -order
    assert equal_quantities(left, right) is (order == 0)


_TEXTS = st.builds(
    lambda sign, number, suffix: f"{sign}{number}{suffix}",
    st.sampled_from(["", "-"]),
    st.one_of(
        st.integers(0, 10**9).map(str),
        st.decimals(0, 10**8, places=6, allow_nan=False).map(lambda number: f"{number:f}"),
    ),
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-3"]),
)


@given(_TEXTS)
def test_writing_keeps_the_amount_and_is_stable(text: str) -> None:
    quantity = parse_quantity(text)
    again = parse_quantity(str(quantity))
    assert again.value() == quantity.value()
    assert str(again) == str(quantity)


def test_the_amount_is_exact() -> None:
    assert parse_quantity("1.5Gi").value() == Fraction(3 * 2**29)
    assert parse_quantity("333m").value() == Fraction(333, 1000)
