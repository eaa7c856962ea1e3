"""Makes one call of a step plugin: Secrets, the call itself behind the fence, and what it is worth.

In: a Rollout and a call that its decision asks for. Out: a `PluginAnswer` in bounds, in which nothing is secret.
`stepping.py` calls it, one asyncio task for each; the plugin's own code runs in a place of its own.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from ..decide import PluginAnswer, PluginCall
from ..decide.analysis.redaction import Redactor
from ..errors import GradatimError
from ..model.reading import Json, format_time
from ..model.rollout import Rollout
from ..model.stepplugins import Operation, PluginPhase
from ..plugin import (
    ProviderError,
    SecretRef,
    StepCall,
    StepError,
    StepPhase,
    StepPlugin,
    StepResult,
)
from ..plugin.step import state_fault
from .fence import Call, Fence, LeftAlone
from .inquiry import Surroundings, service_of
from .pluginthread import Place
from .secretcache import SecretReader

log = logging.getLogger(__name__)

T = TypeVar("T")

_LONGEST_MESSAGE: Final = 1024

#: Is told of each call that has begun in the plugin, to know when it has really ended.
Note = Callable[["asyncio.Future[Any]"], None]


class StepPlugins(Protocol):
    """Where step plugins are found: the registry."""

    def step_plugin(self, key: str) -> StepPlugin:
        """The plugin with that key. Raises GradatimError when there is none that works."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What calls are made with."""

    plugins: StepPlugins
    fence: Fence
    secrets: SecretReader
    surroundings: Surroundings
    place: Place
    clock: Callable[[], datetime]


