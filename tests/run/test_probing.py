"""Probing: what stands against measuring a template's metrics, found before any release."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gradatim.errors import PluginError
from gradatim.kube.errors import Unreachable
from gradatim.model.analysis import Template, parse_template
from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    Problem,
    ProviderError,
    Query,
    SecretRef,
)
from gradatim.run.fence import Fence, Limits
from gradatim.run.inquiry import Surroundings
from gradatim.run.probing import Probing
from gradatim_datadog import DatadogProvider

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRETS = {
    ("shop", "tokens"): {"token": "hush-hush"},
    ("system", "datadog"): {"api-key": "key-4711"},
}


class Asked(MetricProvider):
    """Keeps what it was asked, and says what the test says."""

    key = "asked"

    def __init__(self, *answer: Any, wants: Iterable[SecretRef] = ()) -> None:
        self.answer, self.wants, self.queries = answer, wants, list[Query]()

    async def measure(self, query: Query) -> Measurement:
        raise AssertionError("a probe measures nothing")

    async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
        self.queries.append(query)
        if self.answer and isinstance(self.answer[0], BaseException):
            raise self.answer[0]
        return [Problem(path / "query", str(text)) for text in self.answer]

    def secrets(self, config: Json) -> Iterable[SecretRef]:
        return self.wants

    def times(self, config: Json) -> Mapping[FieldPath, str]:
        return {FieldPath("start"): config["start"]} if "start" in config else {}


class One:
    def __init__(self, provider: MetricProvider) -> None:
        self.provider = provider

    def metric_provider(self, key: str) -> MetricProvider:
        if key != self.provider.key:
            raise PluginError(f"no plugin serves {key!r}", plugin=key)
        return self.provider


async def read(namespace: str, name: str) -> Mapping[str, str] | None:
    if name == "unreachable":
        raise Unreachable("get secrets: no answer")
    return SECRETS.get((namespace, name))


def template(*blocks: Json, args: Iterable[Json] = (), **raw: Any) -> Template:
    metrics = [
        {"name": f"m{index}", "provider": {"plugin": {"asked": block}} if block is not None else {}}
        for index, block in enumerate(blocks)
    ]
    return parse_template(
        {
            "kind": "AnalysisTemplate",
            "metadata": {"name": "t", "namespace": "shop"},
            "spec": {"metrics": metrics, "args": list(args)},
            **raw,
        }
    )


async def found(provider: MetricProvider, *templates: Template) -> list[str]:
    fence = Fence(lambda: 0.0, Limits(deadline=0.05))
    surroundings = Surroundings(namespace="system", environment={"A": "1"})
    probing = Probing(One(provider), fence, read, surroundings, lambda: NOW)
    told = await probing.templates(templates)
    assert [template for template, _ in told] == list(templates)
    return [str(problem) for _, problems in told for problem in problems]


TOKEN = {"name": "token", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "token"}}}


async def test_a_probe_is_asked_without_a_run_and_with_what_is_known() -> None:
    provider = Asked(wants=[SecretRef("datadog"), SecretRef("tokens", in_run_namespace=True)])
    block = {
        "query": "{{args.token}} {{ args.open }} {{args.known}}",
        "start": "now() - duration('1m')",
    }
    args = [TOKEN, {"name": "open"}, {"name": "known", "value": "v"}]
    assert await found(provider, template(block, args=args)) == []
    (query,) = provider.queries
    assert query.config["query"] == "hush-hush {{args.open}} v"
    assert (query.run, query.run_uid, query.namespace, query.metric) == ("", "", "shop", "m0")
    assert query.times == {FieldPath("start"): NOW - timedelta(minutes=1)}
    assert query.environment == {"A": "1"}
    assert query.secrets == {
        SecretRef("datadog"): SECRETS["system", "datadog"],
        SecretRef("tokens", in_run_namespace=True): SECRETS["shop", "tokens"],
    }


async def test_problems_have_the_path_in_the_template_and_show_no_secret() -> None:
    said = await found(
        Asked("refused hush-hush\nand more"), template({}, {"q": "{{args.token}}"}, args=[TOKEN])
    )
    assert said == [
        "spec.metrics[0].provider.plugin.asked.query: refused ***** and more",
        "spec.metrics[1].provider.plugin.asked.query: refused ***** and more",
    ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ProviderError("no hush-hush"), "no *****"),
        (KeyError("hush-hush"), "asked: probe raised KeyError: '*****'"),
        (SystemExit(1), "asked: probe raised SystemExit: 1"),
    ],
)
async def test_a_probe_that_raises_is_a_problem(answer: BaseException, message: str) -> None:
    (said,) = await found(Asked(answer), template({}, args=[TOKEN]))
    assert said == f"spec.metrics[0].provider.plugin.asked: {message}"


async def test_a_probe_that_hangs_is_a_problem() -> None:
    class Hangs(Asked):
        async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
            await asyncio.Event().wait()
            return []

    (said,) = await found(Hangs(), template({}))
    assert "probe did not answer within" in said


@pytest.mark.parametrize(
    ("about", "message"),
    [
        pytest.param(template({}, raw=None), None, id="a sound one"),
        pytest.param(
            template({"start": "5"}), "could not evaluate start", id="a time that is none"
        ),
        pytest.param(template(None), None, id="no provider is for validation to say"),
        pytest.param(template({"q": "{{args.nobody}}"}), None, id="nor is a tag of nobody"),
        pytest.param(
            template({"start": "{{args.ago}}"}, args=[{"name": "ago"}]),
            None,
            id="a time still open",
        ),
    ],
)
async def test_templates(about: Template, message: str | None) -> None:
    said = await found(Asked(), about)
    assert [message in one for one in said] == [True] if message else said == []


async def test_nobody_serves_it() -> None:
    metric = {"name": "m", "provider": {"wavefront": {}}}
    (said,) = await found(Asked(), template(spec={"metrics": [metric]}))
    assert said.endswith("no plugin serves 'wavefront'")


async def test_a_secret_that_cannot_be_read_is_a_problem_and_stops_no_other() -> None:
    provider = Asked(wants=[SecretRef("unreachable")])
    said = await found(provider, template({}), template({}))
    assert said == ["spec.metrics[0]: get secrets: no answer"] * 2


async def test_the_secrets_of_a_cluster_template_are_those_of_each_run() -> None:
    provider = Asked("asked", wants=[SecretRef("own", in_run_namespace=True)])
    about = template({"q": "{{args.token}}"}, args=[TOKEN], kind="ClusterAnalysisTemplate")
    assert await found(provider, about) == []
    open_ = Asked("asked")
    assert len(await found(open_, about)) == 1
    assert open_.queries[0].config == {"q": "{{args.token}}"}


@pytest.mark.parametrize(
    ("datadog", "message"),
    [
        (None, 'there is no Secret "datadog" in namespace "system"'),
        ({"api-key": "k-4711"}, 'Secret "datadog" in namespace "system" lacks the key "app-key"'),
        (
            {"api-key": "k-4711", "app-key": " "},
            'Secret "datadog" in namespace "system" holds nothing under "app-key"',
        ),
    ],
)
async def test_each_case_of_a_wrong_datadog_secret_is_found_before_a_release(
    monkeypatch: pytest.MonkeyPatch, datadog: Any, message: str
) -> None:
    monkeypatch.setitem(SECRETS, ("system", "datadog"), datadog)
    metric = {"name": "m", "provider": {"datadog": {"query": "avg:x{*}"}}}
    (said,) = await found(DatadogProvider(), template(spec={"metrics": [metric]}))
    assert said.startswith(f"spec.metrics[0].provider.datadog: {message}")
