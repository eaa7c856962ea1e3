"""Planning the weights of a VirtualService with 50 routes.

In: nothing. Out: µs for a plan that changes every route, and for one that changes nothing.
"""

from __future__ import annotations

from typing import Any

from gradatim.plugin import ObjectRef, Target, Wanted
from gradatim.plugin.patches import apply_patch
from gradatim_istio.router import IstioRouter

from .timing import microseconds

ROUTES = 50


def run(routes: int = ROUTES) -> dict[str, float]:
    """Numbers by name."""
    router = IstioRouter()
    names = [f"route-{n}" for n in range(routes)]
    config: dict[str, Any] = {"virtualService": {"name": "web", "routes": names}}
    (ref,) = router.references(config, "default")
    wanted = Wanted(
        rollout="web",
        namespace="default",
        config=config,
        stable=Target("web-stable", "5d7f"),
        canary=Target("web-canary", "8c4b"),
        weight=20,
    )
    before = {ref: _virtual_service(names)}
    (patch,) = router.plan(wanted, before)
    after: dict[ObjectRef, Any] = {ref: apply_patch(before[ref], patch)}
    return {
        "routes": routes,
        "plan, all change µs": microseconds(lambda: list(router.plan(wanted, before)), rounds=20),
        "plan, none changes µs": microseconds(lambda: list(router.plan(wanted, after)), rounds=20),
        "observed µs": microseconds(lambda: router.observed(wanted, after), rounds=20),
    }


def _virtual_service(names: list[str]) -> dict[str, Any]:
    def route(name: str) -> dict[str, Any]:
        shares = (("web-stable", 100), ("web-canary", 0))
        return {
            "name": name,
            "match": [{"uri": {"prefix": f"/{name}"}}],
            "route": [{"destination": {"host": h}, "weight": w} for h, w in shares],
        }

    return {
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
        "spec": {"hosts": ["web"], "http": [route(name) for name in names]},
    }
