"""Step plugins on a real API server: a release runs them, waits for them, takes them back, and outlives its controller.

The plugin is installed for the controllers of these tests alone. It notes each call in a file, and does what another
file says.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from apiserver import Json
from manifests import pause, rollout, weight
from scene import Scene

METADATA = "Metadata-Version: 2.1\nName: acme-steps\nVersion: 0.1\n"
PLUGIN = '''
"""Notes each call, and does what a file says: a phase with a message, or to block the thread that it runs on."""

import time
from pathlib import Path

from gradatim.plugin import StepPlugin, StepPhase, StepResult, hookimpl

GRADATIM_API = "1.1"


class Noted(StepPlugin):
    key = "acme/noted"

    async def run(self, call):
        said = self._noted("run", call)
        if said == "block":
            time.sleep(60)
        phase, _, message = said.partition(": ")
        return StepResult(
            phase=StepPhase(phase), message=message, status={"of": call.index}, requeue_after=10
        )

    async def terminate(self, call):
        self._noted("terminate", call)
        return StepResult(phase=StepPhase.SUCCESSFUL)

    async def abort(self, call):
        self._noted("abort", call)
        return StepResult(phase=StepPhase.SUCCESSFUL, message=f"took back {call.status}")

    def _noted(self, operation, call):
        folder = Path(call.config["folder"])
        with (folder / "calls").open("a") as calls:
            calls.write(f"{operation} {call.index} {call.attempt}\\n")
        return (folder / f"says-{call.index}").read_text()


@hookimpl
def gradatim_step_plugins():
    return [Noted]


@hookimpl
def gradatim_validate_step(key, config, path):
    return [] if key == Noted.key else None
'''


class Steps:
    """The plugin as the tests see it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def step(self) -> Json:
        return {"plugin": {"name": "acme/noted", "config": {"folder": str(self.folder)}}}

    def say(self, index: int, what: str) -> None:
        (self.folder / f"says-{index}").write_text(what)

    def calls(self) -> list[str]:
        """Operation and step of each call, in order."""
        return [" ".join(line.split()[:2]) for line in self._lines()]

    def attempts(self) -> set[str]:
        return {line.split()[2] for line in self._lines()}

    def _lines(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    made = Steps(tmp_path)
    for index in range(4):
        made.say(index, "Successful")
    return made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For a controller in whose environment the plugin's distribution is installed."""
    folder = tmp_path / "site"
    info = folder / "acme_steps-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text("[gradatim]\nnoted = acme_steps\n")
    (folder / "acme_steps.py").write_text(PLUGIN)
    folders = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(folders)}


def entries(scene: Scene) -> list[tuple[str, int, str]]:
    found = scene.status().get("canary", {}).get("stepPluginStatuses") or []
    return [(e["operation"], e["index"], e.get("phase", "")) for e in found]


def test_a_release_waits_for_its_plugin_and_goes_on(scene, steps, environment):
    scene.controllers.start(environment=environment)
    steps.say(1, "Running: half way")
    scene.given_released(rollout(weight(50), steps.step(), weight(100)))
    assert steps.calls() == []
    scene.when_image("app:v2")
    scene.eventually("it runs", lambda: entries(scene) == [("Run", 1, "Running")])
    scene.eventually("it has answered", lambda: "half way" in str(scene.status()["canary"]))
    (entry,) = scene.status()["canary"]["stepPluginStatuses"]
    assert (entry["executions"], entry["backoff"], entry["status"]) == (1, "10s", {"of": 1})
    scene.then(phase="Progressing", step=1)
    steps.say(1, "Successful: through")
    scene.then(phase="Healthy", within=60)
    assert entries(scene) == [("Run", 1, "Successful")]
    assert steps.calls() == ["run 1", "run 1"]
    assert len(steps.attempts()) == 1
    told = "\n".join(scene.events())
    assert "Normal StepPluginTransition web: Run of plugin 'acme/noted' in step 2: Running" in told
    assert "Rollout step 2/3 completed (plugin: acme/noted)" in told


