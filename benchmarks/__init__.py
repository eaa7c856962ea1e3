"""How long the hot paths take: `python -m benchmarks`, or `make bench`.

In: names of benchmarks, or none for all. Out: a table, and with OUT=file the same as JSON.
Each module has a `run()` that gives numbers by name; the clusters are those of the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

# the controller on an embedded cluster is set up by the same code as for the scenarios, and so are worlds to decide on
_TESTS = Path(__file__).parents[1] / "tests"
sys.path += [str(_TESTS / part) for part in ("run", "decide", "decide/bluegreen")]
