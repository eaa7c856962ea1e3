"""Effects become writes: in their order, up to the first that fails; the status last, on what it was decided on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gradatim.apply import Applier, NameTaken, Ports
from gradatim.decide import Decision
from gradatim.decide.effects import (
    ApplyRoute,
    CreateReplicaSet,
    CreateRun,
    DeleteReplicaSet,
    DeleteRun,
    Effect,
    Emit,
    PatchReplicaSet,
    PatchRollout,
    PatchRoute,
    ScaleReplicaSet,
    SwitchService,
    TerminateRun,
)
from gradatim.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    Unavailable,
)
from gradatim.kube.resources import Resource
from gradatim.model.reading import Json
from gradatim.model.rollout import parse_rollout
from gradatim.plugin import ObjectRef, Patch, RouterError, Wanted

VIRTUAL_SERVICE = Resource(
    group="networking.istio.io", version="v1", plural="virtualservices", kind="VirtualService"
)
REF = ObjectRef("networking.istio.io/v1", "VirtualService", "shop", "web")
BEFORE: Json = {"phase": "Healthy", "abort": False, "replicas": 3}
MINE: Json = {"metadata": {"ownerReferences": [{"controller": True, "uid": "u-1"}]}}


@dataclass
class Cluster:
    """An API server that remembers what it was asked, and refuses what it is told to."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    refusals: dict[str, Exception] = field(default_factory=dict)
    there: Json = field(default_factory=dict)
    before: Callable[[str], None] = lambda place: None

    async def create(self, resource: Resource, body: Json) -> Json:
        return self._answer("create", f"{resource.plural}/{body['metadata']['name']}", body)

    async def get(self, address: Any) -> Json:
        self._answer("get", f"{address.resource.plural}/{address.name}")
        return self.there

    async def patch(self, address: Any, body: object, *, kind: str = "merge") -> Json:
        sub = f"/{address.subresource}" if address.subresource else ""
        return self._answer("patch", f"{address.resource.plural}/{address.name}{sub}", body, kind)

    async def delete(self, address: Any, *, uid: str) -> None:
        self._answer("delete", f"{address.resource.plural}/{address.name}", uid)

    def _answer(self, verb: str, place: str, *more: object) -> Json:
        self.before(place)
        if f"{verb} {place}" in self.refusals:
            raise self.refusals[f"{verb} {place}"]
        self.asked.append((verb, place, *more))
        return {"metadata": {"name": place, "resourceVersion": f"v{len(self.asked)}"}}


@dataclass
class Around:
    """Everything else that the applier talks to."""

    cluster: Cluster = field(default_factory=Cluster)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)
    applied: list[tuple[str, int | None]] = field(default_factory=list)
    broken: BaseException | None = None

    def emit(self, about: Json, kind: str, reason: str, message: str) -> None:
        assert about["metadata"]["name"] == "web"
        self.events.append((kind, reason, message))

    def wrote(self, resource: Resource, written: Json) -> None:
        self.remembered.append(resource.kind)

    def deleted(self, address: Any, uid: str) -> None:
        self.remembered.append(f"-{address.resource.kind} {uid}")

    async def apply(self, router: str, wanted: Wanted) -> None:
        if self.broken is not None:
            raise self.broken
        self.applied.append((router, wanted.weight))

    async def resource_of(self, ref: ObjectRef) -> Resource:
        return VIRTUAL_SERVICE

    async def carry_out(self, *effects: Effect, status: Json | None = None) -> bool:
        raw = {
            "metadata": {"name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"},
            "status": BEFORE,
        }
        ports = Ports(
            client=self.cluster,
            recorder=self,
            memory=self,
            routers=self,
            resource_of=self.resource_of,
            client_of=lambda _: self.cluster,
        )
        decision = Decision(effects, BEFORE if status is None else status)
        return await Applier(ports).carry_out(parse_rollout(raw), decision)


@pytest.fixture
def around() -> Around:
    return Around()


def replica_set(name: str = "web-abc", replicas: int = 2) -> CreateReplicaSet:
    return CreateReplicaSet({"metadata": {"name": name}}, name, replicas)


