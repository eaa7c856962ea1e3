"""What plugins give, as they may write it."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.plugin import Measurement


def test_the_fields_of_a_measurement_have_names_so_that_new_ones_have_a_place_anywhere() -> None:
    made: Any = Measurement
    with pytest.raises(TypeError):
        made(1.0)
    assert made(value=1.0).value == 1.0
