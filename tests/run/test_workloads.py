"""A Rollout with what its `workloadRef` brings, or with the reason why it brings nothing."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.kube.errors import Forbidden, Unreachable
from gradatim.model.rollout import parse_rollout
from gradatim.plugin import ObjectRef
from gradatim.run.workloads import resolved, workload_object

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}}
SELECTOR = {"matchLabels": {"app": "web"}}


class Objects:
    """Answers with one object, or raises."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[ObjectRef] = []

    async def get(self, ref: ObjectRef) -> Any:
        self.asked.append(ref)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def rollout(kind: str, version: str = "apps/v1", **spec: Any) -> Any:
    ref = {"apiVersion": version, "kind": kind, "name": "old"}
    spec = {"workloadRef": ref, **spec}
    return parse_rollout({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})


async def test_a_rollout_without_a_reference_is_as_it_is() -> None:
    given = parse_rollout({"spec": {"template": TEMPLATE}})
    assert workload_object(given) is None
    found = await resolved(given, Objects(None))  # type: ignore[arg-type]
    assert found.rollout is given


async def test_a_pod_template_brings_its_template_and_no_selector() -> None:
    objects = Objects({"metadata": {"name": "old", "generation": 2}, "template": TEMPLATE})
    found = await resolved(rollout("PodTemplate", "v1", selector=SELECTOR), objects)
    assert objects.asked == [ObjectRef("v1", "PodTemplate", "shop", "old")]
    assert (found.rollout.template, found.rollout.selector) == (TEMPLATE, SELECTOR)
    assert found.workload is not None
    assert found.workload.generation == 2


async def test_a_selector_of_the_rollout_is_kept() -> None:
    own = {"matchLabels": {"app": "web", "tier": "a"}}
    objects = Objects({"spec": {"template": TEMPLATE, "selector": SELECTOR}})
    found = await resolved(rollout("Deployment", selector=own), objects)
    assert found.rollout.selector == own
    found = await resolved(rollout("Deployment"), objects)
    assert found.rollout.selector == SELECTOR
    assert "selector" not in found.rollout.raw["spec"]


@pytest.mark.parametrize(
    ("given", "answer", "said"),
    [
        (rollout("StatefulSet"), None, "workload of type apps/v1/StatefulSet is not supported"),
        (rollout("Deployment"), None, 'Deployment "old" not found'),
        (rollout("Deployment"), {"spec": {}}, 'Deployment "old" has no template'),
        (rollout("PodTemplate", "v1"), {"template": TEMPLATE}, "spec.selector must name the pods"),
        (rollout("Deployment"), Forbidden("no right to list deployments"), "no right to list"),
        (parse_rollout({"spec": {"workloadRef": {"kind": 3}}}), None, "is not supported"),
    ],
)
async def test_a_reference_that_brings_nothing_is_a_problem(
    given: Any, answer: Any, said: str
) -> None:
    found = await resolved(given, Objects(answer))
    assert [str(problem.path) for problem in found.problems] == ["spec.workloadRef.name"]
    assert said in found.problems[0].message
    assert found.workload is None


async def test_a_server_that_does_not_answer_fails_the_pass() -> None:
    with pytest.raises(Unreachable):
        await resolved(rollout("Deployment"), Objects(Unreachable("no answer")))
