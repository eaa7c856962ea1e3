"""What holds for all tests: how many examples Hypothesis tries.

GRADATIM_EXAMPLES=N has each property in a module named `test_*laws*.py` try N examples at least; CI sets it high.
Other properties keep what they say, or the default below.
Every embedded cluster is watched by the guard of `tests/live`.
What a report holds can be sent from a worker: half a surrogate pair in a log must not hide which test has failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from gradatim.sim import Sim

sys.path.append(str(Path(__file__).parent / "live"))

EXAMPLES = int(os.environ.get("GRADATIM_EXAMPLES", "0"))

# Machines of CI are slow and shared: a slow example is not a fault, a wrong one is.
settings.register_profile(
    "gradatim",
    deadline=None,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("gradatim")


def pytest_configure() -> None:
    # once for the run, and not a fixture: Hypothesis plays many clusters in one test
    from guard import watch

    Sim.observers.append(watch)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if EXAMPLES and isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.timeout(1800))
            if "laws" in item.path.stem:
                _try_more(item)


def _try_more(item: pytest.Function) -> None:
    """Raise the number of examples of a property that names its own, which no profile can."""
    own = getattr(item.obj, "_hypothesis_internal_use_settings", settings.default)
    item.obj._hypothesis_internal_use_settings = settings(
        own, max_examples=max(EXAMPLES, own.max_examples)
    )


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Have pytest-xdist send what it would else end the whole run for."""
    return encodable((yield))


def encodable(data: Any) -> Any:
    """The same data with nothing in it that UTF-8 cannot say."""
    match data:
        case str():
            return data.encode(errors="backslashreplace").decode()
        case dict():
            return {encodable(key): encodable(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(map(encodable, data))
        case _:
            return data
