"""How much is written, as the API server's audit log has it: no more than the budget, and nothing at rest."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from manifests import pause, rollout, weight

#: Seconds after which whatever is still to be written has been.
SETTLED = 2.5


@dataclass(frozen=True)
class Budget:
    """The most that may be written for a story. Argo Rollouts makes `reference` writes, and as many events."""

    writes: int
    events: int
    reference: int


BUDGETS = {
    "a first deployment": Budget(4, 6, 7),
    "an update without steps": Budget(9, 8, 12),
    # three of the set, four scalings, three steps, a pause and its end, the end: each is one in the recordings too
    "an update with steps": Budget(12, 13, 17),
}


def is_event(write: str) -> bool:
    return write.split()[1] == "events"


@pytest.fixture
def quiet(own_plane, make_scene):
    made = make_scene(own_plane.api)
    made.controllers.start()
    return made


@pytest.mark.parametrize(
    ("story", "steps"),
    [
        ("a first deployment", None),
        ("an update without steps", ()),
        ("an update with steps", (weight(50), pause(1), weight(100))),
    ],
)
def test_no_more_is_written_than_the_budget(own_plane, quiet, story, steps, record_property):
    quiet.given_released(rollout(*steps or (), replicas=2))
    before = 0
    if steps is not None:
        time.sleep(SETTLED)
        before = len(own_plane.writes(quiet.namespace))
        quiet.when_image("app:v2")
        quiet.then(phase="Healthy")
    time.sleep(SETTLED)
    made = own_plane.writes(quiet.namespace)[before:]
    events = [each for each in made if is_event(each)]
    writes = [each for each in made if not is_event(each)]
    budget = BUDGETS[story]
    told = (
        f"{story}: {len(writes)} writes and {len(events)} events; the reference {budget.reference}"
    )
    record_property("writes", told)
    assert not [each for each in made if not each.endswith((" 200", " 201"))]
    assert len(writes) <= budget.writes, "\n".join([told, *writes])
    assert 0 < len(events) <= budget.events, "\n".join([told, *events, *quiet.events()])


def test_nothing_is_written_when_nothing_happens(own_plane, quiet):
    quiet.given_released(rollout(weight(50), pause(), replicas=2))
    quiet.when_image("app:v2")
    quiet.then(phase="Paused", step=1)
    time.sleep(SETTLED)
    before = own_plane.writes(quiet.namespace)
    time.sleep(SETTLED)
    assert own_plane.writes(quiet.namespace) == before
    # nor by a controller that starts, and finds everything as it should be
    quiet.controllers.all[0].stop()
    quiet.controllers.start()
    time.sleep(SETTLED)
    assert own_plane.writes(quiet.namespace) == before
