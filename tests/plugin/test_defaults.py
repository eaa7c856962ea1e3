"""What a plugin gets that writes its one method only: the defaults by which the base classes grow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    ObjectRef,
    Observed,
    Patch,
    Query,
    StepCall,
    StepPhase,
    StepPlugin,
    StepResult,
    TrafficRouter,
    Verdict,
    Wanted,
)
from gradatim.plugin.spec import (
    gradatim_metric_providers,
    gradatim_step_plugins,
    gradatim_traffic_routers,
    gradatim_validate_metric,
    gradatim_validate_route,
    gradatim_validate_step,
)

QUERY = Query(config={}, metric="m", namespace="default", now=datetime(2026, 1, 1, tzinfo=UTC))
WANTED = Wanted(rollout="web", namespace="default", config={})
PATH = FieldPath("spec")


class Constant(MetricProvider):
    key = "example.com/constant"

    async def measure(self, query: Query) -> Measurement:
        return Measurement(value=1, text="1")


class Nowhere(TrafficRouter):
    key = "example.com/nowhere"

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        return ()


class Idle(StepPlugin):
    key = "example.com/idle"

    async def run(self, call: StepCall) -> StepResult:
        return StepResult(phase=StepPhase.SUCCESSFUL)


async def test_a_step_plugin_needs_to_run_only() -> None:
    plugin = Idle()
    call = StepCall(
        config={}, rollout="web", namespace="shop", now=QUERY.now, started=QUERY.now, attempt="a"
    )
    for operation in (plugin.run, plugin.terminate, plugin.abort):
        assert await operation(call) == StepResult(phase=StepPhase.SUCCESSFUL)
    assert list(plugin.secrets({})) == []
    assert list(plugin.environment()) == []
    await plugin.aclose()


async def test_a_provider_needs_to_measure_only() -> None:
    provider, running = Constant(), Measurement(running=True, text="…", metadata={"job": "x"})
    assert (await provider.measure(QUERY)).value == 1
    assert await provider.resume(QUERY, running) is running
    ended = await provider.terminate(QUERY, running)
    assert (ended.verdict, ended.metadata) == (Verdict.INCONCLUSIVE, {"job": "x"})
    assert list(provider.secrets({})) == []
    assert list(provider.environment()) == []
    assert provider.times({}) == {}
    assert provider.result_metadata(QUERY) == {}
    assert await provider.probe(QUERY, PATH) == []
    assert provider.identity(QUERY) is None
    assert provider.account(QUERY) is None
    await provider.garbage_collect(QUERY, 10)
    await provider.aclose()


async def test_a_router_needs_to_plan_only() -> None:
    router = Nowhere()
    assert list(router.references({}, "default")) == []
    assert list(router.plan(WANTED, {})) == []
    assert list(router.check(WANTED, {}, PATH)) == []
    assert router.observed(WANTED, {}) == Observed()
    assert router.bound_hashes({}, "default", {}) == frozenset()
    assert list(router.released("web", {}, "default", {})) == []
    assert list(router.without_routes(("by-header",), {}, "default", {})) == []
    await router.apply(WANTED)
    assert await router.verify(WANTED, {}) is None
    await router.aclose()


def test_a_hook_that_nobody_implements_brings_nothing() -> None:
    assert list(gradatim_metric_providers()) == []
    assert list(gradatim_traffic_routers()) == []
    assert list(gradatim_step_plugins()) == []
    assert gradatim_validate_step("k", {}, PATH) is None
    assert gradatim_validate_metric("k", {}, PATH) is None
    assert gradatim_validate_route("k", {}, PATH) is None


def test_no_repr_of_a_query_shows_a_secret() -> None:
    query = Query(
        config={},
        metric="m",
        namespace="default",
        now=QUERY.now,
        environment={"DD_API_KEY": "hunter2"},
    )
    assert "hunter2" not in repr(query)
