"""How long the hot paths take on this machine: `make bench`.

In: nothing. Out: microseconds a call, the best of five rounds, and how long `gradatim --help` takes.
They are numbers to compare before and after a change on one machine; nothing fails by them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from gradatim.decide import Snapshot, decide
from gradatim.expr import Condition, evaluate
from gradatim.model.hashing import pod_template_hash
from gradatim.model.rollout import parse_rollout

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONDITION = "len(result) == 0 || result[0] >= 0.95"
ROUNDS = 5
SECONDS_A_ROUND = 0.3


def rollout() -> dict[str, Any]:
    """The example's Rollout, as an API server would give it."""
    documents = yaml.safe_load_all((EXAMPLES / "canary-basic.yaml").read_text())
    found: dict[str, Any] = next(one for one in documents if one["kind"] == "Rollout")
    found["metadata"] |= {
        "namespace": "default",
        "uid": "6f0c1c9e-0000-0000-0000-000000000000",
        "generation": 1,
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return found


def microseconds(call: Callable[[], object]) -> float:
    """Of one call, in the best round."""
    call()
    best = float("inf")
    for _ in range(ROUNDS):
        calls, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < SECONDS_A_ROUND:
            call()
            calls += 1
        best = min(best, spent / calls)
    return best * 1e6


def paths() -> dict[str, Callable[[], object]]:
    """What is measured."""
    raw = rollout()
    text, view = json.dumps(raw), parse_rollout(raw)
    snapshot = Snapshot(rollout=view)
    return {
        "JSON of one Rollout (to compare)": lambda: json.loads(text),
        "view of one Rollout": lambda: parse_rollout(raw),
        "hash of a pod template": lambda: pod_template_hash(view.template, None),
        "first decision": lambda: decide(snapshot, NOW),
        "condition, read": lambda: Condition(CONDITION),
        "condition, evaluated": lambda: evaluate(CONDITION, [0.97], now=NOW),
    }


def main() -> None:
    """Print the table."""
    for name, call in paths().items():
        sys.stdout.write(f"{name:34} {microseconds(call):10.1f} µs\n")
        sys.stdout.flush()
    command = [str(Path(sys.executable).with_name("gradatim")), "--help"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    sys.stdout.write(f"{'gradatim --help':34} {(time.perf_counter() - began) * 1e3:10.1f} ms\n")


if __name__ == "__main__":
    main()
