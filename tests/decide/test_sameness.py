"""When a decision holds for a Rollout that somebody has written to meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.decide.sameness import holds_still

META = {"uid": "u-1", "generation": 3, "resourceVersion": "7", "annotations": {"a": "1"}}
BEFORE: dict[str, Any] = {"metadata": META, "spec": {}, "status": {"phase": "Paused"}}


def with_meta(**fields: Any) -> dict[str, Any]:
    return {**BEFORE, "metadata": {**META, **fields}}


@pytest.mark.parametrize(
    ("now", "holds"),
    [
        pytest.param(with_meta(resourceVersion="8"), True, id="nothing but its version"),
        pytest.param(with_meta(annotations={"a": "2", "b": "x"}), True, id="others' annotations"),
        pytest.param(with_meta(finalizers=["x"]), True, id="a finalizer"),
        pytest.param({**BEFORE, "status": {"abort": True}}, False, id="an abort"),
        pytest.param(with_meta(generation=4), False, id="another spec"),
        pytest.param(with_meta(uid="u-2"), False, id="another one of that name"),
        pytest.param(with_meta(deletionTimestamp="now"), False, id="it is going"),
        pytest.param(
            with_meta(annotations={"gradatim.dev/traffic-propagation-delay": "9s"}),
            False,
            id="a setting of ours",
        ),
        pytest.param(
            with_meta(labels={"argo-rollouts.argoproj.io/controller-instance-id": "x"}),
            False,
            id="another controller's now",
        ),
        pytest.param({}, False, id="nothing"),
        pytest.param({"metadata": [], "status": None}, False, id="nonsense"),
    ],
)
def test_it_holds_where_nothing_changed_that_a_decision_reads(now: Any, holds: bool) -> None:
    assert holds_still(BEFORE, now) is holds
