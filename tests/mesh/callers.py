"""Those who call by TCP or TLS: a connection for each call, which Envoy passes on without looking into it.

In: a port, how many calls and how quickly, and the name to ask for where it is TLS. Out: a Reply for each.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from subprocess import run

from gradatim.sim.envoy import Reply

#: Seconds after which nobody waits for an answer any more.
PATIENCE = 5.0
#: The names that the pods' certificate is for.
NAMES = ("shop.example.com", "other.example.com")
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Seal:
    """How a client asks for TLS: the name, and whom it trusts."""

    name: str
    context: ssl.SSLContext


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A certificate of its own for all pods, made now: their side of it, and that of who trusts it."""
    names = ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES)]
    files = ["-keyout", "key.pem", "-out", "cert.pem"]
    request = ["openssl", "req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN={NAMES[0]}"]
    run([*request, *names, *files], cwd=folder, check=True, capture_output=True, timeout=30)
    pods = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pods.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return pods, ssl.create_default_context(cafile=str(folder / "cert.pem"))


async def calls(port: int, count: int, rate: float, seal: Seal | None = None) -> list[Reply]:
    """So many calls, evenly, by eight callers who each wait for the answer."""
    return [
        reply for some in await asyncio.gather(*_callers(port, count, rate, seal)) for reply in some
    ]


def _callers(port: int, count: int, rate: float, seal: Seal | None):
    for number in range(8):
        share = count // 8 + (number < count % 8)
        yield _some(port, share, (number / rate, 8 / rate), seal)


async def _some(port: int, count: int, pace: tuple[float, float], seal: Seal | None) -> list[Reply]:
    loop = asyncio.get_running_loop()
    due, found = loop.time() + pace[0], []
    for _ in range(count):
        await asyncio.sleep(max(0.0, due - loop.time()))
        found.append(await _call(port, seal))
        due = max(due + pace[1], loop.time() - 0.5)
    return found


async def _call(port: int, seal: Seal | None) -> Reply:
    loop = asyncio.get_running_loop()
    at = loop.time()
    how = {"ssl": seal.context, "server_hostname": seal.name} if seal else {}
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, **how)
            writer.write(b"GET / HTTP/1.1\r\nhost: pods\r\n\r\n")
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            writer.close()
    except (OSError, asyncio.IncompleteReadError) as error:
        return Reply(at, loop.time() - at, 0, why=f"{type(error).__name__}: {error}")
    given = dict(line.split(": ", 1) for line in head[1:] if line)
    return Reply(at, loop.time() - at, 200, given["x-pod-hash"], given["x-version"])
