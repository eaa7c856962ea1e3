"""Several controllers and one Lease: one works, another takes over, and one that goes leaves at once."""

from __future__ import annotations

import signal
import time

from controllers import Controller
from manifests import pause, rollout, weight
from scene import Scene

LEASE = "argo-rollouts-controller-lock"
#: Seconds: a Lease that nobody renews runs out, and is looked at that often.
TAKEN_OVER = 15 + 2 * 4.4 + 10
GRACEFUL = 8.0


def holder(scene: Scene) -> str:
    lease = scene.api.get("leases", scene.namespace, LEASE)
    return str((lease or {}).get("spec", {}).get("holderIdentity") or "")


def pair(scene: Scene) -> tuple[Controller, Controller]:
    """One that leads, and one that waits."""
    first = scene.controllers.start(leader_elect=True)
    second = scene.controllers.launch(leader_elect=True)
    second.says("waiting for the lease")
    return first, second


def test_one_works_and_when_it_is_killed_the_other_finishes(scene):
    first, second = pair(scene)
    scene.given_released(rollout(weight(50), pause(), replicas=2))
    scene.when_image("app:v2")
    scene.then(phase="Paused", step=1)
    led_by = holder(scene)
    assert " watching " not in second.log
    assert second.healthz() == (200, "ok\n")

    first.kill()
    scene.when_promoted()
    second.says(" watching ", within=TAKEN_OVER)
    scene.then(phase="Healthy")
    assert scene.sets() == {"app:v1": 0, "app:v2": 2}
    assert holder(scene) not in ("", led_by)


def test_one_that_stood_still_for_long_finds_itself_replaced_and_ends(scene):
    first, second = pair(scene)
    scene.given_released(rollout(weight(50), pause(), replicas=2))
    scene.when_image("app:v2")
    scene.then(phase="Paused", step=1)

    first.process.send_signal(signal.SIGSTOP)
    second.says(" watching ", within=TAKEN_OVER)
    scene.when_promoted()
    scene.then(phase="Healthy")
    before = scene.rollout()["metadata"]["resourceVersion"]
    first.process.send_signal(signal.SIGCONT)
    assert first.ended() == 1
    assert scene.rollout()["metadata"]["resourceVersion"] == before


def test_one_that_is_told_to_stop_gives_the_lease_back_and_ends_with_0(scene):
    first, second = pair(scene)
    scene.given_released(rollout(weight(50), pause(), replicas=2))
    scene.when_image("app:v2")

    began = time.monotonic()
    assert first.stop(within=GRACEFUL) == 0
    second.says(" watching ", within=GRACEFUL)
    assert time.monotonic() - began < GRACEFUL
    scene.then(phase="Paused", step=1)

    assert second.stop(within=GRACEFUL) == 0
    assert holder(scene) == ""


def test_one_that_still_waits_for_the_lease_ends_with_0_as_well(scene):
    first, second = pair(scene)
    led_by = holder(scene)
    assert second.stop(within=GRACEFUL) == 0
    assert holder(scene) == led_by
    assert first.process.poll() is None
