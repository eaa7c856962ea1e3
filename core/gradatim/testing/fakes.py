"""Stand-ins for what the controller gives a plugin: queries, wanted states, and a service that answers by script.

In: what a test cares about. Out: values with sound defaults for the rest, and a handler for `httpx.MockTransport`.
Called by the contract suites and by the tests of plugin authors. Needs no pytest; httpx only for `ScriptedServer`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gradatim.plugin import Json, Query, StepCall, Target, Wanted

if TYPE_CHECKING:
    import httpx

_CHUNK: Final = 65_536

#: The moment at which the fakes ask.
NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_query(config: Json, **changes: Any) -> Query:
    """A query with this block, as an AnalysisRun of the namespace `shop` would ask it."""
    query = Query(
        config=config,
        metric="success-rate",
        namespace="shop",
        now=NOW,
        run="web-5d7f-2",
        run_uid="00000000-0000-0000-0000-000000000001",
    )
    return replace(query, **changes)


def a_wanted(config: Json, **changes: Any) -> Wanted:
    """A state in which the Rollout `web` of the namespace `shop` sends 20 of 100 to its canary."""
    wanted = Wanted(
        rollout="web",
        namespace="shop",
        config=config,
        stable=Target("web-stable", "5d7f"),
        canary=Target("web-canary", "8c4b"),
        weight=20,
    )
    return replace(wanted, **changes)


def a_step_call(config: Json, **changes: Any) -> StepCall:
    """The first call for a step with this config, of the Rollout `web` of the namespace `shop`."""
    call = StepCall(
        config=config,
        rollout="web",
        namespace="shop",
        rollout_uid="00000000-0000-0000-0000-000000000001",
        now=NOW,
        started=NOW,
        attempt="00000000-0000-0000-0000-000000000001/1/2026-01-02T03:04:05Z",
        index=1,
        pod_hash="8c4b",
        stable_hash="5d7f",
    )
    return replace(call, **changes)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a `ScriptedServer`.

    Attributes:
        status: the HTTP status.
        body: bytes as they are, or a JSON value to encode.
        headers: of the answer.
        failure: name of the httpx exception to raise instead: "ReadTimeout", "ConnectError" …
        hang: never answer; the request waits until it is cancelled.
        cut: the connection is closed half-way through the body.
        endless: after the body come zeros without end; whoever reads on never comes to an end.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    hang: bool = False
    cut: bool = False
    endless: bool = False

    @property
    def content(self) -> bytes:
        """The body as it goes over the wire."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class ScriptedServer:
    """Answers requests from a script, and keeps them for the test to look at.

    Use it as a handler: `httpx.MockTransport(ScriptedServer(Answer(body={"value": 1})))`. Each answer is
    given once, the last one from then on. An item may also be a function of the request.

    Attributes:
        requests: the requests so far, in order, without those that `aside` answered.
        entered: set as soon as one came in.
        sent: bytes of bodies that were read by the one who asked.
        aside: answers requests that are not in the script, such as those for a token; None: it is.
    """

    def __init__(self, *script: Answer | Callable[[httpx.Request], Answer]) -> None:
        self.requests: list[httpx.Request] = []
        self.aside: Callable[[httpx.Request], Answer | None] = lambda _request: None
        self.entered = asyncio.Event()
        self.sent = 0
        self._script: Sequence[Answer | Callable[[httpx.Request], Answer]] = script or (Answer(),)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        import httpx

        await request.aread()
        answer = self.aside(request) or self._next(request)
        if answer.hang:
            await asyncio.Event().wait()
        if answer.failure:
            raise getattr(httpx, answer.failure)("by script", request=request)
        await asyncio.sleep(0)
        return httpx.Response(answer.status, headers=answer.headers, content=self._body(answer))

    async def _body(self, answer: Answer) -> AsyncIterator[bytes]:
        import httpx

        content = answer.content
        whole = content[: len(content) // 2] if answer.cut else content
        for start in range(0, len(whole), _CHUNK):
            self.sent += min(_CHUNK, len(whole) - start)
            yield whole[start : start + _CHUNK]
        if answer.cut:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete body")
        while answer.endless:
            self.sent += _CHUNK
            await asyncio.sleep(0)
            yield bytes(_CHUNK)

    def _next(self, request: httpx.Request) -> Answer:
        item = self._script[min(len(self.requests), len(self._script) - 1)]
        self.requests.append(request)
        self.entered.set()
        return item if isinstance(item, Answer) else item(request)


def echo(request: httpx.Request) -> bytes:
    """Everything that a request holds, as a careless proxy puts it into its error page."""
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return f"{request.method} {request.url}\n{headers}\n\n".encode() + request.content
