"""What HTTP answers mean for a measurement, and how it is said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gradatim.plugin import ProviderError, RateLimit
from gradatim.plugin.http import (
    Endpoint,
    Reply,
    is_outage,
    late,
    rate_limit,
    refusal,
    retry_after,
    shown_address,
    unreachable,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
ASKED = Endpoint(
    name="Graphs at http://graphs",
    secrets=("hunter22",),
    query_field="query",
    login_field="secretRef",
    address_field="address",
    login="the keys of a Secret",
    login_hint="are they for this site?",
)


def _told(error: ProviderError) -> tuple[str, str, bool, bool]:
    return str(error).removeprefix("Graphs at http://graphs "), *_kinds(error)


def _kinds(error: ProviderError) -> tuple[str, bool, bool]:
    return error.field, error.outage, error.throttled


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [
        pytest.param(
            401,
            "",
            (
                "refused the keys of a Secret (401; are they for this site?): body *****",
                "secretRef",
                False,
                False,
            ),
            id="credentials that are refused",
        ),
        pytest.param(
            403,
            "Forbidden",
            (
                "refused the keys of a Secret (403; are they for this site?): Forbidden",
                "secretRef",
                False,
                False,
            ),
            id="in the service's own words",
        ),
        pytest.param(
            400,
            "parse error at hunter22",
            ("refused the query (400): parse error at *****", "query", False, False),
            id="a query that is refused",
        ),
        pytest.param(
            422, "no", ("refused the query (422): no", "query", False, False), id="one that fails"
        ),
        pytest.param(
            400,
            "",
            ("answered 400: body *****", "address", False, False),
            id="a 400 of somebody on the way",
        ),
        pytest.param(
            404, "", ("answered 404: body *****", "address", False, False), id="a wrong path"
        ),
        pytest.param(429, "", ("answered 429: body *****", "address", True, True), id="too many"),
        pytest.param(
            408, "", ("answered 408: body *****", "address", True, False), id="too slow to ask"
        ),
        pytest.param(
            503, "timeout", ("answered 503: timeout", "address", True, False), id="out of order"
        ),
    ],
)
def test_a_refusal_says_who_what_and_whose_fault(
    status: int, reason: str, told: tuple[str, str, bool, bool]
) -> None:
    reply = Reply(status, {}, b"body\n hunter22")
    assert _told(refusal(ASKED, reply, NOW, reason=reason)) == told


def test_an_empty_body_is_nothing() -> None:
    assert str(refusal(ASKED, Reply(502, {}, b""), NOW)).endswith("answered 502: nothing")


def test_more_secrets_may_come_on_the_way() -> None:
    reply = Reply(502, {}, b"Bearer t0ken hunter22")
    told = str(refusal(ASKED.hiding("t0ken"), reply, NOW))
    assert told.endswith("answered 502: Bearer ***** *****")
    assert "hunter22" not in repr(ASKED)


def test_no_answer_is_an_outage() -> None:
    assert _told(late(ASKED, 2.5)) == ("did not answer within 2.5 s", "address", True, False)
    told = _told(unreachable(ASKED, OSError("no route\nfor hunter22")))
    assert told == ("did not answer: OSError: no route for *****", "address", True, False)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_outages(status: int) -> None:
    assert is_outage(status)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 422])
def test_answers_that_are_none(status: int) -> None:
    assert not is_outage(status)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "20"}, 20.0, id="seconds"),
        pytest.param({"retry-after": "Thu, 01 Jan 2026 12:01:00 GMT"}, 59.5, id="a date"),
        pytest.param({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0, id="a date gone by"),
        pytest.param(
            {"retry-after": "Thu, 01 Jan 2026 12:01:00 -0000"}, 59.5, id="a date without a zone"
        ),
        pytest.param({"retry-after": "Thu, 99 Jan 2026 12:01:00 GMT"}, None, id="no such date"),
        pytest.param({"retry-after": "1e9"}, 3600.0, id="absurdly long"),
        pytest.param({"retry-after": "-5"}, 0.0, id="gone by"),
        pytest.param({"retry-after": "nan"}, None, id="not a number"),
        pytest.param({"retry-after": "1e400"}, None, id="infinite"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "7" * 65}, None, id="no end of digits"),
        pytest.param({"x-ratelimit-reset": "9"}, 9.0, id="another header"),
        pytest.param({"retry-after": "soon", "x-ratelimit-reset": "9"}, 9.0, id="the next one"),
        pytest.param({}, None, id="no header"),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW, ("retry-after", "x-ratelimit-reset")) == seconds
    error = refusal(
        ASKED, Reply(429, headers, b""), NOW, wait_headers=("retry-after", "x-ratelimit-reset")
    )
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"[1]", None),
        (b'{"a": NaN}', None),
        (b"[" * 100_000, None),
        (b"\xff", None),
        (b"1" * 5000, None),
    ],
)
def test_only_a_json_object_is_read(body: bytes, decoded: object) -> None:
    assert Reply(200, {}, body).json_object() == decoded


def test_an_address_in_a_message_is_only_its_host() -> None:
    assert shown_address("https://me:pw@p:1/secret?token=x") == "https://p:1"


def test_other_words_keep_everything_else() -> None:
    limit = RateLimit(remaining=0)
    error = ProviderError("a", retry_after=5, outage=True, field="query", rate_limit=limit)
    again = error.reworded("b")
    assert (str(again), again.retry_after) == ("b", 5)
    assert _kinds(again) == _kinds(error) == ("query", True, True)


@pytest.mark.parametrize(
    ("status", "headers", "limit"),
    [
        pytest.param(
            200,
            {"x-ratelimit-limit": "300", "x-ratelimit-remaining": "7", "x-ratelimit-reset": "12"},
            RateLimit(limit=300, remaining=7, reset=12.0),
            id="an answer with all three",
        ),
        pytest.param(
            200, {"x-ratelimit-remaining": "0"}, RateLimit(remaining=0), id="the last one"
        ),
        pytest.param(200, {"x-ratelimit-limit": "many"}, None, id="not a number"),
        pytest.param(200, {"x-ratelimit-limit": "9" * 10}, None, id="no end of digits"),
        pytest.param(200, {}, None, id="nothing"),
        pytest.param(
            429,
            {"x-ratelimit-limit": "300", "retry-after": "5", "x-ratelimit-reset": "12"},
            RateLimit(limit=300, remaining=0, reset=12.0),
            id="refused, with the end of the period",
        ),
        pytest.param(
            429, {"retry-after": "5"}, RateLimit(remaining=0, reset=5.0), id="refused for a while"
        ),
        pytest.param(429, {}, RateLimit(remaining=0), id="refused"),
    ],
)
def test_what_a_reply_says_of_a_rate_limit(
    status: int, headers: dict[str, str], limit: RateLimit | None
) -> None:
    reply = Reply(status, headers, b"")
    assert rate_limit(reply, retry_after(headers, NOW)) == limit
    if status == 429:
        assert refusal(ASKED, reply, NOW).rate_limit == limit
