"""The hashes of pod templates and steps, as every pass needs them.

In: nothing. Out: µs for a small and for a large pod template, and for steps.
"""

from __future__ import annotations

from typing import Any

from gradatim.model.hashing import pod_template_hash, step_hash

from .timing import microseconds

STEPS: list[dict[str, Any]] = [{"setWeight": n} for n in range(10, 100, 10)]


def template(containers: int) -> dict[str, Any]:
    """A pod template with so many containers, each with a usual number of fields."""
    one = {
        "image": "registry.example/app:1.2.3",
        "env": [{"name": f"VARIABLE_{n}", "value": str(n)} for n in range(20)],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
    }
    named = [{"name": f"app-{n}", **one} for n in range(containers)]
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": named}}


def run() -> dict[str, float]:
    """Numbers by name."""
    small, large = template(1), template(8)
    return {
        "pod template, 1 container µs": microseconds(
            lambda: pod_template_hash(small, None), rounds=200
        ),
        "pod template, 8 containers µs": microseconds(
            lambda: pod_template_hash(large, None), rounds=50
        ),
        "9 steps µs": microseconds(lambda: step_hash(STEPS), rounds=200),
    }
