"""A secret stays where it is: releases whose providers fail in every way, on the whole controller.

The services behind the providers put all that they are sent into their answers, as a careless proxy does.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from livecluster import Json, Live, analysis, play, rollout

from gradatim.builtin.web.provider import WebProvider
from gradatim.plugin import FieldPath, Measurement, MetricProvider, Problem, Query
from gradatim.run.controller import Settings
from gradatim.testing.fakes import echo
from gradatim_datadog import DatadogProvider
from gradatim_prometheus import PrometheusProvider

SECRET = "hunter22-of-the-scenario"
OWN = "gradatim"

Answer = Callable[[httpx.Request], httpx.Response]


def _says(status: int) -> Answer:
    return lambda request: httpx.Response(status, content=echo(request))


def _in_json(request: httpx.Request) -> httpx.Response:
    told = echo(request).decode()
    series = [{"metric": {"said": told}, "value": [1, told]}]
    return httpx.Response(
        200,
        json={
            "status": "success",
            "value": told,
            "warnings": [told],
            "series": [{"pointlist": [[1, told]]}],
            "data": {"resultType": "vector", "result": series},
        },
    )


def _breaks(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(echo(request).decode())


FAILURES: dict[str, Answer] = {
    "a refusal": _says(400),
    "refused credentials": _says(401),
    "an outage": _says(503),
    "an answer that is none": _says(200),
    "an answer with all of it in the value": _in_json,
    "a connection that breaks": _breaks,
}
HEADERS = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
BLOCKS: dict[type[MetricProvider], Json] = {
    WebProvider: {
        "url": "http://me:{{args.token}}@web.test/?key={{args.token}}",
        "headers": HEADERS,
        "jsonPath": "{$.value}",
    },
    PrometheusProvider: {
        "address": "http://me:{{args.token}}@prometheus.test",
        "query": 'up{token="{{args.token}}"}',
        "headers": HEADERS,
    },
    DatadogProvider: {"query": "sum:errors{token:{{args.token}}}"},
}


class Raising(MetricProvider):
    """Shows its whole block and its Secrets in what it raises, and in where that came from."""

    key = "test/secretive"

    async def measure(self, query: Query) -> Measurement:
        cause = ValueError(query.config, {**query.secrets})
        raise RuntimeError(json.dumps(query.config)) from cause


def _behind(base: type[MetricProvider], answer: Answer) -> type[MetricProvider]:
    """The provider, with this service behind it."""

    def made(self: Any) -> None:
        base.__init__(self, transport=httpx.MockTransport(answer))

    return type("Secretive", (base,), {"key": "test/secretive", "__init__": made})


def _secret(name: str, namespace: str, **texts: str) -> Json:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _template(block: Json) -> Json:
    token = {"name": "token", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "token"}}}
    metric = {
        "name": "secretive",
        "successCondition": "result.x == '{{args.token}}'",
        "consecutiveErrorLimit": 1,
        "provider": {"plugin": {"test/secretive": block}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "t"},
        "spec": {"args": [token], "metrics": [metric]},
    }


def _everything(live: Live, caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """All that anybody can see: the log, every object but the Secrets, what the controller says of itself."""
    kinds = ("Rollout", "AnalysisRun", "Event", "ReplicaSet", "Pod")
    told = {kind: json.dumps(live.sim.list(kind), ensure_ascii=False) for kind in kinds}
    fence = live.controller.fence
    return told | {"log": caplog.text, "counters": repr((fence.counts, live.controller.faults))}


CASES = [
    *(
        pytest.param(_behind(base, answer), block, id=f"{base.key}: {said}")
        for base, block in BLOCKS.items()
        for said, answer in FAILURES.items()
    ),
    pytest.param(Raising, BLOCKS[WebProvider], id="a plugin that raises all it knows"),
]


@pytest.mark.parametrize(("provider", "block"), CASES)
def test_no_log_no_status_and_no_event_shows_a_secret(
    provider: type[MetricProvider], block: Json, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(live: Live) -> None:
        live.apply(
            _secret("tokens", "default", token=SECRET),
            _template(block),
            rollout(steps=[{"setWeight": 50}, analysis("t")]),
        )
        keys = {"api-key": SECRET, "app-key": f"{SECRET}-2", "address": f"http://{SECRET}.test"}
        live.apply(_secret("datadog", OWN, **keys), namespace=OWN)
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Degraded", within=900)
        for where, text in _everything(live, caplog).items():
            assert SECRET not in text, where
        (run,) = live.sim.list("AnalysisRun")
        assert run["status"]["phase"] == "Error"
        assert run["status"]["metricResults"][0]["measurements"][-1]["message"]

    caplog.set_level(logging.DEBUG, logger="gradatim")
    play(story, provider)


def test_at_its_start_the_controller_says_which_templates_could_not_be_measured(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(live: Live) -> None:
        live.apply(_secret("tokens", "default", token=SECRET), _template({"any": "{{args.token}}"}))
        live.start(settings=Settings(environment={}, probe_templates=True))
        await live.sim.until(lambda: "ProbeFailed" in live.reasons(), 60)
        said = 'spec.metrics[0].provider.plugin[test/secretive]: refused {"any": "*****"}'
        assert f"Warning ProbeFailed: {said}" in live.events()
        assert f"AnalysisTemplate default/t: {said}" in caplog.text
        assert SECRET not in caplog.text

    class Refusing(Raising):
        async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
            return [Problem(path, f"refused {json.dumps(query.config)}")]

    caplog.set_level(logging.DEBUG, logger="gradatim")
    play(story, Refusing, started=False)
