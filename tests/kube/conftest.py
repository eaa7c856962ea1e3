"""Fakes for the room's tests: a scripted transport, a tiny object store, and a loop without waiting."""

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest


class _JumpingSelector(selectors.DefaultSelector):
    """Where a loop would wait, time jumps instead."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits and nothing will happen")
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now


def _run(coroutine):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


@pytest.fixture(scope="session")
def virtually() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end in virtual time. Session-wide, so that Hypothesis may use it."""
    return _run


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    content_type: str
    at: float


@dataclass
class Scripted:
    """A transport that plays a script. An answer is (status, body), (status, body, headers) or an exception; a
    stream is (status, items), where an item is a line, seconds of silence, or an exception."""

    answers: list = field(default_factory=list)
    streams: list = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    opened: list[Mapping[str, str]] = field(default_factory=list)
    open_now: int = 0
    closed: bool = False

    async def send(self, method, path, *, query, body, content_type, timeout):
        now = asyncio.get_running_loop().time()
        self.sent.append(Sent(method, path, dict(query), body, content_type, now))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body, *headers = answer
        return status, headers[0] if headers else {}, body

    @asynccontextmanager
    async def stream(self, path, *, query, idle):
        self.opened.append(dict(query))
        status, items = self.streams.pop(0) if self.streams else (200, [float("inf")])
        self.open_now += 1
        lines = self._lines(items, idle)
        try:
            yield status, lines
        finally:
            self.open_now -= 1
            await lines.aclose()

    async def _lines(self, items, idle) -> AsyncIterator[dict]:
        for item in items:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, (int, float)):
                await asyncio.sleep(min(item, idle))
                if item >= idle:
                    raise TimeoutError(f"nothing was read for {idle} s")
                continue
            yield item

    async def aclose(self):
        self.closed = True


@dataclass
class Store:
    """A transport with an object store behind it: create, read, replace and merge-patch by path."""

    objects: dict[str, dict] = field(default_factory=dict)
    version: int = 0
    #: (method, path) of each request
    requests: list[tuple[str, str]] = field(default_factory=list)
    #: status to answer with instead, by method
    refuse: dict[str, int] = field(default_factory=dict)
    #: methods that get no answer at all
    hang: set[str] = field(default_factory=set)

    async def send(self, method, path, *, query, body, content_type, timeout):
        self.requests.append((method, path))
        if method in self.hang:
            await asyncio.sleep(timeout)
            raise TimeoutError
        if method in self.refuse:
            return self.refuse[method], {}, {"message": "refused"}
        if method == "POST":
            path = f"{path}/{body['metadata']['name']}"
            return (
                self._fail(409, "AlreadyExists") if path in self.objects else self._put(path, body)
            )
        old = self.objects.get(path)
        if old is None:
            return self._fail(404, "NotFound")
        if method == "GET":
            return 200, {}, old
        if method == "PUT":
            if body["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
                return self._fail(409, "Conflict")
            return self._put(path, body)
        return self._put(path, {**old, **body})

    def _put(self, path, body):
        self.version += 1
        metadata = {**body["metadata"], "resourceVersion": str(self.version)}
        self.objects[path] = {**body, "metadata": metadata}
        return 200, {}, self.objects[path]

    def _fail(self, status, reason):
        return status, {}, {"kind": "Status", "reason": reason, "message": reason, "code": status}

    async def aclose(self):
        return None


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def new_store() -> type[Store]:
    return Store


@pytest.fixture
def store() -> Store:
    return Store()