def weight(weight: int, version: str = "10", **more: Any) -> PatchRoute:
    body = [{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": weight}]
    return PatchRoute("istio", Patch(ref=REF, body=body, kind="json", resource_version=version))


WANTED = Wanted(rollout="web", namespace="shop", config={}, weight=20)


@pytest.mark.parametrize(
    ("effect", "asked"),
    [
        (replica_set(), ("create", "replicasets/web-abc", {"metadata": {"name": "web-abc"}})),
        (
            ScaleReplicaSet("web-abc", 1, 3),
            ("patch", "replicasets/web-abc", {"spec": {"replicas": 3}}, "merge"),
        ),
        (
            ScaleReplicaSet("web-abc", 1, 0, {"a": None}),
            (
                "patch",
                "replicasets/web-abc",
                {"spec": {"replicas": 0}, "metadata": {"annotations": {"a": None}}},
                "merge",
            ),
        ),
        (
            PatchReplicaSet("web-abc", {"a": "b"}, 5),
            (
                "patch",
                "replicasets/web-abc",
                {"metadata": {"annotations": {"a": "b"}}, "spec": {"minReadySeconds": 5}},
                "merge",
            ),
        ),
        (
            PatchReplicaSet("web-abc", min_ready_seconds=5),
            ("patch", "replicasets/web-abc", {"spec": {"minReadySeconds": 5}}, "merge"),
        ),
        (DeleteReplicaSet("web-abc", "u-2"), ("delete", "replicasets/web-abc", "u-2")),
        (
            SwitchService("stable", "abc"),
            (
                "patch",
                "services/stable",
                {"spec": {"selector": {"rollouts-pod-template-hash": "abc"}}},
                "merge",
            ),
        ),
        (
            SwitchService("stable", "abc", "web"),
            (
                "patch",
                "services/stable",
                {
                    "spec": {"selector": {"rollouts-pod-template-hash": "abc"}},
                    "metadata": {
                        "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}
                    },
                },
                "merge",
            ),
        ),
        (
            weight(20),
            (
                "patch",
                "virtualservices/web",
                [
                    {"op": "replace", "path": "/metadata/resourceVersion", "value": "10"},
                    {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 20},
                ],
                "json",
            ),
        ),
        (
            PatchRoute("smi", Patch(ref=REF, body={"spec": {"a": 1}}, resource_version="10")),
            (
                "patch",
                "virtualservices/web",
                {"spec": {"a": 1}, "metadata": {"resourceVersion": "10"}},
                "merge",
            ),
        ),
        (
            PatchRoute("smi", Patch(ref=REF, body={"spec": {"a": 1}})),
            ("patch", "virtualservices/web", {"spec": {"a": 1}}, "merge"),
        ),
        (
            weight(20, version=""),
            (
                "patch",
                "virtualservices/web",
                [{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 20}],
                "json",
            ),
        ),
        (
            CreateRun("r", {"metadata": {"name": "r"}}),
            ("create", "analysisruns/r", {"metadata": {"name": "r"}}),
        ),
        (
            TerminateRun("r"),
            ("patch", "analysisruns/r", {"spec": {"terminate": True}}, "merge"),
        ),
        (DeleteRun("r", "u-3"), ("delete", "analysisruns/r", "u-3")),
        (
            PatchRollout({"spec": {"replicas": 1}}),
            (
                "patch",
                "rollouts/web",
                {"spec": {"replicas": 1}, "metadata": {"resourceVersion": "7"}},
                "merge",
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_each_effect_is_one_request(
    around: Around, effect: Effect, asked: tuple[Any, ...]
) -> None:
    assert await around.carry_out(effect)
    assert around.cluster.asked == [asked]
    assert len(around.remembered) == 1


async def test_nothing_to_do_is_no_request(around: Around) -> None:
    assert not await around.carry_out()
    assert not await around.carry_out(Emit("Reason", "words"))
    assert around.cluster.asked == []
    assert around.events == [("Normal", "Reason", "words")]


async def test_the_status_comes_last_and_only_with_what_changed(around: Around) -> None:
    await around.carry_out(
        ScaleReplicaSet("web-abc", 1, 3), status={**BEFORE, "phase": "Paused", "message": "m"}
    )
    assert around.cluster.asked[-1] == (
        "patch",
        "rollouts/web/status",
        {"status": {"phase": "Paused", "message": "m"}, "metadata": {"resourceVersion": "7"}},
        "merge",
    )


async def test_the_status_is_written_against_the_version_that_our_own_patch_made(
    around: Around,
) -> None:
    body = {"metadata": {"annotations": {"a": "b"}}}
    await around.carry_out(PatchRollout(body), status={"phase": "Paused"})
    assert around.cluster.asked[0][2]["metadata"] == {
        "annotations": {"a": "b"},
        "resourceVersion": "7",
    }
    assert around.cluster.asked[-1][2]["metadata"] == {"resourceVersion": "v1"}


async def test_a_second_write_of_an_object_goes_against_the_version_of_the_first(
    around: Around,
) -> None:
    await around.carry_out(weight(0), weight(20), weight(30))
    versions = [asked[2][0]["value"] for asked in around.cluster.asked]
    assert versions == ["10", "v1", "v2"]


async def test_the_first_failure_ends_the_pass_and_what_was_done_is_told(around: Around) -> None:
    around.cluster.refusals["patch services/stable"] = Conflict("changed", status=409)
    with pytest.raises(Conflict):
        await around.carry_out(
            ScaleReplicaSet("web-abc", 1, 3),
            Emit("ScalingReplicaSet", "up"),
            Emit("RolloutStepCompleted", "1/2", of_status=True),
            SwitchService("stable", "abc"),
            Emit("SwitchService", "switched"),
            ScaleReplicaSet("web-old", 3, 0),
            status={"phase": "Paused"},
        )
    assert [asked[1] for asked in around.cluster.asked] == ["replicasets/web-abc"]
    assert around.events == [("Normal", "ScalingReplicaSet", "up")]


async def test_a_write_is_told_before_the_status_unless_another_event_waits_for_that(
    around: Around,
) -> None:
    heard: list[list[str]] = []

    def listen(place: str) -> None:
        if place == "rollouts/web/status":
            heard.append([reason for _, reason, _ in around.events])

    around.cluster.before = listen
    await around.carry_out(
        SwitchService("stable", "abc"),
        Emit("SwitchService", "switched"),
        Emit("RolloutStepCompleted", "1/2", of_status=True),
        ScaleReplicaSet("web-old", 3, 0),
        Emit("ScalingReplicaSet", "down"),
        status={"phase": "Healthy"},
    )
    assert heard == [["SwitchService"]]
    assert [reason for _, reason, _ in around.events] == [
        "SwitchService",
        "RolloutStepCompleted",
        "ScalingReplicaSet",
    ]


async def test_a_status_that_was_not_written_is_not_told(around: Around) -> None:
    around.cluster.refusals["patch rollouts/web/status"] = Conflict("changed", status=409)
    with pytest.raises(Conflict):
        await around.carry_out(
            Emit("RolloutCompleted", "done", of_status=True), status={"phase": "Healthy!"}
        )
    assert around.events == []


def meanwhile(around: Around, times: int, **status: object) -> None:
    """Somebody annotates the Rollout before each of our next writes to it, or writes a status."""
    cluster, conflict = around.cluster, Conflict("changed", status=409)
    cluster.refusals["patch rollouts/web/status"] = conflict
    looked = 0

    async def get(address: Any) -> Json:
        nonlocal looked
        looked += 1
        if looked == times:
            cluster.refusals.clear()
        meta = {"uid": "u-1", "annotations": {"others": str(looked)}}
        return {
            "metadata": {**meta, "resourceVersion": f"a{looked}"},
            "status": {**BEFORE, **status},
        }

    cluster.get = get


async def test_a_status_is_written_although_somebody_annotates_meanwhile(around: Around) -> None:
    meanwhile(around, times=3)
    assert await around.carry_out(status={**BEFORE, "phase": "Paused"})
    ((_, _, body, _),) = around.cluster.asked
    assert body["metadata"]["resourceVersion"] == "a3"


async def test_one_who_annotates_without_end_has_to_be_waited_for(around: Around) -> None:
    meanwhile(around, times=99)
    with pytest.raises(Conflict):
        await around.carry_out(status={**BEFORE, "phase": "Paused"})


async def test_an_abort_that_came_meanwhile_is_never_overwritten(around: Around) -> None:
    meanwhile(around, times=1, abort=True)
    with pytest.raises(Conflict):
        await around.carry_out(status={**BEFORE, "phase": "Paused"})
    assert around.cluster.asked == []


async def test_a_stop_in_the_middle_tells_only_what_was_done(around: Around) -> None:
    around.broken = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await around.carry_out(
            ScaleReplicaSet("web-abc", 1, 3),
            Emit("ScalingReplicaSet", "up"),
            Emit("RolloutStepCompleted", "1/2", of_status=True),
            ApplyRoute("acme/mesh", WANTED),
            status={"phase": "Paused"},
        )
    assert around.events == [("Normal", "ScalingReplicaSet", "up")]


async def test_events_come_in_the_order_of_the_decision(around: Around) -> None:
    await around.carry_out(
        Emit("A", "", of_status=True), Emit("B", ""), Emit("C", "", "Warning"), status={"x": 1}
    )
    assert [reason for _, reason, _ in around.events] == ["A", "B", "C"]


async def test_a_router_outside_the_cluster_is_asked_to_apply(around: Around) -> None:
    assert await around.carry_out(ApplyRoute("acme/mesh", WANTED))
    assert around.applied == [("acme/mesh", 20)]
    around.broken = RouterError("no answer")
    with pytest.raises(RouterError):
        await around.carry_out(ApplyRoute("acme/mesh", WANTED), ScaleReplicaSet("web-abc", 3, 0))
    assert around.cluster.asked == []


@pytest.mark.parametrize("gone", [NotFound("gone", status=404), Conflict("other", status=409)])
async def test_what_is_gone_needs_no_deletion(around: Around, gone: Exception) -> None:
    around.cluster.refusals["delete replicasets/web-abc"] = gone
    assert await around.carry_out(DeleteReplicaSet("web-abc", "u-2"))
    assert around.remembered == []


async def test_a_replica_set_of_ours_that_the_cache_had_not_shown_is_taken_over(
    around: Around,
) -> None:
    around.cluster.refusals["create replicasets/web-abc"] = AlreadyExists("there", status=409)
    around.cluster.there = MINE
    assert await around.carry_out(replica_set(), status={"phase": "Progressing"})
    assert [asked[:2] for asked in around.cluster.asked] == [
        ("get", "replicasets/web-abc"),
        ("patch", "rollouts/web/status"),
    ]


async def test_a_name_that_somebody_else_has_raises_the_collision_count(around: Around) -> None:
    around.cluster.refusals["create replicasets/web-abc"] = AlreadyExists("there", status=409)
    with pytest.raises(NameTaken, match="web-abc belongs to somebody else"):
        await around.carry_out(replica_set(), ScaleReplicaSet("web-abc", 0, 2))
    assert around.cluster.asked[-1] == (
        "patch",
        "rollouts/web/status",
        {"status": {"collisionCount": 1}, "metadata": {"resourceVersion": "7"}},
        "merge",
    )


async def test_a_replica_set_that_may_not_be_created_is_told(around: Around) -> None:
    around.cluster.refusals["create replicasets/web-abc"] = Forbidden("quota", status=403)
    with pytest.raises(Forbidden):
        await around.carry_out(replica_set())
    assert around.events == [
        (
            "Warning",
            "ReplicaSetCreateError",
            'Failed to create new replica set "web-abc": quota',
        )
    ]


REFUSALS = [
    ("quota", Forbidden("quota", status=403)),
    ("a webhook that is down", Unavailable("no", status=500, reason="InternalError")),
    ("an odd template", Invalid("odd", status=422)),
]


@pytest.mark.parametrize("error", [r[1] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
async def test_what_the_server_refuses_is_a_condition_too(around: Around, error: KubeError) -> None:
    around.cluster.refusals["create replicasets/web-abc"] = error
    decided = replace(replica_set(), at=datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(type(error)):
        await around.carry_out(decided, ScaleReplicaSet("web-abc", 0, 2), status={"phase": "x"})
    ((verb, place, body, _),) = around.cluster.asked
    assert (verb, place) == ("patch", "rollouts/web/status")
    (condition,) = body["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Progressing", "False")
    assert condition["reason"] == "ReplicaSetCreateError"
    assert str(error) in condition["message"]
    assert set(body["status"]) == {"conditions"}


async def test_a_server_that_is_away_is_no_refusal(around: Around) -> None:
    around.cluster.refusals["create replicasets/web-abc"] = Unavailable("no", status=503)
    with pytest.raises(Unavailable):
        await around.carry_out(replace(replica_set(), at=datetime(2026, 3, 1, tzinfo=UTC)))
    assert around.cluster.asked == []


async def test_a_run_that_the_cache_had_not_shown_is_looked_at_in_the_next_pass(
    around: Around,
) -> None:
    around.cluster.refusals["create analysisruns/r"] = AlreadyExists("there", status=409)
    around.cluster.there = MINE
    with pytest.raises(NameTaken):
        await around.carry_out(CreateRun("r", {"metadata": {"name": "r"}}))
    assert around.remembered == ["AnalysisRun"]
