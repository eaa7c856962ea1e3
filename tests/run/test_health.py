"""`/healthz`, over a socket on loopback."""

from __future__ import annotations

import socket

import httpx
import pytest

from gradatim.errors import SetupError
from gradatim.run.health import HealthServer


async def asked(port: int, path: str = "/healthz") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_it_says_ok_or_what_is_wrong() -> None:
    faults: list[str] = []
    server = HealthServer(lambda: faults)
    port = await server.start("127.0.0.1", 0)
    try:
        answer = await asked(port)
        assert (answer.status_code, answer.text) == (200, "ok\n")
        faults += ["services: not listed yet", "rollouts: no answer"]
        answer = await asked(port)
        assert (answer.status_code, answer.text.splitlines()) == (503, faults)
        assert (await asked(port, "/other")).status_code == 404
    finally:
        await server.aclose()
    with pytest.raises(httpx.ConnectError):
        await asked(port)


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"cannot serve /healthz on 127.0.0.1:{port}"):
            await HealthServer(list).start("127.0.0.1", port)


async def test_one_that_was_never_started_can_be_closed() -> None:
    await HealthServer(list).aclose()
