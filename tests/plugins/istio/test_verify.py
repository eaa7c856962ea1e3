"""Whether a change has arrived: what Istio says about the present generation is believed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.plugin import Json, ObjectRef, RouterError, Target, Wanted
from gradatim_istio.router import IstioRouter

REF = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "web")
OTHER = ObjectRef("networking.istio.io/v1alpha3", "VirtualService", "shop", "api")


def reconciled(status: str, observed: Any = "3", **of_condition: Any) -> Json:
    condition = {"type": "Reconciled", "status": status, "message": "1/2 proxies up to date."}
    analysed = {"type": "PassedAnalysis", "status": "True"}
    return {"conditions": [analysed, condition | of_condition], "observedGeneration": observed}


def virtual_service(status: Any, canary: int = 20) -> Json:
    route = [
        {"destination": {"host": "stable"}, "weight": 100 - canary},
        {"destination": {"host": "canary"}, "weight": canary},
    ]
    return {"metadata": {"generation": 3}, "spec": {"http": [{"route": route}]}, "status": status}


def wanted(*names: str) -> Wanted:
    return Wanted(
        rollout="web",
        namespace="shop",
        config={"virtualServices": [{"name": name} for name in names]},
        stable=Target("stable"),
        canary=Target("canary"),
        weight=20,
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(reconciled("True"), True, id="all proxies have it"),
        pytest.param(reconciled("True", 3), True, id="a generation as a number"),
        pytest.param(
            reconciled("True", 1, observedGeneration="3"), True, id="a generation of the condition"
        ),
        pytest.param(reconciled("False"), False, id="not all"),
        pytest.param(reconciled("Unknown"), None, id="unknown"),
        pytest.param(reconciled("False", 2), None, id="an older generation says nothing"),
        pytest.param(reconciled("True", None), None, id="no generation"),
        pytest.param(
            {"conditions": [{"type": "PassedAnalysis", "status": "True"}]}, None, id="only analysed"
        ),
        pytest.param({}, None, id="no conditions"),
        pytest.param(None, None, id="no status"),
        pytest.param(
            {"conditions": {"type": "Reconciled"}}, None, id="conditions that are no list"
        ),
        pytest.param("Reconciled", None, id="a status that is no object"),
    ],
)
async def test_what_istio_says(status: Any, expected: bool | None) -> None:
    assert await IstioRouter().verify(wanted("web"), {REF: virtual_service(status)}) is expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        pytest.param((reconciled("True"), reconciled("True")), True, id="both"),
        pytest.param((reconciled("True"), None), None, id="one is silent"),
        pytest.param((None, reconciled("False")), False, id="one is not there yet"),
    ],
)
async def test_all_objects_count(statuses: tuple[Any, Any], expected: bool | None) -> None:
    objects = {REF: virtual_service(statuses[0]), OTHER: virtual_service(statuses[1])}
    assert await IstioRouter().verify(wanted("web", "api"), objects) is expected


async def test_what_is_not_even_written_has_not_arrived() -> None:
    objects = {REF: virtual_service(reconciled("True"), canary=0)}
    assert await IstioRouter().verify(wanted("web"), objects) is False


async def test_a_missing_object_is_a_router_error() -> None:
    with pytest.raises(RouterError, match="VirtualService shop/web not found"):
        await IstioRouter().verify(wanted("web"), {})
