"""`/healthz`: is the controller at work?

In: a question for its state. Out: an HTTP server on the port that probes of existing manifests ask.
`cli/run.py` starts it beside the controller.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from ..errors import SetupError

#: What is wrong, in one line each; nothing when all is well.
Faults = Callable[[], list[str]]


class HealthServer:
    """Answers `/healthz` with 200 and `ok`, or with 503 and what is wrong."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> int:
        """Serve; the port is given back, since 0 means any. Raises SetupError where it is taken."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self.aclose()
            raise SetupError(f"cannot serve /healthz on {host}:{port}: {error.strerror}") from error
        # any free port is another one for IPv6 than for IPv4, in either order: IPv4's addresses are the shorter ones
        return int(min(self._runner.addresses, key=len)[1])

    async def aclose(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            with suppress(OSError):
                await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        faults = self._faults()
        if faults:
            return web.Response(status=503, text="\n".join(faults) + "\n")
        return web.Response(text="ok\n")
