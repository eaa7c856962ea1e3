"""The pods as programs that really answer: each on a port of its own, from its first ready moment to its end.

In: the change feed of pods. Out: HTTP answers that name pod and version, refused connections before and after, and
counts. Held by `realmesh.py`. All live in this process; Envoy knows nothing of that.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Final

from gradatim.sim.document import Json, dig
from gradatim.sim.envoy.sealed import HANDSHAKE, Sealed
from gradatim.sim.pods import condition, is_finished
from gradatim.sim.store import Event, Store

#: The labels by which ReplicaSets mark their pods; Argo's Rollouts use the first.
_HASH_LABELS: Final = ("rollouts-pod-template-hash", "pod-template-hash")
#: Seconds that an answer takes.
_TAKES: Final = 0.002
_LARGEST_HEAD: Final = 16 * 1024

#: The share of requests that an image answers well.
Quality = Callable[[str], float]


class Backends:
    """All pods. `ports` is by their uid, and keeps those that are gone: who calls them is refused.

    `mirrored` counts the requests by pod hash that Envoy sent as a copy, `asked` all others. With `tls` a pod answers
    those who begin with a handshake, too, on the same port.
    """

    def __init__(self, store: Store, quality: Quality, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.ports: dict[str, int] = {}
        self.asked: Counter[str] = Counter()
        self.mirrored: Counter[str] = Counter()
        self._quality = quality
        self._living: dict[str, _Backend] = {}
        self._graves: list[socket.socket] = []
        self._starting: set[asyncio.Task[None]] = set()
        store.subscribe(["pods"], self._changed)
        for pod in store.listed("pods"):
            self._look(pod)

    async def aclose(self) -> None:
        """End them all."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for uid in list(self._living):
            self._end(uid)
        for grave in self._graves:
            grave.close()

    def _changed(self, event: Event) -> None:
        if event.type == "DELETED":
            self._end(event.new["metadata"]["uid"])
        else:
            self._look(event.new)

    def _look(self, pod: Json) -> None:
        uid = pod["metadata"]["uid"]
        if is_finished(pod):
            self._end(uid)
        elif uid not in self.ports and _runs(pod):
            backend = _Backend(self, pod, self._quality(_image(pod)))
            self._living[uid] = backend
            self.ports[uid] = backend.port
            task = asyncio.create_task(backend.serve())
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    def _end(self, uid: str) -> None:
        backend = self._living.pop(uid, None)
        if backend is not None:
            # nobody else may get the port: a late request would find another pod there, and not be refused
            self._graves.append(backend.end())


class _Backend:
    """One pod."""

    def __init__(self, all_of_them: Backends, pod: Json, quality: float) -> None:
        # it listens at once: whoever hears that the pod is ready may call it
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None
        self._all = all_of_them
        self._hash = _pod_hash(pod)
        self._quality = quality
        # in the middle of the way to the next bad answer, so that no pod begins with one
        self._good = 0.5
        self._connections: set[asyncio.Transport] = set()
        self._headers = (
            f"x-pod: {pod['metadata']['name']}\r\nx-pod-hash: {self._hash}\r\n"
            f"x-version: {_image(pod)}\r\ncontent-length: 0\r\n\r\n"
        ).encode()

    async def serve(self) -> None:
        """Answer until the end."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Talk(self), sock=self._socket)

    def end(self) -> socket.socket:
        """Cut all connections, and give what keeps the port from being used again."""
        if self._server is not None:
            self._server.close()
        self._socket.close()
        for transport in list(self._connections):
            transport.abort()
        grave = socket.socket()
        grave.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        grave.bind(("127.0.0.1", self.port))
        return grave

    def sealed(self) -> Sealed | None:
        """The pod's side of a connection by TLS; None where it has no certificate."""
        return Sealed(self._all.tls) if self._all.tls else None

    def joined(self, transport: asyncio.Transport) -> None:
        """Somebody has called."""
        self._connections.add(transport)

    def left(self, transport: asyncio.Transport) -> None:
        """Somebody has gone."""
        self._connections.discard(transport)

    def answer(self, head: bytes) -> bytes:
        """The answer to a request; bad ones come as regularly as the quality has it."""
        counter = self._all.mirrored if _is_mirrored(head) else self._all.asked
        counter[self._hash] += 1
        self._good += self._quality
        if self._good < 1.0 - 1e-9:
            return b"HTTP/1.1 500 Internal Server Error\r\n" + self._headers
        self._good -= 1.0
        return b"HTTP/1.1 200 OK\r\n" + self._headers


class _Talk(asyncio.Protocol):
    """One connection: requests without bodies, one after the other."""

    def __init__(self, backend: _Backend) -> None:
        self._backend = backend
        self._transport: asyncio.Transport | None = None
        self._heard = b""
        self._sealed: Sealed | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._backend.joined(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._transport is not None:
            self._backend.left(self._transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(HANDSHAKE) and not self._heard and self._sealed is None:
            self._sealed = self._backend.sealed()
        if self._sealed is not None:
            data, reply = self._sealed.opened(data)
            if self._transport is not None:
                self._transport.write(reply)
                if self._sealed.is_over:
                    self._transport.close()
        self._heard += data
        while b"\r\n\r\n" in self._heard:
            head, _, self._heard = self._heard.partition(b"\r\n\r\n")
            answer = self._backend.answer(head + b"\r\n")
            asyncio.get_running_loop().call_later(_TAKES, self._say, answer)
        if len(self._heard) > _LARGEST_HEAD and self._transport is not None:
            self._transport.abort()

    def _say(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._sealed.closed(answer) if self._sealed else answer)


def _runs(pod: Json) -> bool:
    return (condition(pod, "ContainersReady") or {}).get("status") == "True"


def _is_mirrored(head: bytes) -> bool:
    _, _, rest = head.lower().partition(b"\r\nhost:")
    return rest.partition(b"\n")[0].endswith(b"-shadow\r")


def _pod_hash(pod: Json) -> str:
    labels = dig(pod, "metadata", "labels") or {}
    return next((labels[label] for label in _HASH_LABELS if label in labels), "")


def _image(pod: Json) -> str:
    return str(pod["spec"]["containers"][0].get("image", ""))
