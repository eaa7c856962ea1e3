"""A controller that is killed at any moment: the one that comes after it ends where it would have ended.

Compared with a release that nobody disturbed: statuses without times, the objects, the pods that were ever started,
and the AnalysisRuns.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter

import pytest
from apiserver import Json
from controllers import Controllers
from journal import Journal
from manifests import analysis, mesh, pause, rollout, template, web_metric, weight
from scene import Scene
from telemetry import Verdict

STEPS = (weight(25), analysis(), weight(50), pause(1), weight(75))
REPLICAS = 4
#: How often the restless one is killed, and within how many seconds of work.
TIMES, AT_MOST = 6, 1.2

_VARYING = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+Z|[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture(scope="module")
def metric_source():
    with Verdict(after=0.2) as server:
        yield server


def release(scene: Scene, metric_source: Verdict) -> None:
    """Release v1, and begin with v2."""
    check = template(web_metric(metric_source.url, count=3, interval="1s"))
    scene.given_released(*mesh(), check, rollout(*STEPS, replicas=REPLICAS, routed=True))
    scene.when_image("app:v2")


def outcome(scene: Scene) -> Json:
    """All that there is to compare when it is over."""
    scene.then(phase="Healthy", within=60)
    scene.eventually("v1 is gone", lambda: scene.sets() == {"app:v1": 0, "app:v2": REPLICAS})
    scene.eventually("its pods too", lambda: scene.status().get("HPAReplicas") == REPLICAS)
    runs = scene.runs()
    return {
        "status": masked(scene.status()),
        "weight": scene.weight(),
        "pods": len(scene.pods("app:v2")),
        "started": Counter(pods_started(scene)),
        "runs": [(r["metadata"]["name"], r["status"]["phase"]) for r in runs],
    }


def assert_same_end(found: Json, undisturbed: Json) -> None:
    """Everything is as without a kill, and no pod was started that would not have been."""
    assert found == undisturbed


def pods_started(scene: Scene) -> list[str]:
    """The ReplicaSet of each pod that ever was: its controller tells of each."""
    found = []
    for event in scene.api.list("events", scene.namespace):
        if event["reason"] == "SuccessfulCreate":
            found += [event["involvedObject"]["name"]] * event.get("count", 1)
    return found


def masked(status: Json) -> Json:
    """A status without its times and uids."""

    def mask(value: object) -> object:
        match value:
            case dict():
                return {key: mask(each) for key, each in value.items()}
            case list():
                return [mask(each) for each in value]
            case str():
                return _VARYING.sub("<varies>", value)
        return value

    masked_status = mask(status)
    assert isinstance(masked_status, dict)
    return masked_status


@pytest.fixture(scope="module")
def undisturbed(api, tmp_path_factory, metric_source) -> Json:
    """How it ends when nobody disturbs it."""
    namespace = f"e2e-calm-{random.randrange(16**6):06x}"
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    logs = tmp_path_factory.mktemp("calm")
    try:
        with (
            Controllers(api.kubeconfig, namespace, logs) as controllers,
            Journal(api, namespace) as journal,
        ):
            controllers.start()
            scene = Scene(api, namespace, controllers, journal)
            release(scene, metric_source)
            return outcome(scene)
    finally:
        api.delete("namespaces", "", namespace)


def canary_set(scene: Scene) -> object:
    return "app:v2" in scene.sets()


def weight_written(scene: Scene) -> object:
    return scene.weight() == 25


def analysis_began(scene: Scene) -> object:
    return any((run.get("status") or {}).get("metricResults") for run in scene.runs())


def half_way(scene: Scene) -> object:
    return scene.weight() == 50


def last_scaling(scene: Scene) -> object:
    return scene.sets().get("app:v2") == REPLICAS


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(canary_set, id="after it created the canary's ReplicaSet"),
        pytest.param(weight_written, id="after it wrote a weight"),
        pytest.param(analysis_began, id="while it measured"),
        pytest.param(half_way, id="after the analysis"),
        pytest.param(last_scaling, id="when it completed the release"),
    ],
)
def test_one_killed_at_a_bad_moment_is_followed_by_one_that_goes_on(
    alone, metric_source, undisturbed, moment
):
    release(alone, metric_source)
    alone.eventually("the moment", lambda: moment(alone))
    alone.controllers.all[-1].kill()
    alone.controllers.start()
    assert_same_end(outcome(alone), undisturbed)


@pytest.mark.parametrize("seed", [1, 2])
def test_one_killed_again_and_again_ends_there_too(alone, metric_source, undisturbed, seed):
    release(alone, metric_source)
    moments = random.Random(seed)
    for _ in range(TIMES):
        time.sleep(moments.uniform(0.0, AT_MOST))
        alone.controllers.all[-1].kill()
        alone.controllers.start()
    assert_same_end(outcome(alone), undisturbed)
