"""How much is written, as the API server's audit log has it: no more than by the reference, and nothing at rest."""

from __future__ import annotations

import time

import pytest
from manifests import pause, rollout, weight

#: Writes of Argo Rollouts on the same cluster, events not counted.
REFERENCE = {"a first deployment": 7, "an update without steps": 12, "an update with steps": 17}
#: Seconds after which whatever is still to be written has been.
SETTLED = 3.0


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
def test_no_more_is_written_than_by_the_reference(own_plane, quiet, story, steps, record_property):
    quiet.given_released(rollout(*steps or (), replicas=2))
    before = 0
    if steps is not None:
        time.sleep(SETTLED)
        before = len(own_plane.writes(quiet.namespace))
        quiet.when_image("app:v2")
        quiet.then(phase="Healthy")
    time.sleep(SETTLED)
    writes = own_plane.writes(quiet.namespace)[before:]
    told = f"{story}: {len(writes)} writes, the reference {REFERENCE[story]}"
    record_property("writes", told)
    assert not [each for each in writes if not each.endswith((" 200", " 201"))]
    assert len(writes) <= REFERENCE[story], "\n".join([told, *writes])


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
