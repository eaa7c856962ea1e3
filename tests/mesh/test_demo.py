"""The demo with Envoy: both stories, and every request counted."""

from __future__ import annotations

import re
import subprocess
import sys


def test_the_demo_tells_both_stories_through_envoy() -> None:
    command = [sys.executable, "-m", "gradatim.cli", "demo", "--mesh", "envoy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "through a real Envoy" in done.stdout
    assert "→ promoted: shop:1.1 serves everybody" in done.stdout
    assert "→ rolled back by itself: shop:1.1 serves everybody again" in done.stdout
    # the bad version's errors are what the metric reads, and were counted
    assert re.search(r"shop:1\.2-broken \d+/s \(2\d\.\d% errors\)", done.stdout), done.stdout
    counted = re.search(r"(\d+) requests, (\d+) of them met no pod", done.stdout)
    assert counted, done.stdout
    assert int(counted[1]) > 4000
    assert int(counted[2]) == 0
