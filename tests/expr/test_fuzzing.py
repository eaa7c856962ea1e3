"""Random conditions on random results: nothing but an answer or an `ExprError` comes out, and soon."""

from __future__ import annotations

import os

from fuzzing import tried

#: More where more examples are asked for, up to what takes minutes.
INPUTS = min(100_000, max(3_000, 20 * int(os.environ.get("GRADATIM_EXAMPLES", "0"))))


def test_thousands_of_random_conditions_are_answered_or_refused() -> None:
    tally = tried(INPUTS, seed=INPUTS)
    assert tally.inputs == INPUTS
    # so the dice throw what is worth it: enough of both, of many sorts
    assert tally.answers.total() > INPUTS * 0.15
    assert len(tally.answers) > 5
    assert len(tally.refusals) > 20
    # the limits of one evaluation are a second's work; a hang is far from that on any machine
    assert tally.slowest[0] < 30, tally.slowest