def test_one_that_fails_takes_the_release_back_and_the_steps_before_it(scene, steps, environment):
    scene.controllers.start(environment=environment)
    steps.say(2, "Failed: 3 of 5 checks failed")
    scene.given_released(rollout(steps.step(), steps.step(), steps.step(), pause()))
    scene.when_image("app:v2")
    scene.then(phase="Degraded", message="revision 2: 3 of 5 checks failed")
    scene.eventually(
        "all is taken back",
        lambda: len(entries(scene)) == 5 and entries(scene)[-1][2] == "Successful",
    )
    assert entries(scene) == [
        ("Run", 0, "Successful"),
        ("Run", 1, "Successful"),
        ("Run", 2, "Failed"),
        ("Abort", 1, "Successful"),
        ("Abort", 0, "Successful"),
    ]
    assert steps.calls() == ["run 0", "run 1", "run 2", "abort 1", "abort 0"]
    last = scene.status()["canary"]["stepPluginStatuses"][-1]
    assert last["message"] == "took back {'of': 0}"
    # When it is tried again, then all begins anew
    steps.say(2, "Successful")
    scene.when_status({"abort": False})
    scene.then(phase="Paused", step=3)
    assert [operation for operation, _, _ in entries(scene)] == ["Run", "Run", "Run"]


def test_a_person_who_aborts_ends_what_is_running_too(scene, steps, environment):
    scene.controllers.start(environment=environment)
    steps.say(1, "Running")
    scene.given_released(rollout(steps.step(), steps.step(), pause()))
    scene.when_image("app:v2")
    scene.eventually("it runs", lambda: "run 1" in steps.calls())
    scene.when_status({"abort": True})
    scene.then(phase="Degraded")
    scene.eventually("all is taken back", lambda: steps.calls()[2:] == ["abort 1", "abort 0"])
    scene.eventually("and noted", lambda: entries(scene)[-1] == ("Abort", 0, "Successful"))


def test_a_full_promotion_ends_what_is_running(scene, steps, environment):
    scene.controllers.start(environment=environment)
    steps.say(0, "Running")
    scene.given_released(rollout(steps.step(), pause()))
    scene.when_image("app:v2")
    scene.eventually("it runs", lambda: "run 0" in steps.calls())
    scene.when_status({"promoteFull": True})
    scene.then(phase="Healthy")
    scene.eventually("it is ended", lambda: steps.calls() == ["run 0", "terminate 0"])


def test_a_controller_that_is_killed_in_a_call_is_followed_by_one_that_calls_again(
    scene, steps, environment
):
    controller = scene.controllers.start(environment=environment)
    steps.say(1, "block")
    scene.given_released(rollout(weight(50), steps.step(), pause()))
    scene.when_image("app:v2")
    scene.eventually("it is called", lambda: steps.calls() == ["run 1"])
    assert entries(scene) == [("Run", 1, "Running")]
    controller.kill()
    steps.say(1, "Successful")
    scene.controllers.start(environment=environment)
    scene.then(phase="Paused", step=2)
    assert steps.calls() == ["run 1", "run 1"]
    assert len(steps.attempts()) == 1


def test_one_that_blocks_its_thread_holds_up_nobody_else(scene, steps, environment):
    controller = scene.controllers.start(environment=environment)
    steps.say(0, "block")
    scene.given_released(rollout(steps.step(), pause(), name="stuck"), name="stuck")
    scene.given_released(rollout(weight(50), pause(), name="other"), name="other")
    scene.when_image("app:v2", name="stuck")
    scene.eventually("it is called", lambda: steps.calls() == ["run 0"])
    scene.when_image("app:v2", name="other")
    scene.then(phase="Paused", name="other", within=20)
    assert controller.healthz()[0] == 200
    # and what does not need the plugin is done for its own Rollout, too
    scene.when_status({"abort": True}, name="stuck")
    scene.then(phase="Degraded", name="stuck", within=20)
    scene.eventually("its pods go", lambda: scene.sets("stuck").get("app:v2") == 0)
    assert controller.stop() == 0


def test_a_plugin_that_nobody_installed_is_said_before_the_release(scene, environment):
    scene.controllers.start(environment=environment)
    step = {"plugin": {"name": "acme/unknown"}}
    scene.given(rollout(weight(50), step))
    status = scene.then(phase="Degraded", message="InvalidSpec")
    path = "spec.strategy.canary.steps[1].plugin.name"
    assert f"{path}: no installed plugin serves 'acme/unknown'" in status["message"]
    assert scene.sets() == {}
