"""Files that a reader sees whole or not at all.

In: a folder and texts by file name. Out: the files, each replaced in one instant. Called by `program.py`
and `follower.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write beside the place and rename into it: Envoy looks at a file when one is moved there, and at no other time.

    Raises:
        OSError: a file cannot be written.
    """
    for name, text in texts.items():
        fresh = folder / f"{name}.fresh"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(folder / name)
