"""Requests are built, and replies are read."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin import Measurement, Numbers, ProviderError
from gradatim.plugin.http import Reply
from gradatim_prometheus.query import measurement, redirection, request
from gradatim_prometheus.settings import OAuth2, Range, Settings

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
SETTINGS = Settings(query="up", address="http://me:hunter22@prometheus:9090/prefix")


def _reply(status: int = 200, body: object = None, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers, raw)


def _success(kind: str, result: object, **more: Any) -> Reply:
    return _reply(
        body={"status": "success", "data": {"resultType": kind, "result": result}, **more}
    )


def _read(reply: Reply) -> Measurement:
    return measurement(reply, SETTINGS.endpoint, NOW)


def _sample(value: str) -> dict[str, Any]:
    return {"metric": {}, "value": [1, value]}


@pytest.mark.parametrize(
    ("reply", "value", "text"),
    [
        pytest.param(_success("scalar", [1, "0.5"]), 0.5, "0.5", id="a scalar is a number"),
        pytest.param(
            _success("scalar", [1, "1e+21"]), 1e21, "1" + "0" * 21, id="without an exponent"
        ),
        pytest.param(
            _success("vector", [_sample("1")]), [1.0], "[1]", id="a vector of one is a list"
        ),
        pytest.param(
            _success("vector", [_sample("2"), _sample("+Inf")]),
            [2.0, math.inf],
            "[2,+Inf]",
            id="in order",
        ),
        pytest.param(
            _success("matrix", [{"values": [[1, "1"], [2, "2"]]}, {"values": [[1, "3"]]}]),
            [1.0, 2.0, 3.0],
            "[1,2,3]",
            id="a matrix is flattened in order",
        ),
    ],
)
def test_values(reply: Reply, value: object, text: str) -> None:
    read = _read(reply)
    assert (read.value, read.text, read.no_data) == (value, text, False)


def test_series_are_kept_with_their_labels() -> None:
    matrix = [
        {"metric": {"version": "canary"}, "values": [[1, "1"], [2, "NaN"]]},
        {"metric": None, "values": [[1, "3"]]},
    ]
    read = _read(_success("matrix", matrix))
    assert [one.labels for one in read.series] == [{"version": "canary"}, {}]
    assert str([one.samples for one in read.series]) == "[(1.0, nan), (3.0,)]"
    assert read.samples == matrix
    many = _read(_success("matrix", [{"values": [[at, "1"] for at in range(500)]}] * 500))
    assert [len(many.samples), *(len(one["values"]) for one in many.samples)] == [50] * 51
    assert many.samples[0]["values"][-1][0] == 499


@pytest.mark.parametrize("kind", ["vector", "matrix"])
def test_an_empty_result_has_no_data(kind: str) -> None:
    read = _read(_success(kind, []))
    assert (read.value, read.text, read.no_data) == ([], "[]", True)
    assert type(read.value) is Numbers


def test_nan_is_data() -> None:
    read = _read(_success("vector", [_sample("NaN")]))
    assert (read.text, read.no_data) == ("[NaN]", False)


def test_warnings_are_kept_as_a_list_in_quotes_and_cut() -> None:
    read = _read(_success("scalar", [1, "1"], warnings=["slow", "x" * 2000]))
    assert read.metadata["warnings"].startswith('"slow", "xxx')
    assert len(read.metadata["warnings"]) == 1024


def test_of_very_many_values_all_are_judged_and_some_are_kept() -> None:
    read = _read(_success("vector", [_sample("1")] * 5000))
    assert len(read.value) == 5000
    assert len(json.loads(read.text)) == 1000
    assert read.metadata == {"values_truncated": "true"}


@pytest.mark.parametrize(
    ("reply", "message", "field", "outage"),
    [
        pytest.param(
            _reply(400, {"status": "error", "errorType": "bad_data", "error": "parse error"}),
            "Prometheus at http://prometheus:9090 refused the query (400): bad_data: parse error",
            "query",
            False,
            id="a query that does not parse",
        ),
        pytest.param(
            _reply(422, {"status": "error", "errorType": "execution", "error": "many-to-many"}),
            "refused the query (422): execution: many-to-many",
            "query",
            False,
            id="a query that fails",
        ),
        pytest.param(
            _reply(401, b"no"),
            "refused the credentials (401): no",
            "authentication",
            False,
            id="401",
        ),
        pytest.param(
            _reply(403, b"no"),
            "refused the credentials (403): no",
            "authentication",
            False,
            id="403",
        ),
        pytest.param(_reply(404, b"gone"), "answered 404: gone", "address", False, id="not found"),
        pytest.param(
            _reply(400, b"hm"), "answered 400: hm", "address", False, id="400 of something else"
        ),
        pytest.param(
            _reply(429, b""), "answered 429: nothing", "address", True, id="too many requests"
        ),
        pytest.param(
            _reply(503, {"status": "error", "errorType": "timeout", "error": "query timed out"}),
            "answered 503: timeout: query timed out",
            "address",
            True,
            id="out of time in the server",
        ),
        pytest.param(
            _reply(502, b"<html>\n bad"),
            "answered 502: <html> bad",
            "address",
            True,
            id="a proxy's page",
        ),
        pytest.param(
            _reply(200, b"<html>"), "answered 200: <html>", "address", False, id="a login page"
        ),
        pytest.param(
            _reply(200, b"[" * 100_000), "answered 200: [[", "address", False, id="nested too deep"
        ),
        pytest.param(
            _reply(200, [1]), "answered 200: [1]", "address", False, id="JSON of another shape"
        ),
        pytest.param(
            _reply(200, {"status": "success"}), "without a result", "address", False, id="no data"
        ),
        pytest.param(
            _success("histogram", 1), "without a result", "address", False, id="an unknown type"
        ),
        pytest.param(
            _success("string", [1, "x"]), "yields a string", "query", False, id="a string"
        ),
        pytest.param(
            _success("scalar", None), "a scalar that cannot be read", "", False, id="a null scalar"
        ),
        pytest.param(
            _success("scalar", [1, 2]),
            "a scalar that cannot be read",
            "",
            False,
            id="an unquoted value",
        ),
        pytest.param(
            _success("scalar", [1, "x"]),
            "a scalar that cannot be read",
            "",
            False,
            id="not a number",
        ),
        pytest.param(
            _success("vector", [{"histogram": [1, {}]}]),
            "a vector that cannot be read",
            "",
            False,
            id="a histogram",
        ),
        pytest.param(
            _success("matrix", [{}]), "a matrix that cannot be read", "", False, id="a bad matrix"
        ),
        pytest.param(
            _success("vector", {"a": 1}),
            "a vector that cannot be read",
            "",
            False,
            id="a bad vector",
        ),
    ],
)
def test_errors(reply: Reply, message: str, field: str, outage: bool) -> None:
    with pytest.raises(ProviderError) as caught:
        _read(reply)
    assert message in str(caught.value)
    assert (caught.value.field, caught.value.outage) == (field, outage)


def test_a_body_is_cut_and_holds_no_password() -> None:
    body = b"your password is hunter22! " + b"x" * 5000
    with pytest.raises(ProviderError) as caught:
        _read(_reply(500, body))
    assert "your password is *****!" in str(caught.value)
    assert len(str(caught.value)) < 256 + 80


def test_a_busy_server_says_when_to_come_back() -> None:
    with pytest.raises(ProviderError) as caught:
        _read(_reply(429, b"", **{"retry-after": "7"}))
    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://p:9090", "http://p:9090/api/v1/query"),
        ("http://p:9090//", "http://p:9090/api/v1/query"),
        ("https://p/a/b/?tenant=x#y", "https://p/a/b/api/v1/query?tenant=x"),
        ("https://me:pw@p", "https://p/api/v1/query"),
    ],
)
def test_where_the_query_goes(address: str, url: str) -> None:
    assert request(Settings(query="up", address=address), "up", NOW).url == url


def test_the_query_is_asked_at_the_moment_of_the_measurement() -> None:
    assert request(SETTINGS, "up", NOW).fields == {"query": "up", "time": "1767268800.500"}


@pytest.mark.parametrize(
    ("step", "text"), [(60.0, "60"), (0.5, "0.5"), (1e-9, "0.000000001"), (86400.0, "86400")]
)
def test_a_range_query_names_start_end_and_step_in_seconds(step: float, text: str) -> None:
    wanted = Range(NOW - timedelta(minutes=5), NOW, step)
    made = request(replace(SETTINGS, range=wanted), "up", NOW)
    assert made.url == "http://prometheus:9090/prefix/api/v1/query_range"
    assert made.fields == {
        "query": "up",
        "start": "1767268500.500",
        "end": "1767268800.500",
        "step": text,
    }


@pytest.mark.parametrize(
    "said",
    [
        'invalid parameter "end": end timestamp must not be before start time',
        'invalid parameter "step": zero or negative query resolution step widths are not accepted',
        "exceeded maximum resolution of 11,000 points per timeseries",
    ],
)
def test_a_range_that_is_refused_is_the_range_s_fault(said: str) -> None:
    with pytest.raises(ProviderError, match="refused the query") as caught:
        _read(_reply(400, {"status": "error", "errorType": "bad_data", "error": said}))
    assert caught.value.field == "rangeQuery"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://p/api/v1/query", "https://p/api/v1/query"),
        ("http://p/prefix/api/v1/query", "http://p/prefix/api/v1/query"),
        ("/other", "http://p/other"),
        ("https://elsewhere/api/v1/query", None),
        ("ftp://p/", None),
        ("http://[", None),
    ],
)
def test_redirections_stay_on_their_host(location: str, target: str | None) -> None:
    assert redirection("http://p/api/v1/query", location) == target


def test_a_redirection_never_leaves_encryption() -> None:
    assert redirection("https://p/", "http://p/") is None


def test_credentials_of_the_block_go_before_those_of_the_address() -> None:
    both = Settings(query="up", address="http://a%40b:c%2Fd@p", basic_auth=("me", "pw"))
    assert both.login == "me:pw"
    assert Settings(query="up", address=both.address).login == "a@b:c/d"
    assert Settings(query="up", address="http://p").login is None


def test_every_secret_is_known_as_one() -> None:
    told = Settings(
        query="up",
        address="http://me:address-password@p",
        headers=(("Authorization", "Bearer header-token"),),
        oauth2=OAuth2("http://id", "client", "client-secret"),
    )
    assert {"address-password", "header-token", "client-secret"} <= set(told.endpoint.secrets)


def test_half_a_surrogate_pair_becomes_writable() -> None:
    read = _read(_success("scalar", [1, "1"], warnings=["\ud800"]))
    assert read.metadata == {"warnings": '"?"'}


_BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "values", "metric"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(kind=st.sampled_from(["scalar", "vector", "matrix", "string", "other"]), result=_BODIES)
def test_any_result_is_a_measurement_or_a_provider_error(kind: str, result: object) -> None:
    try:
        read = _read(_success(kind, result))
    except ProviderError:
        return
    assert read.text
