"""What is wrong with a block, and what a sound one says."""

from __future__ import annotations

import copy
import importlib.util
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradatim_prometheus
from gradatim.plugin import FieldPath, ProviderError
from gradatim.testing import a_query
from gradatim_prometheus.config import END, START, problems, range_times
from gradatim_prometheus.settings import Range, Settings, SigV4
from gradatim_prometheus.settings import settings as settings_of

PATH = FieldPath("provider", "prometheus")
SOUND = {"address": "http://prometheus.example.com:9090", "query": "up"}
FULL = {
    "address": "https://prometheus.example.com/prefix",
    "query": "sum(rate(http_requests_total[5m]))",
    "timeout": 40,
    "insecure": True,
    "headers": [{"key": "X-Scope-OrgID", "value": "tenant"}],
    "authentication": {
        "oauth2": {
            "tokenUrl": "https://id.example.com/token",
            "clientId": "gradatim",
            "clientSecret": "{{args.secret}}",
            "scopes": ["metrics"],
        }
    },
}
RANGE = {"start": "now() - duration('5m')", "end": "now()", "step": "1m"}
AMAZON = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/w"
PEM = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n"


NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
TIMES = {START: NOW - timedelta(minutes=5), END: NOW}


def settings(config: Any, environment: Any, times: Any = TIMES) -> Settings:
    return settings_of(a_query(config, environment=environment, times=times))


