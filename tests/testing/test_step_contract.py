"""The step contract: a sound plugin passes it, and each broken one is caught by the test that is named for it."""

import importlib
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gradatim.plugin import (
    Json,
    SecretRef,
    StepCall,
    StepError,
    StepPhase,
    StepPlugin,
    StepResult,
)
from gradatim.testing.step_contract import StepPluginContract

PLUGINS = str(Path(__file__).parent / "plugins")
sys.path.append(PLUGINS)
sample = importlib.import_module("sample_job")
TOKEN = "t0ken-of-the-jobs"


@pytest.fixture(autouse=True)
def _plugins_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", PLUGINS)


class Sample(StepPluginContract):
    module = "sample_job"
    step_class = sample.SampleJob
    good_config: ClassVar = {"image": "smoke:1"}
    wrong_configs = (({}, "image"), ({"image": 7}, "image"))
    takes_back = True
    secret_data: ClassVar = {SecretRef("jobs"): {"token": TOKEN}}

    def outside(self) -> Any:
        return sample.System()

    def broken_outside(self) -> Any:
        return sample.System(answers=False)

    def made(self, outside: Any) -> StepPlugin:
        plugin: StepPlugin = self.step_class(outside)
        return plugin

    def effects(self, outside: Any) -> object:
        return dict(outside.jobs)


class TestASoundPlugin(Sample):
    pass


class Idle(StepPlugin):
    """The least that a plugin can be."""

    key = "example.com/job"

    async def run(self, call: StepCall) -> StepResult:
        return StepResult(phase=StepPhase.SUCCESSFUL)


def test_one_without_a_world_outside_is_not_asked_about_it() -> None:
    contract = type("Contract", (Sample,), {"step_class": Idle, "takes_back": False})()
    plain = StepPluginContract
    for name in ("outside", "broken_outside", "made", "effects"):
        setattr(type(contract), name, getattr(plain, name))
    contract.test_a_step_comes_to_its_end()
    contract.test_a_call_that_nobody_heard_of_may_be_made_again()
    for skipped in (
        "test_what_it_has_done_it_takes_back",
        "test_a_world_that_does_not_answer_is_an_error",
    ):
        with pytest.raises(pytest.skip.Exception):
            getattr(contract, skipped)()


def done(**fields: Any) -> StepResult:
    return StepResult(phase=StepPhase.SUCCESSFUL, **fields)


async def starts_another(self: Any, call: StepCall) -> StepResult:
    self.system.jobs[f"job-{len(self.system.jobs)}"] = 1
    return done()


async def never_ends(self: Any, call: StepCall) -> StepResult:
    return StepResult(phase=StepPhase.RUNNING)


async def fails_when_asked_again(self: Any, call: StepCall) -> StepResult:
    if call.attempt in self.system.jobs:
        return StepResult(phase=StepPhase.FAILED, message="there is such a job already")
    self.system.jobs[call.attempt] = 1
    return done()


async def keeps_a_set(self: Any, call: StepCall) -> StepResult:
    return done(status={"seen": {1}})


async def keeps_too_much(self: Any, call: StepCall) -> StepResult:
    return done(status={"log": "x" * 20_000})


async def keeps_the_token(self: Any, call: StepCall) -> StepResult:
    return done(status={"auth": call.secrets[SecretRef("jobs")]})


async def says_two_lines(self: Any, call: StepCall) -> StepResult:
    return done(message="one\ntwo")


async def trusts_its_state(self: Any, call: StepCall) -> StepResult:
    return done(message=call.status["job"][:10] if call.status else "")


async def ends_with_nothing(self: Any, call: StepCall) -> Any:
    return None


async def goes_on_for_ever(self: Any, call: StepCall) -> StepResult:
    return StepResult(phase=StepPhase.RUNNING)


async def leaves_it(self: Any, call: StepCall) -> StepResult:
    return done()


async def counts_aborts(self: Any, call: StepCall) -> StepResult:
    self.system.jobs[f"abort-{len(self.system.jobs)}"] = 1
    return done()


async def says_all_is_well(self: Any, call: StepCall) -> StepResult:
    return done()


async def shows_the_token(self: Any, call: StepCall) -> StepResult:
    raise StepError(f"401 for {call.secrets[SecretRef('jobs')]}")


async def marks_its_config(self: Any, call: StepCall) -> StepResult:
    call.config["seen"] = True
    return done()


TURNS = iter(range(1_000))


async def throws_dice(self: Any, call: StepCall) -> StepResult:
    odd = next(TURNS) % 2
    return StepResult(phase=StepPhase.FAILED if odd else StepPhase.SUCCESSFUL)


def wants_texts(self: Any, config: Json) -> Any:
    return ["jobs"]


async def closes_once(self: Any) -> None:
    if vars(self).get("is_closed"):
        raise RuntimeError("closed already")
    self.is_closed = True


@pytest.mark.parametrize(
    ("test", "members"),
    [
        ("test_a_step_comes_to_its_end", {"run": never_ends}),
        ("test_a_step_comes_to_its_end", {"run": ends_with_nothing}),
        ("test_a_step_comes_to_its_end", {"run": keeps_a_set}),
        ("test_a_step_comes_to_its_end", {"run": keeps_too_much}),
        ("test_a_step_comes_to_its_end", {"run": keeps_the_token}),
        ("test_a_step_comes_to_its_end", {"run": says_two_lines}),
        ("test_a_step_comes_to_its_end", {"run": shows_the_token}),
        ("test_a_call_that_nobody_heard_of_may_be_made_again", {"run": starts_another}),
        ("test_a_call_that_nobody_heard_of_may_be_made_again", {"run": fails_when_asked_again}),
        (
            "test_it_may_be_told_to_stop_and_to_take_back_at_any_moment",
            {"terminate": goes_on_for_ever},
        ),
        ("test_it_may_be_told_to_stop_and_to_take_back_at_any_moment", {"abort": counts_aborts}),
        ("test_what_it_has_done_it_takes_back", {"abort": leaves_it}),
        ("test_states_of_other_versions_are_survived", {"run": trusts_its_state}),
        ("test_states_of_other_versions_are_survived", {"abort": trusts_its_state}),
        ("test_equal_worlds_give_equal_phases", {"run": throws_dice}),
        ("test_a_world_that_does_not_answer_is_an_error", {"run": says_all_is_well}),
        ("test_calls_change_nothing_that_they_were_given", {"run": marks_its_config}),
        ("test_the_secrets_that_it_wants_are_references", {"secrets": wants_texts}),
    ],
    ids=lambda value: (
        value.removeprefix("test_")
        if isinstance(value, str)
        else next(iter(value.values())).__name__
    ),
)
def test_a_broken_plugin_is_caught(test: str, members: dict[str, Any]) -> None:
    broken = type("Broken", (sample.SampleJob,), members)
    contract = type("Contract", (Sample,), {"step_class": broken})()
    if "secrets" in members:
        contract.call = lambda **changes: None
    with pytest.raises(pytest.fail.Exception):
        getattr(contract, test)()


def test_an_error_that_closing_raises_is_its_own() -> None:
    broken = type("Broken", (sample.SampleJob,), {"aclose": closes_once})
    contract = type("Contract", (Sample,), {"step_class": broken})()
    with pytest.raises(RuntimeError, match="closed already"):
        contract.test_closing_is_allowed_before_use_and_twice()
