"""The built-in `web`: requests, answers, tokens and messages; `test_web_contract.py` has what every provider keeps."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from gradatim.builtin.web import config as web_config
from gradatim.builtin.web.provider import WebProvider
from gradatim.builtin.web.query import MAX_BODY, MAX_TEXT, PlainText, measurement
from gradatim.plugin import FieldPath, Json, Measurement, Problem, ProviderError, Query
from gradatim.testing import NOW, Answer, ScriptedServer, a_query

URL = "https://metrics.example/value"


def block(**changes: Any) -> Json:
    return {"url": URL, **changes}


async def measured(server: ScriptedServer, config: Json, **changes: Any) -> Measurement:
    provider = WebProvider(transport=httpx.MockTransport(server))
    try:
        return await provider.measure(a_query(config, **changes))
    finally:
        await provider.aclose()


async def request_for(**changes: Any) -> httpx.Request:
    server = ScriptedServer(Answer(body=1))
    await measured(server, block(**changes))
    (request,) = server.requests
    return request


async def refusal(answer: Answer, config: Json | None = None, **changes: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await measured(ScriptedServer(answer), config or block(), **changes)
    return caught.value


class TestTheRequest:
    async def test_is_a_get_by_default(self) -> None:
        request = await request_for()
        assert (request.method, str(request.url), request.content) == ("GET", URL, b"")
        assert request.headers["user-agent"] == "gradatim"

    async def test_of_two_equal_headers_the_last_wins(self) -> None:
        headers = [
            {"key": "X-Team", "value": "red"},
            {"key": "x-team", "value": "blü"},
            {"key": "E", "value": ""},
        ]
        request = await request_for(headers=headers)
        assert request.headers.get_list("x-team") == ["blü"]
        assert request.headers["e"] == ""

    async def test_a_text_body_is_sent_as_it_is(self) -> None:
        request = await request_for(method="PUT", body="a=ü")
        assert (request.method, request.content) == ("PUT", "a=ü".encode())
        assert "content-type" not in request.headers

    async def test_a_json_body_has_its_content_type_whatever_the_headers_say(self) -> None:
        headers = [{"key": "content-type", "value": "text/plain"}]
        request = await request_for(method="POST", jsonBody={"a": [1]}, headers=headers)
        assert json.loads(request.content) == {"a": [1]}
        assert request.headers.get_list("content-type") == ["application/json"]

    async def test_an_empty_body_is_none(self) -> None:
        assert (await request_for(method="GET", body="")).content == b""

    @pytest.mark.parametrize(("given", "seconds"), [(None, 10), (0, 10), (-5, 10), (3, 3)])
    async def test_the_timeout_is_ten_seconds_unless_a_positive_one_is_given(
        self, given: int | None, seconds: int
    ) -> None:
        request = await request_for(timeoutSeconds=given)
        assert request.extensions["timeout"]["read"] == seconds

    def test_no_timeout_is_longer_than_a_day(self) -> None:
        assert web_config.read(block(timeoutSeconds=2**62)).timeout == 86_400

    @pytest.mark.parametrize(
        ("location", "is_home"),
        [
            ("https://metrics.example/other", True),
            ("https://elsewhere.example/value", False),
            ("http://metrics.example/value", False),
        ],
    )
    async def test_redirects_are_followed_and_headers_stay_at_home(
        self, location: str, is_home: bool
    ) -> None:
        moved = Answer(302, headers={"Location": location})
        server = ScriptedServer(moved, Answer(body=1))
        names = ("Authorization", "X-Api-Key")
        await measured(server, block(headers=[{"key": name, "value": "secret"} for name in names]))
        assert str(server.requests[1].url) == location
        for name in names:
            assert (name in server.requests[1].headers) == is_home

    async def test_a_body_is_not_sent_to_another_host(self) -> None:
        moved = Answer(307, headers={"Location": "https://elsewhere.example/value"})
        error = await refusal(moved, block(method="POST", body="secret"))
        assert "is not sent the body" in str(error)
        assert not error.outage

    async def test_endless_redirects_are_no_outage(self) -> None:
        error = await refusal(Answer(302, headers={"Location": URL}))
        assert "TooManyRedirects" in str(error)
        assert not error.outage

    async def test_a_redirect_to_another_protocol_is_no_outage(self) -> None:
        assert not (await refusal(Answer(302, headers={"Location": "ftp://x.example/"}))).outage

    async def test_one_client_verifies_and_the_other_does_not(self) -> None:
        provider = WebProvider(transport=httpx.MockTransport(ScriptedServer(Answer(body=1))))
        for insecure in (False, True, True):
            await provider.measure(a_query(block(insecure=insecure)))
        assert sorted(vars(provider)["_clients"]) == [False, True]
        await provider.aclose()

    async def test_a_host_that_hangs_holds_up_no_other(self) -> None:
        full, held = asyncio.Event(), []

        async def answer(request: httpx.Request) -> httpx.Response:
            if request.url.host == "slow.example":
                held.append(request)
                if len(held) == 16:
                    full.set()
                await asyncio.Event().wait()
            return httpx.Response(200, content=b"1")

        provider = WebProvider(transport=httpx.MockTransport(answer))
        slow = a_query(block(url="http://slow.example/"))
        tasks = [asyncio.create_task(provider.measure(slow)) for _ in range(20)]
        await full.wait()
        assert (await provider.measure(a_query(block()))).value == 1
        assert len(held) == 16
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await provider.aclose()

    async def test_queues_of_hosts_do_not_pile_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gradatim.builtin.web.provider._MOST_HOSTS", 3)
        provider = WebProvider(transport=httpx.MockTransport(ScriptedServer(Answer(body=1))))
        for number in range(10):
            await provider.measure(a_query(block(url=f"http://host-{number}.example/")))
        assert len(vars(provider)["_turns"]) <= 3
        await provider.aclose()


class TestTheAnswer:
    @pytest.mark.parametrize(
        ("body", "json_path", "value", "text"),
        [
            ({"value": 1}, "{$.value}", 1.0, "1"),
            ({"value": 1.5}, "{.value}", 1.5, "1.5"),
            ({"value": "text"}, "{$.value}", "text", '"text"'),
            ({"value": True}, "{$.value}", True, "true"),
            ({"value": None}, "{$.value}", None, "null"),
            ({"value": [1, 2]}, "{$.value}", [1.0, 2.0], "[1,2]"),
            ({"b": 1, "a": "<"}, "", {"b": 1.0, "a": "<"}, '{"a":"\\u003c","b":1}'),
            ([5, 6], "{$[*]}", 5.0, "5"),
            (7, None, 7.0, "7"),
        ],
    )
    async def test_the_first_value_found_is_the_result_with_its_own_type(
        self, body: Any, json_path: str | None, value: Any, text: str
    ) -> None:
        answer = await measured(ScriptedServer(Answer(body=body)), block(jsonPath=json_path))
        assert (answer.value, answer.text) == (value, text)
        assert type(answer.value) is type(value)

    @pytest.mark.parametrize(
        ("body", "json_path", "message"),
        [
            ({}, "{$.value}", "the jsonPath does not fit the answer: value is not found"),
            ([], "{[*]}", "the jsonPath finds no value in the answer"),
            (b"ok\nall well", "{$}", 'the answer is the text "ok all well", and not JSON'),
            (b"", "{$}", "the answer is an empty body, and not JSON"),
        ],
    )
    async def test_without_a_value_it_is_an_error(
        self, body: Any, json_path: str, message: str
    ) -> None:
        error = await refusal(Answer(body=body), block(jsonPath=json_path))
        assert str(error) == message
        assert not error.outage

    @pytest.mark.parametrize("body", [b"ok", b""])
    async def test_plain_text_is_the_result_where_the_operator_wants_it(self, body: bytes) -> None:
        environment = {"GRADATIM_WEB_PLAIN_TEXT": " Result "}
        answer = await measured(ScriptedServer(Answer(body=body)), block(), environment=environment)
        assert (answer.value, answer.text) == (body.decode(), body.decode())

    async def test_a_status_that_is_not_2xx_is_said_as_the_reference_says_it(self) -> None:
        error = await refusal(Answer(503, headers={"Retry-After": "120"}))
        assert str(error) == "received non 2xx response code: 503"
        assert (error.outage, error.retry_after) == (True, 120.0)

    async def test_a_body_without_end_is_cut_off(self) -> None:
        error = await refusal(Answer(body=b"1" * (MAX_BODY + 1)))
        assert str(error) == f"the answer is larger than {MAX_BODY} bytes"

    def test_a_long_value_is_cut_in_the_status_and_whole_for_the_conditions(self) -> None:
        body = json.dumps("x" * (MAX_TEXT + 10)).encode()
        answer = measurement(body, web_config.read(block()).json_path, PlainText.ERROR, ())
        assert len(str(answer.value)) == MAX_TEXT + 10
        assert len(answer.text) == MAX_TEXT + 1

    def test_too_deep_an_answer_is_an_error(self) -> None:
        depth = sys.getrecursionlimit() - 120
        body = b"[" * depth + b"1" + b"]" * depth
        with pytest.raises(ProviderError, match=r"nested too deeply|not JSON"):
            measurement(body, web_config.read(block()).json_path, PlainText.ERROR, ())

    async def test_a_slow_answer_ends_at_the_timeout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_config, "DEFAULT_TIMEOUT_SECONDS", 0.01)
        error = await refusal(Answer(hang=True))
        assert str(error) == "https://metrics.example/value did not answer within 0.01 s"
        assert error.outage


class TestMessages:
    async def test_show_no_user_query_or_fragment_of_the_url(self) -> None:
        config = {"url": "https://me:pa55word@metrics.example:8443/v?key=secret#x"}
        error = await refusal(Answer(failure="ConnectError"), config)
        assert str(error) == "https://metrics.example:8443/v: ConnectError: by script"

    async def test_strike_out_header_values(self) -> None:
        config = block(headers=[{"key": "X-Key", "value": "s3cret-value"}])
        error = await refusal(Answer(body=b"your key is s3cret-value"), config)
        assert str(error) == 'the answer is the text "your key is *****", and not JSON'

    async def test_a_wrong_block_is_named_without_its_value(self) -> None:
        config = block(headers=[{"key": "X-Key", "value": "s3cret\nvalue"}])
        error = await refusal(Answer(body=1), config)
        assert (
            str(error)
            == "web.headers[0].value: must not have line breaks or other control characters"
        )


class TokenService:
    """A token endpoint beside the scripted service."""

    def __init__(self, answer: Callable[[httpx.Request], Answer] | Answer) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    def __call__(self, request: httpx.Request) -> Answer | None:
        if request.url.host != "login.example":
            return None
        self.requests.append(request)
        return self._answer if isinstance(self._answer, Answer) else self._answer(request)


def with_oauth2(**changes: Any) -> Json:
    oauth2 = {"tokenUrl": "https://login.example/t", "clientId": "m:e", "clientSecret": "s&cret"}
    return block(authentication={"oauth2": oauth2 | changes})


class Asked:
    """A provider with a token service, asked several times."""

    def __init__(self, token: Callable[[httpx.Request], Answer] | Answer, *script: Answer) -> None:
        self.tokens = TokenService(token)
        self.server = ScriptedServer(*(script or (Answer(body=1),)))
        self.server.aside = self.tokens
        self.provider = WebProvider(transport=httpx.MockTransport(self.server))

    async def at(self, *seconds: int, config: Json | None = None) -> None:
        for second in seconds:
            now = NOW + timedelta(seconds=second)
            await self.provider.measure(a_query(config or with_oauth2(), now=now))
        await self.provider.aclose()


class TestOAuth2:
    async def test_the_token_goes_into_the_request_and_replaces_another(self) -> None:
        asked = Asked(Answer(body={"access_token": "abc", "token_type": "bearer"}))
        config = with_oauth2(scopes=["a", "b"])
        config["headers"] = [{"key": "authorization", "value": "Basic old"}]
        await asked.at(0, config=config)
        assert asked.server.requests[0].headers.get_list("authorization") == ["Bearer abc"]
        (form,) = asked.tokens.requests
        assert form.content == b"grant_type=client_credentials&scope=a+b"
        pair = base64.b64decode(form.headers["authorization"].removeprefix("Basic ")).decode()
        assert pair == "m%3Ae:s%26cret"

    @pytest.mark.parametrize(
        ("expires_in", "fetched"),
        [(60, 2), ("60", 2), (5, 3), (None, 3), (True, 3), ("soon", 3), (10**12, 1), (-1, 3)],
    )
    async def test_a_token_is_kept_until_shortly_before_it_expires(
        self, expires_in: object, fetched: int
    ) -> None:
        asked = Asked(Answer(body={"access_token": "abc", "expires_in": expires_in}))
        await asked.at(0, 49, 51)
        assert len(asked.tokens.requests) == fetched

    async def test_a_refused_token_is_asked_for_anew_next_time(self) -> None:
        asked = Asked(
            Answer(body={"access_token": "abc", "expires_in": 600}), Answer(401), Answer(body=1)
        )
        with pytest.raises(ProviderError, match="401"):
            await asked.at(0)
        await asked.at(1, 2)
        assert len(asked.tokens.requests) == 2

    async def test_a_service_that_wants_the_credentials_in_the_body_gets_them_there(self) -> None:
        def token(request: httpx.Request) -> Answer:
            in_body = b"client_secret=s%26cret" in request.content
            return Answer(body={"access_token": "abc"}) if in_body else Answer(401)

        asked = Asked(token)
        await asked.at(0, 1)
        assert ["authorization" in request.headers for request in asked.tokens.requests] == [
            True,
            False,
            False,
        ]

    @pytest.mark.parametrize(
        ("answer", "message", "outage"),
        [
            (Answer(400), "the OAuth2 token service answered 400", False),
            (Answer(500), "the OAuth2 token service answered 500", True),
            (Answer(429), "the OAuth2 token service answered 429", True),
            (Answer(body=b"no"), "the OAuth2 token service did not answer with JSON", False),
            (Answer(body=[]), "the OAuth2 token service gave no usable access_token", False),
            (Answer(body={"access_token": "a\nb"}), "gave no usable access_token", False),
            (Answer(failure="ConnectError"), "https://login.example/t: ConnectError", True),
        ],
    )
    async def test_without_a_token_the_measurement_is_an_error(
        self, answer: Answer, message: str, outage: bool
    ) -> None:
        asked = Asked(answer)
        with pytest.raises(ProviderError) as caught:
            await asked.at(0)
        assert message in str(caught.value)
        assert caught.value.outage is outage
        assert asked.server.requests == []

    async def test_many_measurements_at_once_fetch_one_token(self) -> None:
        asked = Asked(Answer(body={"access_token": "abc", "expires_in": 600}))
        query = a_query(with_oauth2())
        await asyncio.gather(*(asked.provider.measure(query) for _ in range(20)))
        assert len(asked.tokens.requests) == 1
        await asked.provider.aclose()

    async def test_old_tokens_do_not_pile_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("gradatim.builtin.web.oauth2._MOST_TOKENS", 3)
        asked = Asked(Answer(body={"access_token": "abc", "expires_in": 20}))
        for second in range(0, 100, 10):
            await asked.at(second, config=with_oauth2(clientId=f"client-{second}"))
        assert len(vars(vars(asked.provider)["_tokens"])["_tokens"]) <= 4


PATH = FieldPath("provider", "web")


async def probed(server: ScriptedServer, config: Json) -> list[Problem]:
    provider = WebProvider(transport=httpx.MockTransport(server))
    try:
        return await provider.probe(a_query(config), PATH)
    finally:
        await provider.aclose()


class TestTheProbe:
    async def test_asks_with_get_and_says_what_would_go_wrong(self) -> None:
        (problem,) = await probed(ScriptedServer(Answer(404)), block())
        assert str(problem) == f"provider.web.url: {URL}: received non 2xx response code: 404"

    async def test_sends_nothing_with_another_method(self) -> None:
        server = ScriptedServer(Answer(500))
        assert await probed(server, block(method="POST", body="start")) == []
        assert server.requests == []

    async def test_fetches_the_token_with_another_method(self) -> None:
        server = ScriptedServer()
        server.aside = TokenService(Answer(403))
        (problem,) = await probed(server, with_oauth2() | {"method": "POST"})
        assert problem.message.endswith("the OAuth2 token service answered 403")

    async def test_ends_when_the_token_service_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(web_config, "DEFAULT_TIMEOUT_SECONDS", 0.01)
        server = ScriptedServer()
        server.aside = TokenService(Answer(hang=True))
        (problem,) = await probed(server, with_oauth2() | {"method": "POST"})
        assert problem.message == "no token within 0.01 s"

    async def test_says_first_what_validation_says(self) -> None:
        (problem,) = await probed(ScriptedServer(), {})
        assert str(problem) == "provider.web.url: is missing"


def identity(config: Json) -> object:
    query: Query = a_query(config)
    return WebProvider().identity(query)


class TestIdentity:
    def test_is_equal_for_equal_requests_and_tells_others_apart(self) -> None:
        others = [
            block(),
            block(jsonPath="{.a}"),
            block(insecure=True),
            block(headers=[{"key": "a", "value": "b"}]),
            with_oauth2(),
            with_oauth2(clientSecret="another"),
        ]
        assert len({identity(config) for config in others}) == len(others)
        assert identity(block()) == identity(block(method="GET"))

    @pytest.mark.parametrize("config", [{}, block(method="POST", body="start")])
    def test_is_none_where_asking_may_set_something_going(self, config: Json) -> None:
        assert identity(config) is None


def test_fields_that_other_providers_have_are_passed_over() -> None:
    config = block(authentication={"basicAuth": {"username": "me"}, "sigv4": {}, "oauth2": {}})
    assert list(web_config.problems(config, PATH)) == []
    assert web_config.read(config).oauth2 is None


def test_reprs_hold_no_secret() -> None:
    read = web_config.read(with_oauth2() | {"headers": [{"key": "k", "value": "s3cret-header"}]})
    assert "s&cret" not in repr(read)
    assert "s3cret" not in repr(read)


def test_the_provider_is_made_outside_of_a_loop() -> None:
    script = "from gradatim.builtin.web.provider import WebProvider; WebProvider()"
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, env=dict(os.environ))