def _auth(**methods: Any) -> dict[str, Any]:
    return {"authentication": methods}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="the smallest sound block"),
        pytest.param(FULL, [], id="every field"),
        pytest.param({"address": None}, [], id="the address may come from the environment"),
        pytest.param({"address": ""}, [], id="an empty address says nothing"),
        pytest.param(
            {"address": "http://{{args.server}}:9090"}, [], id="an address with an argument"
        ),
        pytest.param(
            {"query": None}, ["query: is missing: the PromQL expression to evaluate"], id="no query"
        ),
        pytest.param(
            {"query": " "},
            ["query: must not be empty: the PromQL expression to evaluate"],
            id="blank",
        ),
        pytest.param(
            {"query": 1}, ["query: must be text, not a number"], id="a query that is a number"
        ),
        pytest.param(
            {"adress": "x"}, ["adress: unknown field; did you mean address?"], id="a misspelt field"
        ),
        pytest.param(
            {"QUERY": "x"}, ["QUERY: unknown field; did you mean query?"], id="a field in capitals"
        ),
        pytest.param(
            {"zzz": None},
            [
                "zzz: unknown field; the fields here are address, authentication, caCert, headers, insecure,"
                " query, rangeQuery, timeout"
            ],
            id="a field like no other",
        ),
        *(
            pytest.param(
                {"address": address},
                ["address: must be a URL with http:// or https:// and a host"],
                id=f"address {address!r}",
            )
            for address in (
                "prometheus:9090",
                "ftp://prometheus",
                "http://",
                "http://:9090",
                "http://prometheus:port",
                "http://prometheus:99999",
                "http://prome theus",
                "http://[::1",
                "http://prometheus\n",
            )
        ),
        pytest.param(
            {"timeout": 0}, ["timeout: must be from 1 to 86400 seconds"], id="no time at all"
        ),
        pytest.param(
            {"timeout": -1}, ["timeout: must be from 1 to 86400 seconds"], id="negative time"
        ),
        pytest.param(
            {"timeout": "30s"},
            ["timeout: must be a whole number of seconds, not text"],
            id="a timeout with a unit",
        ),
        pytest.param(
            {"timeout": True},
            ["timeout: must be a whole number of seconds, not true or false"],
            id="a timeout that is true",
        ),
        pytest.param(
            {"timeout": 1.5},
            ["timeout: must be a whole number of seconds, not a number"],
            id="a timeout with a fraction",
        ),
        pytest.param(
            {"insecure": "true"},
            ["insecure: must be true or false, not text"],
            id="insecure as text",
        ),
        pytest.param(
            {"headers": {"X-Scope-OrgID": "a"}},
            ["headers: must be a list of objects with key and value, not an object"],
            id="headers as a map",
        ),
        pytest.param(
            {
                "headers": [
                    "a",
                    {"key": "A"},
                    {"key": "A B", "value": "x\ny"},
                    {"name": "A", "value": 1},
                ]
            },
            [
                "headers[0]: must be an object, not text",
                "headers[1].value: is missing",
                "headers[2].key: must be the name of an HTTP header: letters, digits and dashes",
                "headers[2].value: must not have line breaks or other control characters",
                "headers[3].name: unknown field; the fields here are key, value",
                "headers[3].value: must be text, not a number",
                "headers[3].key: is missing",
            ],
            id="every fault of every header at once",
        ),
        pytest.param(
            {"headers": [{"key": "Authorization", "value": "Bearer {{args.token}}\n"}]},
            [],
            id="a line break at the end of a header's value is cut off",
        ),
        pytest.param(
            _auth(basicAuth={"username": "me"}),
            ["authentication.basicAuth.password: is missing"],
            id="a user without a password",
        ),
        pytest.param(_auth(basicAuth={}), [], id="an empty block asks for nothing"),
        pytest.param(
            _auth(oauth2={"clientId": "me"}),
            [
                "authentication.oauth2.tokenUrl: is missing",
                "authentication.oauth2.clientSecret: is missing",
            ],
            id="half of OAuth2",
        ),
        pytest.param(
            _auth(oauth2={"tokenUrl": "id", "clientId": "a", "clientSecret": "b", "scopes": "all"}),
            [
                "authentication.oauth2.tokenUrl: must be a URL with http:// or https:// and a host",
                "authentication.oauth2.scopes: must be a list of texts, not text",
            ],
            id="faults of OAuth2",
        ),
        pytest.param(
            _auth(oauth2={**FULL["authentication"]["oauth2"], "scopes": [1]}),
            ["authentication.oauth2.scopes[0]: must be text, not a number"],
            id="a scope that is a number",
        ),
        pytest.param(
            _auth(basicAuth={"username": "a", "password": "b"}, **FULL["authentication"]),
            ["authentication: basicAuth and oauth2 exclude each other"],
            id="two ways at once",
        ),
        pytest.param(
            _auth(bearer={}),
            ["authentication.bearer: unknown field; the fields here are basicAuth, oauth2, sigv4"],
            id="a way that there is not",
        ),
        pytest.param(
            {"authentication": "x"}, ["authentication: must be an object, not text"], id="text"
        ),
        pytest.param(
            {"address": AMAZON, **_auth(sigv4={"region": "x", "key": "y"})},
            [
                "authentication.sigv4.key: unknown field; the fields here are profile, region, roleArn"
            ],
            id="a field that signatures have not",
        ),
        pytest.param(
            {"address": AMAZON, **_auth(sigv4={"region": "x", "profile": "y", "roleArn": "z"})},
            [],
            id="Amazon's addresses and signatures",
        ),
        pytest.param(
            _auth(sigv4={"region": "x"}), [], id="elsewhere sigv4 is ignored, as by the reference"
        ),
        pytest.param({"caCert": PEM * 2}, [], id="certificates to trust"),
        pytest.param({"caCert": "{{args.ca}}"}, [], id="certificates still to come"),
        pytest.param(
            {"caCert": "MIIDXTCC"},
            ["caCert: must be certificates in PEM: -----BEGIN CERTIFICATE----- and so on"],
            id="certificates without their frame",
        ),
        pytest.param({"caCert": 5}, ["caCert: must be text, not a number"], id="a number for them"),
        pytest.param({"rangeQuery": RANGE}, [], id="a sound range"),
        pytest.param(
            {"rangeQuery": {"start": 5, "step": "1 minute", "until": "now()"}},
            [
                "rangeQuery.start: must be text, not a number",
                'rangeQuery.step: "1 minute" is not a duration: numbers with a unit (ns, us, ms, s, m or h)'
                " are, as in 1h30m",
                "rangeQuery.until: unknown field; the fields here are end, start, step",
                "rangeQuery.end: is missing",
            ],
            id="faults of a range",
        ),
        pytest.param(
            {"rangeQuery": {**RANGE, "step": "0s"}},
            ["rangeQuery.step: must be longer than 0"],
            id="a step of nothing",
        ),
        pytest.param(
            {"rangeQuery": {**RANGE, "step": "-1s"}},
            ["rangeQuery.step: must be longer than 0"],
            id="a step back",
        ),
        pytest.param(
            {"rangeQuery": {**RANGE, "step": "{{args.step}}"}}, [], id="a step with an argument"
        ),
        pytest.param(
            {"rangeQuery": []},
            ["rangeQuery: must be an object, not a list"],
            id="a range that is a list",
        ),
    ],
)
def test_problems(changes: dict[str, Any], expected: list[str]) -> None:
    found = [str(one) for one in problems({**SOUND, **changes}, PATH)]
    assert found == [f"provider.prometheus.{one}" for one in expected]


@pytest.mark.parametrize("config", [None, [], "up", 5, True])
def test_a_block_that_is_no_object_is_one_problem(config: object) -> None:
    (problem,) = problems(config, PATH)
    assert str(problem).startswith("provider.prometheus: must be an object, not ")


def test_no_message_repeats_an_address_or_a_header() -> None:
    config = {
        **SOUND,
        "address": "htp://me:hunter2@x",
        "headers": [{"key": "A", "value": "hun\nter2"}],
    }
    text = " ".join(str(one) for one in problems(config, PATH))
    assert "hunter2" not in text
    assert "hun" not in text.replace("hunter", "")