class StepCalls:
    """Makes calls. One serves the whole controller, any number of calls at once."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._used: set[str] = set()

    async def answer(self, rollout: Rollout, call: PluginCall, note: Note) -> PluginAnswer:
        """Make the call. Whatever goes wrong is in the answer."""
        while True:
            try:
                answer = await self._asked(rollout, call, note)
            except LeftAlone as error:
                if call.operation == Operation.RUN:
                    return self._error(call, error)
                # these are not asked for a second time, so it has to be this one
                await asyncio.sleep(error.wait)
            except GradatimError as error:
                return self._error(call, error)
            except Exception as error:
                # A fault of ours. Without an answer the step would be waiting for ever.
                where = rollout.namespace, rollout.name
                log.exception("rollout %s/%s: step plugin %s", *where, call.name)
                told = f"{call.name}: the controller failed at it: {type(error).__name__}"
                return self._error(call, GradatimError(told))
            else:
                return answer

    async def aclose(self) -> None:
        """Let the plugins that were used release their connections, each where it made them."""
        place = self._ports.place
        works = [place.begin(key, partial(self._closed, key)) for key in self._used]
        for work in works:
            work.end.add_done_callback(_heard)
        if works:
            await asyncio.wait([work.end for work in works], timeout=1.0)
        for work in works:
            work.cancel()
        place.close()

    async def _asked(self, rollout: Rollout, call: PluginCall, note: Note) -> PluginAnswer:
        fenced = Call(provider=call.name, method="secrets", address=service_of(call.config))
        wanted = await self._call(fenced, lambda: self._wanted(call), note)
        secrets = {ref: await self._secret(ref, rollout) for ref in wanted}
        hidden = tuple(text for found in secrets.values() for text in (found or {}).values())
        fenced = replace(fenced, method=call.operation.lower(), secrets=hidden)
        given = self._step_call(rollout, call, secrets)
        result = await self._call(fenced, lambda: self._made(call, given), note)
        redactor = Redactor(hidden)
        return PluginAnswer(
            call=call,
            at=self._ports.clock(),
            phase=PluginPhase(result.phase),
            message=redactor.message(result.message)[:_LONGEST_MESSAGE],
            requeue_after=result.requeue_after,
            status=None if result.status is None else _redacted(result.status, redactor),
        )

    def _error(self, call: PluginCall, error: GradatimError) -> PluginAnswer:
        after = error.retry_after if isinstance(error, ProviderError) else None
        message = str(error)[:_LONGEST_MESSAGE]
        at, phase = self._ports.clock(), PluginPhase.ERROR
        return PluginAnswer(call=call, at=at, phase=phase, message=message, requeue_after=after)

    async def _call(self, call: Call, make: Callable[[], Coroutine[Any, Any, T]], note: Note) -> T:
        self._used.add(call.provider)

        async def ask() -> T:
            work = self._ports.place.begin(call.provider, make)
            work.end.add_done_callback(_heard)
            note(work.end)
            try:
                return await asyncio.shield(work.end)
            except StepError as error:
                after, outage = error.retry_after, error.outage
                raise ProviderError(str(error), retry_after=after, outage=outage) from error
            finally:
                if not work.end.done():
                    work.cancel()

        return await self._ports.fence.call(call, ask)

    async def _secret(self, ref: SecretRef, rollout: Rollout) -> Mapping[str, str] | None:
        own = self._ports.surroundings.namespace
        return await self._ports.secrets(
            rollout.namespace if ref.in_run_namespace else own, ref.name
        )

    def _step_call(
        self,
        rollout: Rollout,
        call: PluginCall,
        secrets: Mapping[SecretRef, Mapping[str, str] | None],
    ) -> StepCall:
        now = self._ports.clock()
        reached = call.reached or now
        return StepCall(
            config=copy.deepcopy(call.config),
            rollout=rollout.name,
            namespace=rollout.namespace,
            rollout_uid=rollout.meta.uid,
            index=call.index,
            now=now,
            started=reached,
            attempt=f"{rollout.meta.uid}/{call.index}/{format_time(reached)}",
            executions=call.runs,
            status=copy.deepcopy(call.status),
            pod_hash=rollout.status.pod_hash,
            stable_hash=rollout.status.stable_hash,
            manifest=copy.deepcopy(rollout.raw),
            secrets=secrets,
            environment=self._ports.surroundings.environment,
        )

    # what runs in the plugin's own place

    async def _wanted(self, call: PluginCall) -> tuple[SecretRef, ...]:
        plugin = self._ports.plugins.step_plugin(call.name)
        return tuple(plugin.secrets(copy.deepcopy(call.config)))

    async def _made(self, call: PluginCall, given: StepCall) -> StepResult:
        plugin = self._ports.plugins.step_plugin(call.name)
        match call.operation:
            case Operation.TERMINATE:
                result: object = await plugin.terminate(given)
            case Operation.ABORT:
                result = await plugin.abort(given)
            case _:
                result = await plugin.run(given)
        return _checked(result, call)

    async def _closed(self, key: str) -> None:
        await self._ports.plugins.step_plugin(key).aclose()


def _checked(result: object, call: PluginCall) -> StepResult:
    """The result in a form that can be kept, and that the plugin cannot change any more.

    Raises:
        StepError: it is none.
    """
    where = f"{call.name}: {call.operation.lower()}"
    if not isinstance(result, StepResult):
        raise StepError(f"{where} gave a {type(result).__name__} and not a StepResult")
    given: tuple[object, object, object] = (result.phase, result.message, result.requeue_after)
    phase, message, after = given
    if not isinstance(phase, str) or phase not in set(StepPhase):
        raise StepError(f"{where} gave the phase {str(phase)[:64]!r}, which is not valid")
    if not isinstance(message, str):
        raise StepError(f"{where} gave a message that is a {type(message).__name__}")
    if after is not None and not _is_seconds(after):
        raise StepError(
            f"{where} gave requeue_after={str(after)[:64]}, which is no number of seconds"
        )
    if (fault := state_fault(result.status)) is not None:
        raise StepError(f"{where}: {fault}")
    kept: Json | None = json.loads(json.dumps(result.status))
    message = " ".join(message[: 4 * _LONGEST_MESSAGE].split())
    return replace(result, phase=StepPhase(phase), message=message, status=kept)


def _is_seconds(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < math.inf


def _redacted(value: Any, redactor: Redactor) -> Any:
    match value:
        case dict():
            return {key: _redacted(item, redactor) for key, item in value.items()}
        case list():
            return [_redacted(item, redactor) for item in value]
        case str():
            return redactor.value(value)
    return value


def _heard(end: asyncio.Future[Any]) -> None:
    """Whoever wanted to know how it ended has been told."""
    if not end.cancelled():
        end.exception()
