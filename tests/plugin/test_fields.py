"""Checks of fields, as plugins put them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gradatim.plugin import FieldPath, Problem
from gradatim.plugin.fields import (
    all_or_none,
    block,
    duration,
    flag,
    has_open_text,
    headers,
    is_open,
    missing,
    one_of,
    said,
    text,
    texts,
    url,
    whole_number,
)
from gradatim.testing import HOSTILE_VALUES

PATH = FieldPath("it")
CHECKS = {
    "address": url,
    "user": text,
    "scopes": texts,
    "insecure": flag,
    "mode": one_of(("a", "b")),
    "timeout": whole_number(1, 60, "seconds"),
    "most": whole_number(0, 9),
    "window": duration(least=1),
    "step": duration(),
    "headers": headers,
    "login": lambda it, path: all_or_none(
        it, path, {"a": text, "b": text, "c": text}, optional=("c",)
    ),
}


def _block(value: object, path: FieldPath = PATH) -> Iterator[Problem]:
    return block(value, path, CHECKS)


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param(dict.fromkeys(CHECKS), [], id="null is as good as absent"),
        pytest.param(
            {
                "address": "https://h:1/p",
                "user": "",
                "scopes": ["a"],
                "insecure": False,
                "mode": "a",
                "timeout": 60,
                "most": 0,
                "window": "1s",
                "step": "1ns",
                "headers": [{"key": "X-A", "value": ""}],
                "login": {"a": "1", "b": "2"},
            },
            [],
            id="all that is sound",
        ),
        pytest.param(
            {
                "address": "{{args.a}}",
                "window": "{{args.w}}",
                "step": "{{args.s}}s",
                "headers": [{"key": "{{args.k}}", "value": "{{args.v}}"}],
                "login": {"a": "{{args.a}}", "b": "{{args.b}}"},
            },
            [],
            id="arguments are taken on trust",
        ),
        pytest.param([], ["it: must be an object, not a list"], id="no object"),
        pytest.param(
            {"usr": 1, "zzz": 1},
            [
                "it.usr: unknown field; did you mean user?",
                "it.zzz: unknown field; the fields here are address, headers, insecure, login, mode, most,"
                " scopes, step, timeout, user, window",
            ],
            id="unknown fields",
        ),
        pytest.param(
            {"address": "h:9090"},
            ["it.address: must be a URL with http:// or https:// and a host"],
            id="no URL",
        ),
        pytest.param(
            {"address": "http://h:99999"},
            ["it.address: must be a URL with http:// or https:// and a host"],
            id="no port",
        ),
        pytest.param(
            {"address": "http://h/\n"},
            ["it.address: must be a URL with http:// or https:// and a host"],
            id="a line break",
        ),
        pytest.param(
            {"scopes": "a"}, ["it.scopes: must be a list of texts, not text"], id="no list"
        ),
        pytest.param(
            {"scopes": ["a", 1]},
            ["it.scopes[1]: must be text, not a number"],
            id="a number in a list",
        ),
        pytest.param(
            {"insecure": "yes"}, ["it.insecure: must be true or false, not text"], id="no flag"
        ),
        pytest.param({"mode": "c"}, ["it.mode: must be one of a, b"], id="none of these"),
        pytest.param(
            {"timeout": True},
            ["it.timeout: must be a whole number of seconds, not true or false"],
            id="true is no number",
        ),
        pytest.param({"timeout": 61}, ["it.timeout: must be from 1 to 60 seconds"], id="too long"),
        pytest.param({"most": -1}, ["it.most: must be from 0 to 9"], id="too few"),
        pytest.param({"window": "500ms"}, ["it.window: must be at least 1s"], id="too short"),
        pytest.param({"step": "-1s"}, ["it.step: must be longer than 0"], id="back in time"),
        pytest.param(
            {"headers": {}},
            ["it.headers: must be a list of objects with key and value, not an object"],
            id="headers as an object",
        ),
        pytest.param(
            {"headers": [{"key": "a b", "value": "x\ny"}, {"key": "a"}, 1]},
            [
                "it.headers[0].key: must be the name of an HTTP header: letters, digits and dashes",
                "it.headers[0].value: must not have line breaks or other control characters",
                "it.headers[1].value: is missing",
                "it.headers[2]: must be an object, not a number",
            ],
            id="wrong headers",
        ),
        pytest.param(
            {"login": {"c": "3"}},
            ["it.login.a: is missing", "it.login.b: is missing"],
            id="half a login",
        ),
    ],
)
def test_problems(config: object, problems: list[str]) -> None:
    assert [str(one) for one in _block(config)] == problems


def test_a_duration_that_is_none_says_what_one_is() -> None:
    (problem,) = _block({"step": "1 minute"})
    assert "as in 1h30m" in problem.message


@pytest.mark.parametrize("name", CHECKS)
def test_no_check_raises_whatever_the_json(name: str) -> None:
    for value in HOSTILE_VALUES:
        for problem in _block({name: value}):
            assert problem.path.parts[:2] == ("it", name)
            assert "\n" not in problem.message


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_what_is_empty_says_nothing(value: Any) -> None:
    assert not said({"a": value}, "a")
    assert said({"a": 0}, "a")
    assert not said("a", "a")
    assert [str(one) for one in missing({"a": value}, PATH, iter("a"))] == ["it.a: is missing"]


def test_open_arguments_are_found_however_deep() -> None:
    assert is_open("a {{args.x}} b")
    assert not is_open("{{")
    assert has_open_text({"a": [{"b": "{{args.x}}"}]})
    assert not has_open_text({"a": [{"b": "x"}, 1, None]})
