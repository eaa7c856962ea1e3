"""The contract of a step plugin: it may be killed, called twice and told to stop at any moment.

In: a subclass that names the plugin's module, class and configs, and a stand-in for the world outside. Out: test
methods that pytest collects in it. Called by pytest in the plugin author's tests.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import pytest

from gradatim.plugin import Json, SecretRef, StepCall, StepError, StepPhase, StepPlugin, StepResult
from gradatim.plugin.step import state_fault

from .fakes import a_step_call
from .plugin_contract import PluginContract, check_secret_free

#: What an older or a newer version of a plugin, or somebody with an editor, may have left in the status.
FOREIGN_STATES: Final[tuple[Json, ...]] = (
    {},
    {"version": 7, "from": "another version"},
    {"id": None, "job": [], "url": {}, "state": 3, "phase": True, "name": {"a": [1]}},
)
_LONGEST_MESSAGE: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Walk:
    """A step from its first call to its end: the calls and the last result."""

    calls: tuple[StepCall, ...]
    result: StepResult


class StepPluginContract(PluginContract):
    """Subclass it as `Test…`, with `module`, `step_class`, `good_config` and `wrong_configs`.

    A plugin that does something outside overrides `outside`, `made` and `effects` too: then what the contract is
    about, that calls may be repeated, is tried on it.

    Attributes:
        step_class: the class under test.
        most_calls: calls of `run` within which the step ends, in the world of `outside`.
        takes_back: after `abort` the effects are those of a world in which nothing was done.
        secret_data: what each Secret that the plugin asks for holds. A Secret not named here is absent.
        environment_data: the controller's environment variables.
    """

    step_class: ClassVar[type[StepPlugin]]
    most_calls: ClassVar[int] = 20
    takes_back: ClassVar[bool] = False
    secret_data: ClassVar[dict[SecretRef, dict[str, str]]] = {}
    environment_data: ClassVar[dict[str, str]] = {}

    registering = "gradatim_step_plugins"
    validating = "gradatim_validate_step"

    @classmethod
    def plugin_class(cls) -> type[StepPlugin]:
        """The class under test."""
        return cls.step_class

    def outside(self) -> Any:
        """A new world outside, in which the step succeeds."""
        return None

    def broken_outside(self) -> Any:
        """A world outside that does not answer; None: the plugin asks nobody."""
        return None

    def made(self, outside: Any) -> StepPlugin:
        """A new instance that works on this world, as another controller would make it."""
        del outside
        return self.step_class()

    def effects(self, outside: Any) -> object:
        """What has been done in this world, in a form that can be compared: not how often somebody looked."""
        del outside
        return None

    def call(self, **changes: Any) -> StepCall:
        """The first call of a step with `good_config`."""
        plugin = self.step_class()
        secrets = {ref: self.secret_data.get(ref) for ref in plugin.secrets(self.good_config)}
        given = {"secrets": secrets, "environment": self.environment_data}
        return a_step_call(copy.deepcopy(self.good_config), **given, **changes)

    def test_an_argument_may_stand_for_any_text(self) -> None:
        pytest.skip("steps have no arguments: what stands in the config is what it is")

    def test_a_step_comes_to_its_end(self) -> None:
        walk = asyncio.run(self._walked(self.outside()))
        if walk.result.phase is not StepPhase.SUCCESSFUL:
            pytest.fail(f"the step does not succeed: {walk.result!r:.500}")

    def test_a_call_that_nobody_heard_of_may_be_made_again(self) -> None:
        once, twice = self.outside(), self.outside()
        heard = asyncio.run(self._walked(once))
        again = asyncio.run(self._walked(twice, times=2))
        if self.effects(once) != self.effects(twice):
            pytest.fail(
                "a controller that is killed before it has noted an answer calls again; that did more: "
                f"{self.effects(twice)!r:.400}, and not {self.effects(once)!r:.400}"
            )
        if heard.result.phase is not again.result.phase:
            pytest.fail(f"called again it ends {again.result.phase} and not {heard.result.phase}")

    def test_it_may_be_told_to_stop_and_to_take_back_at_any_moment(self) -> None:
        async def scenario() -> None:
            for call in (await self._walked(self.outside())).calls:
                for operation in ("terminate", "abort"):
                    outside = self.outside()
                    await self._walked(outside, until=call.executions)
                    first = await self._ended(outside, operation, call)
                    left = self.effects(outside)
                    await self._ended(outside, operation, call)
                    if first is not None and self.effects(outside) != left:
                        pytest.fail(f"a second {operation} did more than the first")

        asyncio.run(scenario())

    def test_what_it_has_done_it_takes_back(self) -> None:
        if not self.takes_back:
            pytest.skip("the plugin does not claim to take anything back (takes_back)")

        async def scenario() -> None:
            outside = self.outside()
            walk = await self._walked(outside)
            last = replace(
                walk.calls[-1], executions=len(walk.calls), status=_kept(walk.result.status)
            )
            await self._ended(outside, "abort", last)
            nothing = self.effects(self.outside())
            if self.effects(outside) != nothing:
                pytest.fail(f"after abort there is {self.effects(outside)!r:.400} left")

        asyncio.run(scenario())

    def test_states_of_other_versions_are_survived(self) -> None:
        async def scenario() -> None:
            for state in (None, *FOREIGN_STATES):
                for operation in ("run", "terminate", "abort"):
                    call = self.call(status=copy.deepcopy(state), executions=3)
                    outside = self.outside()
                    if operation == "run":
                        await self._called(self.made(outside), "run", call)
                    else:
                        await self._ended(outside, operation, call)

        asyncio.run(scenario())

    def test_equal_worlds_give_equal_phases(self) -> None:
        first, second = (asyncio.run(self._walked(self.outside())) for _ in range(2))
        if (len(first.calls), first.result.phase) != (len(second.calls), second.result.phase):
            pytest.fail("two equal steps end differently: what is random belongs into the state")

    def test_a_world_that_does_not_answer_is_an_error(self) -> None:
        outside = self.broken_outside()
        if outside is None:
            pytest.skip("there is no world outside (broken_outside)")
        try:
            result = asyncio.run(self.made(outside).run(self.call()))
        except StepError as error:
            self._check_message(str(error))
        else:
            pytest.fail(f"nothing is known about the step, and run says {result!r:.300}")

    def test_calls_change_nothing_that_they_were_given(self) -> None:
        call = self.call()
        before = copy.deepcopy(call)
        asyncio.run(self._called(self.made(self.outside()), "run", call))
        if call != before:
            pytest.fail("run changed its call")

    def test_the_secrets_that_it_wants_are_references(self) -> None:
        wanted: Iterable[object] = self.step_class().secrets(self.good_config)
        for ref in wanted:
            if not isinstance(ref, SecretRef) or not ref.name:
                pytest.fail(f"{ref!r} is no SecretRef with a name")

    def test_closing_is_allowed_before_use_and_twice(self) -> None:
        async def scenario() -> None:
            plugin = self.step_class()
            await plugin.aclose()
            await plugin.aclose()

        asyncio.run(scenario())

    async def _walked(self, outside: Any, *, times: int = 1, until: int | None = None) -> _Walk:
        """Call `run` until the step ends, each time by a new instance, and each call so many times."""
        call, calls = self.call(), []
        for number in range(self.most_calls):
            calls.append(call)
            for _ in range(times):
                result = await self._called(self.made(outside), "run", call)
            if result is None:
                pytest.fail("run raised a StepError in the world of `outside`")
            if result.phase is not StepPhase.RUNNING or number == until:
                return _Walk(tuple(calls), result)
            call = replace(call, executions=number + 1, status=_kept(result.status))
        return pytest.fail(f"the step is still running after {self.most_calls} calls (most_calls)")

    async def _ended(self, outside: Any, operation: str, call: StepCall) -> StepResult | None:
        result = await self._called(self.made(outside), operation, call)
        if result is not None and result.phase is StepPhase.RUNNING:
            pytest.fail(f"{operation} is not repeated: RUNNING counts as FAILED")
        return result

    async def _called(
        self, plugin: StepPlugin, operation: str, call: StepCall
    ) -> StepResult | None:
        """One call; None for a StepError, which every call may raise."""
        try:
            result: object = await getattr(plugin, operation)(call)
        except StepError as error:
            self._check_message(str(error))
            return None
        except Exception as error:
            told = f"{operation} raised {error!r:.300} with the state {call.status!r:.200}"
            raise pytest.fail.Exception(told) from error
        finally:
            await plugin.aclose()
        if not isinstance(result, StepResult) or not isinstance(result.phase, StepPhase):
            pytest.fail(f"{operation} gave {result!r:.300}")
        if (fault := state_fault(result.status)) is not None:
            pytest.fail(f"{operation}: {fault}")
        self._check_message(result.message)
        check_secret_free(json.dumps(result.status), self._secrets(), "the state")
        return result

    def _check_message(self, message: object) -> None:
        if not isinstance(message, str) or "\n" in message or len(message) > _LONGEST_MESSAGE:
            pytest.fail(f"not a message of one line: {message!r:.300}")
        check_secret_free(message, self._secrets(), "a message")

    def _secrets(self) -> Iterator[str]:
        for texts in self.secret_data.values():
            yield from texts.values()


def _kept(state: Json | None) -> Json | None:
    """The state as it comes back from the API server."""
    kept: Json | None = json.loads(json.dumps(state))
    return kept
