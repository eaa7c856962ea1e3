"""Random strategies and random histories: what people, clusters and metric sources can do to a release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from world import (
    Saying,
    World,
    in_two_calls,
    istio,
    istio_subsets,
    manifest,
    ping_pong,
    routed,
    with_template,
)

Event = tuple[str, Any]

PLUGINS: dict[str, Saying] = {"in two calls": in_two_calls, "never": lambda _: None}

ANALYSIS = {"templates": [{"templateName": "t"}]}

MATCH = [{"headerName": "agent", "headerValue": {"exact": "curl"}}]
ROUTES = [{"name": "by-header"}, {"name": "mirror"}]
HEADERS: list[dict[str, Any]] = [
    {"setHeaderRoute": {"name": "by-header", "match": MATCH}},
    {"setHeaderRoute": {"name": "by-header", "match": MATCH}, "setWeight": 20},
    {"setHeaderRoute": {"name": "by-header"}},
]
MIRRORS: list[dict[str, Any]] = [
    {"setMirrorRoute": {"name": "mirror", "match": [{"path": {"prefix": "/"}}], "percentage": 35}},
    {"setMirrorRoute": {"name": "mirror"}},
]

PLUGIN = {"plugin": {"name": "org/gate", "config": {"level": 1}}}

weights = st.sampled_from([0, 1, 5, 20, 33, 50, 80, 100])
pauses = st.one_of(
    st.just({}), st.builds(lambda s: {"duration": s}, st.sampled_from([0, 1, "10s"]))
)


def steps(*, is_routed: bool, waits: bool = True) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Canary steps. `waits`: with pauses that only a person ends."""
    durations = pauses if waits else st.just({"duration": 2})
    kinds: list[st.SearchStrategy[dict[str, Any]]] = [
        st.builds(lambda w: {"setWeight": w}, weights),
        st.builds(lambda p: {"pause": p}, durations),
        st.just({"analysis": ANALYSIS}),
        st.sampled_from([PLUGIN, PLUGIN | {"setWeight": 50}]),
    ]
    if is_routed:
        scales = st.sampled_from(
            [{"replicas": 0}, {"replicas": 2}, {"weight": 25}, {"matchTrafficWeight": True}]
        )
        kinds.append(st.builds(lambda s: {"setCanaryScale": s}, scales))
        kinds += [st.sampled_from(HEADERS), st.sampled_from(MIRRORS)]
    return st.lists(st.one_of(kinds), max_size=5)


@st.composite
def basic_canaries(draw: st.DrawFn, *, waits: bool = True) -> dict[str, Any]:
    """Canary blocks without routing."""
    block: dict[str, Any] = {"steps": draw(steps(is_routed=False, waits=waits))}
    limits = draw(
        st.sampled_from(
            [
                {},
                {"maxSurge": 1, "maxUnavailable": 0},
                {"maxSurge": 0, "maxUnavailable": 1},
                {"maxSurge": "50%", "maxUnavailable": "25%"},
                {"maxSurge": 5, "maxUnavailable": 5},
            ]
        )
    )
    block |= limits
    if draw(st.booleans()):
        block |= {"canaryService": "web-canary", "stableService": "web-stable"}
    return block


@st.composite
def routed_canaries(draw: st.DrawFn, *, waits: bool = True) -> dict[str, Any]:
    """Canary blocks with Istio, one Service or one subset a side."""
    block: dict[str, Any] = {"steps": draw(steps(is_routed=True, waits=waits))}
    for name, values in {
        "abortScaleDownDelaySeconds": [None, 0, 2, 30],
        "scaleDownDelaySeconds": [None, 0, 8],
        "scaleDownDelayRevisionLimit": [None, 1],
        "minPodsPerReplicaSet": [None, 2],
        "replicaProgressThreshold": [
            None,
            None,
            {"type": "Percent", "value": 50},
            {"type": "Pods", "value": 1},
        ],
    }.items():
        value = draw(st.sampled_from(values))
        if value is not None:
            block[name] = value
    if draw(st.booleans()):
        block["dynamicStableScale"] = True
        block.pop("scaleDownDelaySeconds", None)
    made = draw(st.sampled_from([istio, istio_subsets, ping_pong]))(**block)
    made["trafficRouting"] |= {"managedRoutes": ROUTES}
    return made


@st.composite
def routed_worlds(draw: st.DrawFn) -> World:
    """Worlds before their first deployment, whose canaries get weights and wait for people and pods only."""
    block = draw(routed_canaries())
    block["steps"] = [each for each in block["steps"] if not {"analysis", "plugin"} & each.keys()]
    lag = draw(st.sampled_from([0, 2, 30]))
    return with_template(routed(manifest(draw(st.integers(0, 7)), **block), lag=lag, delay=lag))


