"""`python -m benchmarks [name …]`: run them all, or those that are named.

In: names; the variable OUT: a file for the numbers as JSON. Out: a table.
Called by `make bench`.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Final

import click

NAMES: Final = ("decide", "rollouts", "conditions", "hashing", "istio", "judge", "analysis")


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, all if there is none."""
    unknown = set(names) - set(NAMES)
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    measured: dict[str, dict[str, float]] = {}
    for name in names or NAMES:
        click.secho(name, bold=True)
        measured[name] = importlib.import_module(f"benchmarks.bench_{name}").run()
        for what, number in measured[name].items():
            click.echo(f"  {what:<58}{number:>12g}")
    if out := os.environ.get("OUT"):
        machine = {"python": platform.python_version(), "cpus": os.cpu_count()}
        Path(out).write_text(json.dumps({**machine, **measured}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
