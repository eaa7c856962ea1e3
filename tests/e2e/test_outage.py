"""An API server that goes away in the middle of a canary, and comes back."""

from __future__ import annotations

import time

import pytest
from manifests import mesh, pause, rollout, weight

#: Seconds of silence, and in which a controller notices that the server is gone.
AWAY = 20.0
NOTICED = 60.0
ALL_NEW = {"app:v1": 0, "app:v2": 4}


@pytest.fixture
def in_mid_canary(own_plane, make_scene):
    made = make_scene(own_plane.api)
    made.controllers.start()
    made.given_released(*mesh(), rollout(weight(25), pause(2), weight(50), routed=True, replicas=4))
    made.when_image("app:v2")
    made.eventually("the canary has weight", lambda: made.weight() == 25)
    return made


def test_twenty_seconds_of_silence_are_survived(own_plane, in_mid_canary, make_scene):
    leader = make_scene(own_plane.api).controllers.start(leader_elect=True)
    stable = in_mid_canary.pods("app:v1")
    own_plane.freeze()
    time.sleep(AWAY)
    own_plane.thaw()
    assert in_mid_canary.pods("app:v1") <= stable
    in_mid_canary.then(phase="Healthy", within=60)
    in_mid_canary.eventually("v1 goes", lambda: in_mid_canary.sets() == ALL_NEW)
    assert in_mid_canary.controllers.all[0].healthz() == (200, "ok\n")
    # one that has to hold a Lease cannot know whether another one holds it now
    assert leader.ended() == 1
    assert "not renewed in time" in leader.log.splitlines()[-1]


def test_a_server_that_dies_is_told_by_healthz_and_waited_for(own_plane, in_mid_canary):
    controller = in_mid_canary.controllers.all[0]
    assert controller.healthz() == (200, "ok\n")
    command = own_plane.kill_api_server()
    try:
        code, text = in_mid_canary.eventually(
            "healthz says so",
            lambda: answer if (answer := controller.healthz())[0] != 200 else None,
            within=NOTICED,
        )
    finally:
        own_plane.start_api_server(command)
    assert code == 503
    assert "no answer from the API server" in text
    assert f" {in_mid_canary.namespace}: watch " in text
    in_mid_canary.eventually("the server is back", in_mid_canary.api.is_ready)
    own_plane.restart_node()
    in_mid_canary.then(phase="Healthy", within=60)
    in_mid_canary.eventually("v1 goes", lambda: in_mid_canary.sets() == ALL_NEW)
    in_mid_canary.eventually("healthz too", lambda: controller.healthz() == (200, "ok\n"))
