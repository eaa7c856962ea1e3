"""How much of each pure room the tests cover, branches counted: `purecoverage.py coverage.json PERCENT`.

In: the JSON report of coverage. Out: one line a room, and exit 1 when one is below. `.ci/run` calls it.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

ROOMS = ("model", "expr", "judge", "validate", "decide", "plugin")


def room_of(path: str) -> str | None:
    """The room that a file belongs to: `core/gradatim/expr/lexer.py` to `expr`."""
    parts = Path(path).parts
    name = parts[parts.index("gradatim") + 1] if "gradatim" in parts[:-1] else ""
    return name if name in ROOMS else None


def by_room(files: dict[str, dict]) -> dict[str, tuple[int, int]]:
    """Lines and branches of each room: how many were reached, and how many there are."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for path, file in files.items():
        room, summary = room_of(path), file["summary"]
        if room is not None:
            reached, all_ = found[room]
            found[room] = (
                reached + summary["covered_lines"] + summary["covered_branches"],
                all_ + summary["num_statements"] + summary["num_branches"],
            )
    return dict(found)


def main(report: str, least: str) -> int:
    """Print the table; 1 when a room is below, or missing."""
    files = json.loads(Path(report).read_text())["files"]
    rooms = by_room(files)
    low = []
    for room in ROOMS:
        reached, all_ = rooms.get(room, (0, 0))
        percent = 100 * reached / all_ if all_ else 0.0
        sys.stdout.write(f"{room:10} {percent:6.2f} %\n")
        if percent < float(least):
            low.append(room)
    for path, file in sorted(files.items()):
        if room_of(path) in low and file["summary"]["percent_covered"] < float(least):
            missing = ", ".join(map(str, file["missing_lines"][:20]))
            sys.stdout.write(f"  {path} {file['summary']['percent_covered']:.1f} %: {missing}\n")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
