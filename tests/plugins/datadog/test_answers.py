"""Answers of Datadog are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin import Measurement, Numbers, ProviderError, RateLimit, Series
from gradatim.plugin.http import Reply
from gradatim_datadog.credentials import Credentials
from gradatim_datadog.query import check_validation, measurement
from gradatim_datadog.reasons import reason_of
from gradatim_datadog.settings import settings

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
CREDENTIALS = Credentials(api_key="a" * 32, app_key="b" * 40, source="the keys")


def _read(version: str, body: object, status: int = 200) -> Measurement:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    wanted = settings({"apiVersion": version, "query": "x{*}"})
    return measurement(Reply(status, {}, raw), wanted, CREDENTIALS, NOW)


def _points(*values: object) -> dict[str, Any]:
    return {
        "status": "ok",
        "series": [{"pointlist": [[1.0, value] for value in values]}, {"pointlist": [[1, 9]]}],
    }


def _columns(*columns: object) -> dict[str, Any]:
    return {"data": {"type": "scalar_response", "attributes": {"columns": columns}}}


def _numbers(*values: object, **more: Any) -> dict[str, Any]:
    return {"name": "query", "type": "number", "values": values, **more}


def _groups(*values: object) -> dict[str, Any]:
    return {"name": "host", "type": "group", "values": values}


@pytest.mark.parametrize(
    ("version", "body", "value", "text"),
    [
        pytest.param(
            "v1", _points(1, 2, 0.5), 0.5, "0.5", id="v1: the newest point of the first series"
        ),
        pytest.param("v1", _points(1e21), 1e21, "1" + "0" * 21, id="v1: no exponent"),
        pytest.param(
            "v1", _points(1, None), 1.0, "1", id="v1: a point without a value is passed over"
        ),
        pytest.param("v2", _columns(_numbers(0.0006)), 0.0006, "0.0006", id="v2: a number"),
        pytest.param(
            "v2",
            _columns({"values": [3]}),
            3.0,
            "3",
            id="v2: a column without a type is one of numbers",
        ),
        pytest.param(
            "v2", _columns(_numbers(None, 2, 3)), 2.0, "2", id="v2: the first number, nulls skipped"
        ),
        pytest.param(
            "v2", _columns(_numbers(1), _numbers(2)), 1.0, "1", id="v2: the first column of numbers"
        ),
        pytest.param(
            "v2",
            _columns(_groups(["a"]), _numbers(7)),
            [7.0],
            "[7]",
            id="v2: one group is a list all the same",
        ),
    ],
)
def test_values(version: str, body: object, value: object, text: str) -> None:
    read = _read(version, body)
    assert (read.value, read.text, read.no_data) == (value, text, False)


@pytest.mark.parametrize(
    ("version", "body", "text"),
    [
        pytest.param("v1", {"series": []}, "[]", id="v1: no series"),
        pytest.param("v1", {"status": "ok"}, "null", id="v1: not even a list"),
        pytest.param("v1", {"series": None}, "null", id="v1: null"),
        pytest.param("v1", {"series": [{"pointlist": []}]}, "[]", id="v1: no points"),
        pytest.param("v1", {"series": [None]}, "[]", id="v1: a null series"),
        pytest.param("v1", {"series": [5, "x"]}, "[]", id="v1: series that are none"),
        pytest.param("v1", _points(None, None), "[]", id="v1: points without a value"),
        pytest.param("v2", {}, "[]", id="v2: no data"),
        pytest.param("v2", {"data": {"attributes": {}}}, "[]", id="v2: no columns"),
        pytest.param("v2", _columns(), "[]", id="v2: an empty list of columns"),
        pytest.param("v2", _columns({"type": "number"}), "[]", id="v2: a column without values"),
        pytest.param("v2", _columns(_numbers(None)), "[]", id="v2: null"),
        pytest.param(
            "v2", _columns(_groups(["a"]), _numbers(None)), "[]", id="v2: groups without a value"
        ),
        pytest.param(
            "v2", _columns(_groups(["a"])), "[]", id="v2: groups without a column of numbers"
        ),
    ],
)
def test_no_data(version: str, body: object, text: str) -> None:
    read = _read(version, body)
    assert (read.value, read.text, read.no_data) == (None, text, True)


@pytest.mark.parametrize(
    ("version", "body", "message"),
    [
        pytest.param(
            "v1",
            {"status": "error", "error": "no such metric"},
            "failed: no such metric",
            id="v1: error",
        ),
        pytest.param(
            "v1", {"status": "error"}, "failed: without a reason", id="v1: error without a reason"
        ),
        pytest.param("v1", {"series": {}}, "series is not a list", id="v1: another series"),
        pytest.param(
            "v1", {"series": [{"pointlist": 1}]}, "pointlist is not a list", id="v1: another list"
        ),
        pytest.param(
            "v1", {"series": [{"pointlist": [[1, 2, 3]]}]}, "not a pair", id="v1: a triple"
        ),
        pytest.param("v1", {"series": [{"pointlist": [5]}]}, "not a pair", id="v1: no pair"),
        pytest.param("v1", _points("1"), "is not a number", id="v1: a number as text"),
        pytest.param("v1", _points(True), "is not a number", id="v1: true"),
        pytest.param("v1", _points(10**400), "too big for a number", id="v1: too big"),
        pytest.param(
            "v1",
            b'{"series": [{"pointlist": [[1, 1e400]]}]}',
            "too big for a number",
            id="v1: 1e400",
        ),
        pytest.param(
            "v1",
            b'{"series": [{"pointlist": [[1, NaN]]}]}',
            "than a JSON object",
            id="v1: NaN is no JSON",
        ),
        pytest.param(
            "v2", {"errors": "bad formula"}, "failed: bad formula", id="v2: errors beside the data"
        ),
        pytest.param(
            "v2", {"data": {"errors": ["a", "b"]}}, "failed: a; b", id="v2: errors in the data"
        ),
        pytest.param(
            "v2", _columns(5), "not a list of objects", id="v2: a column that is a number"
        ),
        pytest.param(
            "v2", _columns({"values": "invalid"}), "are not a list", id="v2: values as text"
        ),
        pytest.param("v2", _columns(_numbers("1")), "is not a number", id="v2: a number as text"),
        pytest.param(
            "v2", _columns(_groups(), _numbers(1)), "has no label", id="v2: too few labels"
        ),
        pytest.param(
            "v2", _columns(_groups([]), _numbers(1)), "has no label", id="v2: an empty label"
        ),
        pytest.param(
            "v2", _columns(_groups(None), _numbers(1)), "has no label", id="v2: a null label"
        ),
        pytest.param(
            "v2", _columns(_groups([1]), _numbers(1)), "has no label", id="v2: a label of a number"
        ),
        pytest.param("v2", b"<html>", "something else than a JSON object: <html>", id="a page"),
        pytest.param("v2", b"", "something else than a JSON object: nothing", id="nothing"),
        pytest.param(
            "v2", b"[" * 100_000, "something else than a JSON object", id="nested too deep"
        ),
        pytest.param("v2", [1], "something else than a JSON object: [1]", id="a list"),
    ],
)
def test_errors(version: str, body: object, message: str) -> None:
    with pytest.raises(ProviderError) as caught:
        _read(version, body)
    assert str(caught.value).startswith("Datadog at https://api.datadoghq.com")
    assert message in str(caught.value)
    assert not caught.value.outage


def test_nulls_go_with_their_groups() -> None:
    read = _read("v2", _columns(_groups(["a"], ["b"], ["c"]), _numbers(1, None, 3)))
    assert read.value == [1.0, 3.0]
    assert type(read.value) is Numbers
    assert json.loads(read.metadata["groups"]) == [
        {"name": "a", "value": 1},
        {"name": "c", "value": 3},
    ]


def test_every_tag_of_a_group_is_in_its_name() -> None:
    read = _read("v2", _columns(_groups(["eu"]), _groups(["a", "alias"]), _numbers(1)))
    assert json.loads(read.metadata["groups"])[0]["name"] == "eu,a,alias"


def test_of_many_groups_the_lowest_and_the_highest_are_named() -> None:
    values = [float(one) for one in range(1500)]
    read = _read("v2", _columns(_groups(*([f"h{one:.0f}"] for one in values)), _numbers(*values)))
    named = [one["value"] for one in json.loads(read.metadata["groups"])]
    assert named == [*range(50), *range(1450, 1500)]
    assert read.metadata["groups_truncated"] == "true"
    assert read.value == values
    assert len(json.loads(read.text)) == 1000
    assert read.metadata["values_truncated"] == "true"


def test_a_hundred_groups_are_all_named() -> None:
    read = _read(
        "v2", _columns(_groups(*([str(one)] for one in range(100))), _numbers(*range(100)))
    )
    assert len(json.loads(read.metadata["groups"])) == 100
    assert set(read.metadata) == {"groups"}


def test_a_label_is_cut_and_can_be_written() -> None:
    read = _read("v2", _columns(_groups(['"\ud800' + "x" * 500]), _numbers(1)))
    (group,) = json.loads(read.metadata["groups"])
    assert group["name"] == '"?' + "x" * 198


def test_validation_wants_the_word_true() -> None:
    check_validation(Reply(200, {}, b'{"valid": true}'), CREDENTIALS, NOW)
    for body in (b'{"valid": false}', b'{"valid": 1}', b"{}"):
        with pytest.raises(ProviderError, match="does not know the API key of the keys"):
            check_validation(Reply(200, {}, body), CREDENTIALS, NOW)


_PARTS = [
    "series",
    "pointlist",
    "data",
    "attributes",
    "columns",
    "values",
    "type",
    "errors",
    "error",
    "status",
]
_BODIES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["number", "group", "error"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_PARTS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(version=st.sampled_from(["v1", "v2"]), body=_BODIES)
def test_any_answer_is_a_measurement_or_a_provider_error(version: str, body: object) -> None:
    try:
        read = _read(version, body)
    except ProviderError:
        return
    assert read.no_data is (read.value is None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param({"errors": ["Forbidden"]}, "Forbidden", id="v1: a list of texts"),
        pytest.param(
            {"status": "error", "error": "Error parsing query"},
            "Error parsing query",
            id="v1: error",
        ),
        pytest.param({"error": {"message": "deep"}}, "deep", id="v1: an object for an error"),
        pytest.param({"errors": "one text"}, "one text", id="a text for a list"),
        pytest.param(
            {"errors": [{"title": "Bad Request", "detail": "unknown metric", "status": "400"}]},
            "unknown metric",
            id="v2: the detail of a JSON:API error",
        ),
        pytest.param(
            {"errors": [{"title": "Too many"}, {"status": "429"}]}, "Too many; 429", id="v2: two"
        ),
        pytest.param({"data": {"errors": ["inside"]}}, "inside", id="v2: inside of data"),
        pytest.param({"errors": [None, 5, {}]}, "5", id="others"),
        pytest.param({"errors": []}, "", id="none"),
        pytest.param({"errors": ["x"] * 100}, "; ".join("x" * 10), id="of very many the first ten"),
    ],
)
def test_datadogs_words_are_found_in_every_shape(body: dict[str, Any], reason: str) -> None:
    assert reason_of(body) == reason


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_refusal_quotes_datadogs_words_and_not_the_json_around_them(version: str) -> None:
    with pytest.raises(ProviderError) as caught:
        _read(version, {"errors": ["Error parsing query"]}, 400)
    assert str(caught.value).endswith("refused the query (400): Error parsing query")
    with pytest.raises(ProviderError, match="the query failed: too many groups"):
        _read(version, {"errors": [{"detail": "too many groups"}]}, 200)


def test_groups_are_series_with_their_tags() -> None:
    hosts, regions = (
        _groups(["a"], ["b"], ["c"]),
        {**_groups(["eu"], ["us"], ["us"]), "name": "region"},
    )
    read = _read("v2", _columns(regions, hosts, _numbers(1, None, 3)))
    assert read.series == (
        Series({"region": "eu", "host": "a"}, (1.0,)),
        Series({"region": "us", "host": "c"}, (3.0,)),
    )
    assert _read("v2", _columns(_numbers(1))).series == ()


def test_the_points_of_every_v1_series_are_kept_with_their_tags() -> None:
    both = [
        {"tag_set": ["version:canary", "live"], "pointlist": [[1, 0.5], [2, None], [3, 1]]},
        {"tag_set": [5], "pointlist": None},
    ]
    read = _read("v1", {"series": both})
    assert read.series == (Series({"version": "canary", "live": ""}, (0.5, 1.0)), Series())
    assert read.samples == [[[1, 0.5], [2, None], [3, 1]], []]
    many = _read("v1", {"series": [{"pointlist": [[at, at] for at in range(500)]}] * 500})
    assert [len(many.samples), *map(len, many.samples)] == [50] * 51
    assert many.samples[0][-1] == [499, 499]


def test_an_answer_says_what_was_asked_and_what_is_left_of_the_rate_limit() -> None:
    wanted = settings(
        {"apiVersion": "v2", "queries": {"a": "x{*}", "b": "y{*}"}, "formula": "a / b"}
    )
    headers = {"x-ratelimit-remaining": "41", "x-ratelimit-limit": "300", "x-ratelimit-reset": "9"}
    raw = json.dumps(_columns(_numbers(1))).encode()
    read = measurement(Reply(200, headers, raw), wanted, CREDENTIALS, NOW)
    assert read.query == "a / b with a = x{*}; b = y{*} over 300 s"
    assert read.rate_limit == RateLimit(limit=300, remaining=41, reset=9.0)
