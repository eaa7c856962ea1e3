"""`/healthz` as a probe sees it."""

from __future__ import annotations

import socket

import httpx
import pytest

from gradatim.errors import SetupError
from gradatim.run.health import HealthServer


async def probe(port: int) -> tuple[int, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"http://127.0.0.1:{port}/healthz")
        return reply.status_code, reply.text


@pytest.mark.parametrize("attempt", range(6))
async def test_the_port_that_is_told_is_the_one_that_ipv4_answers_on(attempt: int) -> None:
    server = HealthServer(list)
    port = await server.start("", 0)
    try:
        assert await probe(port) == (200, "ok\n")
    finally:
        await server.aclose()


async def test_what_is_wrong_is_told_line_by_line() -> None:
    server = HealthServer(lambda: ["rollouts: no answer", "services: no answer"])
    port = await server.start("127.0.0.1", 0)
    try:
        assert await probe(port) == (503, "rollouts: no answer\nservices: no answer\n")
    finally:
        await server.aclose()


async def test_a_port_that_is_taken_is_the_operators_to_mend() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"cannot serve /healthz on 127.0.0.1:{port}"):
            await HealthServer(list).start("127.0.0.1", port)
