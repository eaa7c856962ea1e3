"""Thousands of random histories of the whole controller: every rule holds at every instant, and every history ends.

GRADATIM_EXAMPLES says how many are played in all. One that fails is made small, and printed as a test that can be
pasted into `test_found_histories.py`.
"""

from __future__ import annotations

import os

import pytest
from happenings import Event, histories, setups
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from player import play_history, script
from setups import KINDS, Setup
from shrinking import smallest

EXAMPLES = int(os.environ.get("GRADATIM_EXAMPLES", "28"))
EACH = -(-EXAMPLES // len(KINDS))
#: Seconds for making a failing history smaller.
SHRINKING = 60.0


def fault(setup: Setup, events: list[Event]) -> str:
    """What is wrong with the history; "" if nothing is."""
    try:
        play_history(setup, events)
    except (AssertionError, TimeoutError) as error:
        return str(error) or repr(error)
    return ""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=EACH,
    deadline=None,
    derandomize="GRADATIM_EXAMPLES" not in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_history_keeps_every_rule_and_ends(kind: str, data: st.DataObject) -> None:
    setup: Setup = data.draw(setups(kind))
    events: list[Event] = data.draw(histories(kind))
    if not fault(setup, events):
        return
    found = smallest(lambda *given: bool(fault(*given)), (setup, events), SHRINKING)
    pytest.fail(f"{fault(*found)}\n\n{script(*found)}", pytrace=False)
