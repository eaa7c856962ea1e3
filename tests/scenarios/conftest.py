"""Lets the scenarios import `livecluster`, the cluster that they are played on."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "run"))