_NAMES = st.sampled_from(
    [
        *FULL,
        "rangeQuery",
        "key",
        "value",
        "basicAuth",
        "oauth2",
        "sigv4",
        "caCert",
        "username",
        "tokenUrl",
        "step",
        "x",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(_JSON)
def test_any_json_is_judged_and_left_as_it_was(config: Any) -> None:
    before = copy.deepcopy(config)
    for problem in problems(config, PATH):
        assert str(problem).startswith("provider.prometheus")
        assert "\n" not in problem.message
    assert str(before) == str(config)


@given(st.dictionaries(_NAMES, _JSON, max_size=6))
def test_a_block_without_problems_can_be_used(config: dict[str, Any]) -> None:
    config = {**config, "address": "http://prometheus"}
    if list(problems(config, PATH)):
        with pytest.raises(ProviderError):
            settings(config, {})
    else:
        assert settings(config, {}).query == config["query"]


def test_the_hook_answers_for_its_own_key_only() -> None:
    assert gradatim_prometheus.gradatim_validate_metric("datadog", {}, PATH) is None
    assert gradatim_prometheus.gradatim_validate_metric("prometheus", dict(SOUND), PATH) == []
    assert len(gradatim_prometheus.gradatim_validate_metric("prometheus", {}, PATH)) == 1


def test_settings_say_everything_that_the_block_says() -> None:
    told = settings({**FULL, "headers": [{"key": "Authorization", "value": "Bearer abc\n"}]}, {})
    assert (told.query, told.timeout, told.insecure) == (FULL["query"], 40, True)
    assert told.headers == (("Authorization", "Bearer abc"),)
    assert told.oauth2 is not None
    assert told.oauth2.scopes == ("metrics",)
    assert "abc" not in repr(told)


def test_settings_have_the_references_defaults() -> None:
    told = settings(dict(SOUND), {})
    assert (told.timeout, told.insecure, told.headers) == (30, False, ())
    assert (told.basic_auth, told.oauth2) == (None, None)


_VARIABLE = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS"


@pytest.mark.parametrize(
    ("config", "environment", "address"),
    [
        pytest.param({}, {_VARIABLE: "http://env"}, "http://env", id="the environment's address"),
        pytest.param(
            {"address": ""}, {_VARIABLE: "http://env"}, "http://env", id="an empty field is none"
        ),
        pytest.param(
            {"address": "http://own"},
            {_VARIABLE: "http://env"},
            "http://own",
            id="the block's goes first",
        ),
    ],
)
def test_where_the_address_comes_from(config: Any, environment: Any, address: str) -> None:
    assert settings({"query": "up", **config}, environment).address == address


@pytest.mark.parametrize(
    ("config", "environment", "message", "field"),
    [
        pytest.param(
            {}, {}, f"no address: neither .* variable {_VARIABLE}", "address", id="no address"
        ),
        pytest.param(
            {},
            {_VARIABLE: "prom:9090"},
            f"{_VARIABLE} must be a URL",
            "address",
            id="a wrong variable",
        ),
        pytest.param({"query": ""}, {}, "query: must not be empty", "query", id="a wrong block"),
        pytest.param(
            {"address": "http://p", "rangeQuery": {**RANGE, "step": "{{args.step}}"}},
            {},
            "rangeQuery.step: .* is not a duration",
            "rangeQuery",
            id="a step whose argument was never put in",
        ),
    ],
)
def test_what_cannot_be_used_says_why(
    config: Any, environment: Any, message: str, field: str
) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        settings({"query": "up", **config}, environment)
    assert caught.value.field == field
    assert not caught.value.outage


def test_a_range_has_its_times_from_the_controller() -> None:
    told = settings({**SOUND, "rangeQuery": {**RANGE, "step": "90s"}}, {})
    assert told.range == Range(TIMES[START], TIMES[END], 90.0)
    assert settings(dict(SOUND), {}).range is None
    with pytest.raises(ProviderError, match="its start or its end is not known"):
        settings({**SOUND, "rangeQuery": RANGE}, {}, times={START: NOW})


@pytest.mark.parametrize(
    ("config", "expressions"),
    [
        ({"rangeQuery": RANGE}, {START: RANGE["start"], END: "now()"}),
        ({"rangeQuery": {"start": "", "end": 5}}, {}),
        ({"rangeQuery": []}, {}),
        ({}, {}),
    ],
)
def test_which_fields_hold_the_expression_of_a_time(config: Any, expressions: Any) -> None:
    assert range_times(config) == expressions


def test_the_address_decides_whether_requests_are_signed_wherever_it_comes_from() -> None:
    block = {"query": "up", **_auth(sigv4={"region": "x", "profile": "p"})}
    assert settings(block, {_VARIABLE: AMAZON}).sigv4 == SigV4("x", "p")
    assert settings({**block, "address": "http://p"}, {}).sigv4 is None
    empty = {"query": "up", "address": AMAZON, **_auth(sigv4={"region": "", "profile": None})}
    assert settings(empty, {}).sigv4 is None


def test_without_botocore_nothing_can_be_signed_and_validation_says_so(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    signed = {"query": "up", "address": AMAZON, **_auth(sigv4={"region": "x"})}
    (problem,) = problems(signed, PATH)
    assert str(problem.path) == "provider.prometheus.authentication.sigv4"
    assert "pip install 'gradatim-prometheus[sigv4]'" in problem.message
    assert list(problems(SOUND, PATH)) == []
