"""Lets the tests of this folder import `world`, and sets how many examples Hypothesis tries."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

sys.path.append(str(Path(__file__).parent))

settings.register_profile(
    "decide",
    max_examples=int(os.environ.get("GRADATIM_EXAMPLES", "40")),
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize="GRADATIM_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