@st.composite
def worlds(draw: st.DrawFn, *, waits: bool = True, lags: tuple[float, ...] = (0, 2, 30)) -> World:
    """Worlds before their first deployment."""
    is_routed = draw(st.booleans())
    block = draw(routed_canaries(waits=waits) if is_routed else basic_canaries(waits=waits))
    if draw(st.sampled_from([False, False, True])):
        block["analysis"] = {**ANALYSIS, "startingStep": 1}
    raw = manifest(replicas=draw(st.integers(0 if waits else 1, 6)), **block)
    if draw(st.booleans()):
        raw["spec"] |= {"progressDeadlineSeconds": 60, "progressDeadlineAbort": draw(st.booleans())}
    if is_routed:
        lag = draw(st.sampled_from(lags))
        return with_template(routed(raw, lag=lag, delay=lag))
    world = with_template(World.of(raw))
    if "stableService" in block:
        from world import service

        from gradatim.model.workload import parse_service

        services = {n: parse_service(service(n)) for n in ("web-stable", "web-canary")}
        world.snapshot = replace(world.snapshot, services=services)
    return world


events: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "app:v3", "app:bad"])),
    st.tuples(st.just("scale"), st.integers(0, 7)),
    st.tuples(st.sampled_from(["abort", "retry", "promote", "promote_full"]), st.none()),
    st.tuples(st.just("promote"), st.none()),
    st.tuples(st.just("pause"), st.booleans()),
    st.tuples(st.just("dynamic"), st.booleans()),
    st.tuples(st.just("lose"), st.tuples(st.integers(1, 4), st.integers(1, 3))),
    st.tuples(st.just("crash"), st.integers(0, 6)),
    st.tuples(
        st.just("verdict"),
        st.sampled_from(["Successful", "Running", "Failed", "Error", "Inconclusive"]),
    ),
    st.tuples(
        st.just("plugin"),
        st.sampled_from(["Successful", "Running", "Failed", "Error", "in two calls", "never"]),
    ),
    st.tuples(st.just("arrived"), st.sampled_from([None, True, False])),
    st.tuples(st.just("work"), st.tuples(st.integers(1, 6), st.sampled_from([1, 2, None]))),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3, 11, 40, 100])),
)
histories = st.lists(events, min_size=30, max_size=45)


def _of(shares: dict[str, int], **kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    """One of these events, each as often as its share of all says."""
    drawn = st.sampled_from([name for name, share in shares.items() for _ in range(share)])
    return drawn.flatmap(lambda name: st.tuples(st.just(name), kinds.get(name, st.none())))


#: Releases that are taken back, promoted in full and superseded while another one is still under way. Faults in who
#: has which pods hide there, and `histories` seldom goes there.
overtaking = st.lists(
    _of(
        {"image": 10, "scale": 5, "dynamic": 3, "abort": 3, "retry": 3, "promote": 3}
        | {
            "promote_full": 4,
            "lose": 2,
            "crash": 2,
            "arrived": 1,
            "pause": 1,
            "work": 10,
            "wait": 4,
        },
        image=st.sampled_from(["app:v1", "app:v2", "app:v2", "app:v3", "app:bad"]),
        scale=st.sampled_from([0, 1, 2, 4, 6, 7]),
        dynamic=st.sampled_from([True, True, False]),
        lose=st.tuples(st.integers(1, 4), st.integers(1, 3)),
        crash=st.integers(0, 6),
        arrived=st.sampled_from([None, True, False]),
        pause=st.booleans(),
        work=st.tuples(st.integers(1, 6), st.sampled_from([1, 2, None])),
        wait=st.sampled_from([0.5, 3, 11, 40]),
    ),
    min_size=8,
    max_size=30,
)


def happen(world: World, event: Event) -> None:
    """One event, and a controller that sees it, unless it crashes on it."""
    name, value = event
    match name:
        case "image" | "scale" | "pause":
            getattr(world, name)(value)
        case "abort" | "retry" | "promote" | "promote_full":
            getattr(world, name)()
        case "dynamic":
            if world.snapshot.routes:
                world.canary(dynamicStableScale=value)
        case "lose":
            world.lose(*value)
        case "verdict":
            world.verdict = lambda _: (value, "")
        case "plugin":
            world.plugin = PLUGINS.get(value, lambda _: (value, {}))
        case "arrived":
            world.arrived = value
        case "wait":
            world.pass_time(value)
        case "crash":
            world.carry_out(world.decide(), stop_after=value)
        case "work":
            rounds, pods = value
            for _ in range(rounds):
                world.carry_out(world.decide())
                world.kubelet(pods)
                world.measure()
                world.pass_time(1)
