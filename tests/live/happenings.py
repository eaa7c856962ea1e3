"""Random setups and random histories, for Hypothesis: what people, clusters and networks do to a release.

An event is a tuple: seconds before it, its name, and what it takes. `player.py` carries it out.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from setups import Setup

Event = tuple[Any, ...]
Json = dict[str, Any]

ANALYSIS = {"templates": [{"templateName": "good"}]}
LAGS = st.one_of(st.sampled_from([0.0, 2.0, 30.0]), st.integers(1, 400).map(lambda n: n / 10))
PLUGIN = {"plugin": {"name": "test/step", "config": {"level": 1}}}
WEIGHTS = st.sampled_from([50, 20, 80, 0, 100, 1, 33])
PAUSES = st.sampled_from([{}, {"duration": "1s"}, {"duration": "10s"}])
SCALES = st.sampled_from(
    [
        {"replicas": 2},
        {"replicas": 0},
        {"replicas": 8},
        {"weight": 25},
        {"matchTrafficWeight": True},
    ]
)


MATCH = [{"headerName": "agent", "headerValue": {"exact": "curl"}}]
ROUTES = [{"name": "by-header"}, {"name": "mirror"}]
MANAGED: list[Json] = [
    {"setHeaderRoute": {"name": "by-header", "match": MATCH}},
    {"setHeaderRoute": {"name": "by-header"}},
    {"setMirrorRoute": {"name": "mirror", "match": [{"path": {"prefix": "/"}}], "percentage": 35}},
    {"setMirrorRoute": {"name": "mirror"}},
]


ONE = {"name": "one", "templateName": "good", "requiredForCompletion": True}
BESIDE = {"name": "beside", "specRef": "stable"}
TRIED = {"name": "tried", "specRef": "canary", "replicas": 2}


def _experiment(beside: int, tried: int, **given: Any) -> Json:
    """A step with an Experiment; its sets get so many of the requests, 0 for none."""
    sets = [(BESIDE, beside), (TRIED, tried)]
    templates = [each | ({"weight": weight} if weight else {}) for each, weight in sets]
    return {"experiment": {"templates": templates, **given}}


EXPERIMENTS = [
    _experiment(0, 0, duration="4s"),
    _experiment(0, 0, analyses=[ONE]),
    _experiment(0, 0, analyses=[ONE], duration="40s"),
]
WEIGHED = [
    _experiment(10, 20, duration="4s"),
    _experiment(0, 5, duration="40s", analyses=[ONE]),
    _experiment(60, 30, analyses=[ONE]),
]


def steps(*, is_routed: bool) -> st.SearchStrategy[list[Json]]:
    """Canary steps."""
    kinds: list[st.SearchStrategy[Json]] = [
        st.builds(lambda w: {"setWeight": w}, WEIGHTS),
        st.builds(lambda p: {"pause": p}, PAUSES),
        st.just({"analysis": ANALYSIS}),
        st.sampled_from([PLUGIN, PLUGIN | {"setWeight": 20}]),
        st.sampled_from([*EXPERIMENTS, *(WEIGHED if is_routed else ())]),
    ]
    if is_routed:
        kinds.append(st.builds(lambda s: {"setCanaryScale": s}, SCALES))
        kinds.append(st.sampled_from(MANAGED))
    return st.lists(st.one_of(kinds), max_size=5)


def _some(**choices: list[Any]) -> st.SearchStrategy[Json]:
    """Some of the fields, each with one of its values."""
    fields = {name: st.sampled_from([None, *values]) for name, values in choices.items()}
    return st.fixed_dictionaries(fields).map(
        lambda found: {k: v for k, v in found.items() if v is not None}
    )


THRESHOLD = {"type": "Percent", "value": 50}
BACKGROUND = {**ANALYSIS, "startingStep": 1}
ROUTED = _some(
    abortScaleDownDelaySeconds=[0, 2, 40],
    scaleDownDelaySeconds=[0, 8],
    scaleDownDelayRevisionLimit=[1],
    minPodsPerReplicaSet=[2],
    replicaProgressThreshold=[THRESHOLD],
    analysis=[BACKGROUND],
    dynamicStableScale=[True],
)
BASIC = _some(
    maxSurge=[0, 1, "50%"],
    maxUnavailable=[1, "25%", 5],
    analysis=[BACKGROUND],
    canaryService=["web-canary"],
    stableService=["web-stable"],
)
BLUE_GREEN = _some(
    autoPromotionEnabled=[False],
    autoPromotionSeconds=[3, 40],
    previewReplicaCount=[1],
    scaleDownDelaySeconds=[1, 50],
    scaleDownDelayRevisionLimit=[1],
    abortScaleDownDelaySeconds=[0, 2],
    prePromotionAnalysis=[ANALYSIS],
    postPromotionAnalysis=[ANALYSIS],
)
SPECS = _some(
    progressDeadlineAbort=[True],
    minReadySeconds=[1],
    rollbackWindow=[{"revisions": 2}],
    revisionHistoryLimit=[1],
).map(lambda spec: {"progressDeadlineSeconds": 60, **spec})


@st.composite
def setups(draw: st.DrawFn, kind: str) -> Setup:
    """Setups of one kind."""
    if kind == "bluegreen":
        block = draw(BLUE_GREEN)
    else:
        is_routed = kind not in ("basic", "workload")
        block = draw(ROUTED if is_routed else BASIC)
        block["steps"] = draw(steps(is_routed=is_routed))
        if "dynamicStableScale" in block:
            # the two exclude each other
            block.pop("scaleDownDelaySeconds", None)
        if block.get("maxSurge") == 0 and "maxUnavailable" not in block:
            block["maxUnavailable"] = 1
        if ("canaryService" in block) != ("stableService" in block):
            block = {k: v for k, v in block.items() if not k.endswith("Service")}
    # without a router nobody waits for the data plane: the pods' own ends are to be slow enough
    lags = LAGS if kind not in ("basic", "workload") else st.just(0.0)
    return Setup(
        kind,
        replicas=draw(st.integers(1, 5)),
        block=block,
        spec=draw(SPECS),
        lag=draw(lags),
        stale=draw(st.sampled_from([0, 0, 0.1, 1])),
    )


FAULTS = st.sampled_from(["conflict", "500", "503", "timeout", "refused", "lost", "lost-500"])
SHORT = st.lists(st.sampled_from([{"setWeight": 50}, {"pause": {}}, {"setWeight": 20}]), max_size=3)
GAPS = st.sampled_from([0.3, 0.0, 0.05, 1, 4, 11, 40])

KINDS: list[st.SearchStrategy[Any]] = [
    st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "app:v3", "app:bad"])),
    st.tuples(st.just("scale"), st.integers(0, 6)),
    st.tuples(st.just("scale_as_hpa"), st.integers(1, 6)),
    st.tuples(st.just("abort")),
    st.tuples(st.just("retry")),
    st.tuples(st.just("promote")),
    st.tuples(st.just("promote")),
    st.tuples(st.just("promote_full")),
    st.tuples(st.just("pause")),
    st.tuples(st.just("resume")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("lose"), st.sampled_from(["stable", "new"]), st.integers(1, 3)),
    st.tuples(st.just("sicken"), st.sampled_from(["stable", "new"]), st.integers(1, 3)),
    st.tuples(st.just("cure")),
    st.tuples(st.just("lose_tried"), st.integers(1, 3)),
    st.tuples(st.just("end_experiment")),
    st.tuples(st.just("node_away"), st.sampled_from([0.5, 5, 50])),
    st.tuples(st.just("verdict_is"), st.sampled_from(["good", "bad", "unclear", "error"])),
    st.tuples(st.just("kill"), st.integers(0, 5)),
    st.tuples(st.just("fail"), FAULTS, st.integers(1, 4)),
    st.tuples(st.just("revert")),
    st.tuples(st.just("revert_services")),
    st.tuples(st.just("restart_pods")),
]


@st.composite
def histories(draw: st.DrawFn, kind: str, least: int = 30) -> list[Event]:
    """Histories of thirty events and some more, of a few kinds: what meets often is found more often."""
    kinds = [*KINDS]
    if kind != "bluegreen":
        kinds.append(st.tuples(st.just("steps"), SHORT))
    indices = st.sampled_from(range(len(kinds)))
    chosen = draw(st.lists(indices, min_size=3, max_size=len(kinds), unique=True))
    event = st.tuples(GAPS, st.one_of([kinds[index] for index in chosen]))
    found = st.lists(event.map(lambda e: (e[0], *e[1])), min_size=least, max_size=least + 10)
    return draw(found)
