"""What goes over the wire, and what the provider makes of what comes back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

import gradatim_prometheus
from gradatim.plugin import FieldPath, ProviderError, Query, RateLimit
from gradatim_prometheus import PrometheusProvider
from gradatim_prometheus.config import END, START

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
PATH = FieldPath("provider", "prometheus")
ONE = {"status": "success", "data": {"resultType": "vector", "result": [{"value": [1, "1"]}]}}
OAUTH2 = {
    "tokenUrl": "https://id.example.com/token",
    "clientId": "grada tim",
    "clientSecret": "hush-hush",
    "scopes": ["read", "metrics"],
}

Handler = Callable[[httpx.Request], httpx.Response]


class Wire:
    """A provider whose requests end in a handler, which sees them and answers."""

    def __init__(self, *handlers: Handler | httpx.Response) -> None:
        self.seen: list[httpx.Request] = []
        self._handlers = list(handlers)
        self.provider = PrometheusProvider(httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        handler = self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]
        return handler if isinstance(handler, httpx.Response) else handler(request)

    async def measure(self, query: Query):
        try:
            return await self.provider.measure(query)
        finally:
            await self.provider.aclose()

    async def error(self, query: Query) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.measure(query)
        return caught.value


def _query(**config: Any) -> Query:
    return Query(
        config={"address": "http://prometheus:9090/p", "query": "up", **config},
        metric="m",
        namespace="shop",
        now=NOW,
    )


def _one(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ONE)


async def test_a_query_is_posted_as_a_form() -> None:
    wire = Wire(_one)
    await wire.measure(_query(query="sum(up)"))
    (request,) = wire.seen
    assert (request.method, str(request.url)) == ("POST", "http://prometheus:9090/p/api/v1/query")
    assert parse_qs(request.content.decode()) == {"query": ["sum(up)"], "time": ["1767268800.000"]}
    assert "authorization" not in request.headers


@pytest.mark.parametrize("status", [403, 405, 501])
async def test_where_post_is_not_let_through_it_gets(status: int) -> None:
    wire = Wire(httpx.Response(status), _one)
    await wire.measure(_query())
    assert [one.method for one in wire.seen] == ["POST", "GET"]
    assert wire.seen[1].url.params["query"] == "up"


async def test_headers_are_sent_and_the_last_of_a_name_wins() -> None:
    wire = Wire(_one)
    headers = [
        {"key": "X-Scope-OrgID", "value": "first"},
        {"key": "x-scope-orgid", "value": "tenänt"},
        {"key": "Authorization", "value": "Bearer own"},
    ]
    user = {"username": "me", "password": "pw"}
    await wire.measure(_query(headers=headers, authentication={"basicAuth": user}))
    raw = dict(wire.seen[0].headers.raw)
    assert raw[b"x-scope-orgid"] == "tenänt".encode()
    assert raw[b"authorization"] == b"Bearer own"


async def test_basic_authentication_is_sent() -> None:
    wire = Wire(_one)
    await wire.measure(_query(authentication={"basicAuth": {"username": "me", "password": "pw"}}))
    assert wire.seen[0].headers["authorization"] == "Basic bWU6cHc="


async def test_cookies_are_not_kept() -> None:
    wire = Wire(httpx.Response(200, json=ONE, headers={"set-cookie": "session=1; Path=/"}), _one)
    await wire.provider.measure(_query())
    await wire.measure(_query())
    assert "cookie" not in wire.seen[1].headers


async def test_a_redirection_on_the_same_host_is_followed_with_the_query() -> None:
    moved = httpx.Response(302, headers={"location": "https://prometheus:9090/p/api/v1/query"})
    wire = Wire(moved, _one)
    await wire.measure(_query())
    assert str(wire.seen[1].url) == "https://prometheus:9090/p/api/v1/query"
    assert (wire.seen[1].method, wire.seen[1].content) == ("POST", wire.seen[0].content)


async def test_a_redirection_elsewhere_is_not_followed() -> None:
    wire = Wire(httpx.Response(307, headers={"location": "https://elsewhere/?token=abc"}))
    error = await wire.error(_query())
    assert "redirects to another server" in str(error)
    assert "abc" not in str(error)
    assert len(wire.seen) == 1


async def test_redirections_in_a_circle_end() -> None:
    wire = Wire(httpx.Response(308, headers={"location": "/p/api/v1/query"}))
    assert "answered 308" in str(await wire.error(_query()))
    assert len(wire.seen) == 4


async def test_a_server_that_cannot_be_reached_is_an_outage() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused, and your password is hunter22")

    address = "http://me:hunter22@prometheus"
    error = await Wire(refuse).error(_query(address=address))
    assert str(error).startswith(
        "Prometheus at http://prometheus did not answer: ConnectError: refused"
    )
    assert "hunter22" not in str(error)
    assert (error.outage, error.field) == (True, "address")


def _drop(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")


async def test_a_connection_that_was_dropped_is_tried_once_more() -> None:
    wire = Wire(_drop, _one)
    assert (await wire.measure(_query())).value == [1.0]
    assert wire.seen[0].content == wire.seen[1].content
    wire = Wire(_drop)
    assert (await wire.error(_query())).outage
    assert len(wire.seen) == 2


async def test_an_address_that_only_httpx_cannot_take_is_no_crash() -> None:
    error = await Wire(_one).error(_query(address="http://xn--a.example.com:80"))
    assert "did not answer" in str(error)


async def test_a_reply_without_end_is_cut_off() -> None:
    error = await Wire(httpx.Response(200, content=b"x" * (8 * 2**20 + 1))).error(_query())
    assert "larger than 8 MiB" in str(error)


async def test_a_server_that_hangs_is_given_up_after_the_timeout(monkeypatch) -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise TimeoutError  # as asyncio.timeout does when the time is over

    provider = PrometheusProvider(Silent())
    with pytest.raises(ProviderError, match="did not answer within 40 s") as caught:
        await provider.measure(_query(timeout=40))
    await provider.aclose()
    assert caught.value.outage


async def test_to_one_server_go_sixteen_queries_at_once_and_others_do_not_wait_for_it() -> None:
    class Gate(httpx.AsyncBaseTransport):
        def __init__(self) -> None:
            self.full, self.open = asyncio.Event(), asyncio.Event()
            self.busy, self.most = 0, 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "slow":
                self.busy += 1
                self.most = max(self.most, self.busy)
                if self.busy == 16:
                    self.full.set()
                await self.open.wait()
                self.busy -= 1
            return httpx.Response(200, json=ONE)

    gate = Gate()
    provider = PrometheusProvider(gate)
    slow = [asyncio.create_task(provider.measure(_query(address="http://slow"))) for _ in range(40)]
    await gate.full.wait()
    await provider.measure(_query(address="http://quick"))
    gate.open.set()
    await asyncio.gather(*slow)
    await provider.aclose()
    assert gate.most == 16


def _token(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"access_token": "t0ken", "token_type": "bearer", **fields})


async def test_oauth2_gets_a_token_and_shows_it() -> None:
    wire = Wire(_token(), _one)
    await wire.measure(
        _query(authentication={"oauth2": OAUTH2}, headers=[{"key": "X-Api-Key", "value": "k"}])
    )
    asked, queried = wire.seen
    assert str(asked.url) == OAUTH2["tokenUrl"]
    assert parse_qs(asked.content.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["read metrics"],
    }
    assert asked.headers["authorization"] == "Basic Z3JhZGErdGltOmh1c2gtaHVzaA=="
    assert "x-api-key" not in asked.headers
    assert queried.headers["authorization"] == "Bearer t0ken"


async def test_a_proxy_that_shows_the_request_gives_no_token_away() -> None:
    def careless(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text=f"{request.headers} {request.content.decode()}")

    error = await Wire(_token(), careless).error(_query(authentication={"oauth2": OAUTH2}))
    assert "authorization" in str(error)
    assert "t0ken" not in str(error)
    error = await Wire(careless).error(_query(authentication={"oauth2": OAUTH2}))
    assert "Z3JhZGErdGltOmh1c2gtaHVzaA" not in str(error)


async def test_oauth2_without_scopes_asks_for_none() -> None:
    wire = Wire(_token(), _one)
    await wire.measure(_query(authentication={"oauth2": {**OAUTH2, "scopes": []}}))
    assert "scope" not in parse_qs(wire.seen[0].content.decode())


async def test_oauth2_tries_the_body_where_the_header_is_refused() -> None:
    wire = Wire(httpx.Response(401), _token(), _one)
    await wire.measure(_query(authentication={"oauth2": OAUTH2}))
    assert parse_qs(wire.seen[1].content.decode())["client_secret"] == ["hush-hush"]
    assert "authorization" not in wire.seen[1].headers


@pytest.mark.parametrize(
    ("expires_in", "later", "requests"),
    [
        pytest.param(3600, 60, 3, id="a good token is used again"),
        pytest.param("3600", 60, 3, id="also when its time came as text"),
        pytest.param(65, 60, 4, id="one about to end is not"),
        pytest.param(None, 1, 4, id="nor one of unknown time"),
        pytest.param("soon", 1, 4, id="nor one of unreadable time"),
    ],
)
async def test_how_long_a_token_serves(expires_in: object, later: int, requests: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return (
            _token(expires_in=expires_in) if request.url.host == "id.example.com" else _one(request)
        )

    wire = Wire(answer)
    query = _query(authentication={"oauth2": OAUTH2})
    await wire.provider.measure(query)
    await wire.measure(replace(query, now=NOW + timedelta(seconds=later)))
    assert len(wire.seen) == requests


async def test_a_token_that_is_refused_is_forgotten() -> None:
    wire = Wire(_token(expires_in=3600), httpx.Response(401), _token(), _one)
    query = _query(authentication={"oauth2": OAUTH2})
    with pytest.raises(ProviderError, match="refused the credentials"):
        await wire.provider.measure(query)
    await wire.measure(query)
    assert len(wire.seen) == 4


@pytest.mark.parametrize(
    ("response", "message", "outage"),
    [
        pytest.param(
            httpx.Response(401, text="bad secret hush-hush"),
            "answered 401: bad secret *****",
            False,
            id="refused",
        ),
        pytest.param(httpx.Response(503), "answered 503: nothing", True, id="out of order"),
        pytest.param(
            httpx.Response(200, text="<html>"), "sent no access_token", False, id="no JSON"
        ),
        pytest.param(
            httpx.Response(200, json=["x"]), "sent no access_token", False, id="other JSON"
        ),
        pytest.param(
            httpx.Response(200, json={}), "sent no access_token", False, id="no token in it"
        ),
        pytest.param(
            httpx.Response(200, json={"access_token": "a\nb"}),
            "sent no access_token",
            False,
            id="a bad token",
        ),
    ],
)
async def test_without_a_token_nothing_is_asked(
    response: httpx.Response, message: str, outage: bool
) -> None:
    wire = Wire(response)
    error = await wire.error(_query(authentication={"oauth2": OAUTH2}))
    assert f"the token endpoint at https://id.example.com {message}" in str(error)
    assert (error.outage, error.field) == (outage, "authentication")
    assert {one.url.host for one in wire.seen} == {"id.example.com"}


async def test_probe_reports_faults_of_the_block_without_asking() -> None:
    wire = Wire(_one)
    found = await wire.provider.probe(_query(query="", timeout=-1), PATH)
    assert [str(one.path) for one in found] == [
        "provider.prometheus.query",
        "provider.prometheus.timeout",
    ]
    assert wire.seen == []


async def test_probe_asks_nothing_of_an_address_still_to_come() -> None:
    wire = Wire(_one)
    headers = [{"key": "X", "value": "{{args.tenant}}"}]
    assert await wire.provider.probe(_query(address="http://{{args.a}}"), PATH) == []
    assert await wire.provider.probe(_query(headers=headers), PATH) == []
    assert wire.seen == []


async def test_probe_asks_for_one_where_the_query_is_still_to_come() -> None:
    wire = Wire(_one)
    assert await wire.provider.probe(_query(query="up{a={{args.a}}}"), PATH) == []
    await wire.provider.aclose()
    assert parse_qs(wire.seen[0].content.decode())["query"] == ["vector(1)"]


async def test_probe_names_the_field_at_fault() -> None:
    wire = Wire(httpx.Response(502, text="bad gateway"))
    (problem,) = await wire.provider.probe(_query(), PATH)
    await wire.provider.aclose()
    assert str(problem) == (
        "provider.prometheus.address: Prometheus at http://prometheus:9090 answered 502: bad gateway"
    )


def test_equal_questions_have_one_identity_and_no_secret_in_it() -> None:
    provider = PrometheusProvider(httpx.MockTransport(_one))
    user = {"username": "me", "password": "hunter22"}
    query = _query(authentication={"basicAuth": user})
    identity = provider.identity(query)
    assert identity == provider.identity(replace(query, metric="other", namespace="elsewhere"))
    assert identity != provider.identity(_query())
    assert identity != provider.identity(
        replace(query, environment={"ARGO_ROLLOUTS_PROMETHEUS_ADDRESS": "http://x"})
    )
    assert "hunter22" not in repr(identity)


async def test_an_answer_says_what_was_asked_and_what_is_left_of_a_rate_limit() -> None:
    wire = Wire(httpx.Response(200, json=ONE, headers={"X-RateLimit-Remaining": "41"}))
    measured = await wire.measure(_query())
    assert (measured.query, measured.rate_limit) == ("up", RateLimit(remaining=41))
    times = {START: NOW - timedelta(minutes=1), END: NOW}
    ranged = {"start": "now() - duration('1m')", "end": "now()", "step": "10s"}
    measured = await Wire(_one).measure(replace(_query(rangeQuery=ranged), times=times))
    assert measured.query == (
        "up from 2026-01-01T11:59:00+00:00 to 2026-01-01T12:00:00+00:00 by 10 s"
    )


def test_an_account_is_a_server_wherever_its_address_comes_from() -> None:
    provider = PrometheusProvider()
    account = provider.account(_query())
    variable = {"ARGO_ROLLOUTS_PROMETHEUS_ADDRESS": "http://me:pw@prometheus:9090"}
    assert account == provider.account(replace(_query(address=""), environment=variable))
    assert account != provider.account(_query(address="http://other"))
    assert provider.account(_query(address="")) is None


def test_the_resolved_query_is_kept() -> None:
    provider = PrometheusProvider()
    assert provider.result_metadata(_query()) == {"ResolvedPrometheusQuery": "up"}
    assert provider.result_metadata(_query(query="")) == {}


def test_it_is_registered_under_its_key() -> None:
    assert list(gradatim_prometheus.gradatim_metric_providers()) == [PrometheusProvider]
    assert PrometheusProvider.key == "prometheus"
    assert gradatim_prometheus.GRADATIM_API == "1.1"
    assert list(PrometheusProvider().environment()) == ["ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"]


def test_importing_it_does_not_import_httpx() -> None:
    code = "import json, sys, gradatim_prometheus; print(json.dumps('httpx' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is False
