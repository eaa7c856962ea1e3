"""Wrong input: said with the path of its field, while the running release and its traffic stay exactly as they are."""

from __future__ import annotations

import base64

import pytest
from manifests import analysis, mesh, pause, rollout, service, template, virtual_service, weight
from telemetry import Verdict

CANARY = "spec.strategy.canary"


def unknown_provider() -> dict:
    return {"name": "odd", "provider": {"plugin": {"acme/gauge": {"q": "1"}}}}


def broken_condition() -> dict:
    return {
        "name": "odd",
        "successCondition": "result >=",
        "provider": {"web": {"url": "http://127.0.0.1:9/", "jsonPath": "{$.ok}"}},
    }


@pytest.mark.parametrize(
    ("objects", "steps", "told"),
    [
        pytest.param(
            [template(unknown_provider())],
            [weight(50), analysis()],
            ["acme/gauge", "metrics[0].provider"],
            id="a provider that nobody serves",
        ),
        pytest.param(
            [template(broken_condition())],
            [weight(50), analysis()],
            ["successCondition"],
            id="a condition that does not parse",
        ),
        pytest.param(
            [],
            [weight(50), analysis("elsewhere")],
            [f"{CANARY}.steps[1].analysis.templates", "elsewhere"],
            id="a template that is not there",
        ),
        pytest.param([], [weight(120)], [f"{CANARY}.steps[0].setWeight"], id="a weight of 120"),
        pytest.param(
            [],
            [weight(50), {"pause": {"duration": "soon"}}],
            [f"{CANARY}.steps[1].pause.duration"],
            id="a pause of no length",
        ),
    ],
)
def test_the_running_release_stays_as_it_is(at_work, objects, steps, told):
    at_work.given_released(*mesh(), *objects, rollout(weight(50), pause(), routed=True))
    before = footprint(at_work)

    at_work.when_spec({"strategy": {"canary": {"steps": steps}}})
    at_work.when_image("app:v2")
    status = at_work.then(phase="Degraded", message="InvalidSpec")
    for words in told:
        assert words in status["message"]
    assert at_work.condition("InvalidSpec")["status"] == "True"
    at_work.holds("nothing moves", lambda: footprint(at_work) == before, seconds=1)

    at_work.when_spec({"strategy": {"canary": {"steps": [weight(50)]}}})
    at_work.then(phase="Healthy")
    assert not at_work.condition("InvalidSpec")


@pytest.mark.parametrize(
    ("http", "told"),
    [
        pytest.param(
            [{"name": "other", "route": virtual_service()["spec"]["http"][0]["route"]}],
            "primary",
            id="without the route",
        ),
        pytest.param(
            [{"name": "primary", "route": [{"destination": {"host": "web-stable"}}]}],
            "web-canary",
            id="without the canary's destination",
        ),
        pytest.param("text", "web", id="with a text for its routes"),
        pytest.param([None, 5, {"name": "primary", "route": [7]}], "web", id="of odd things"),
    ],
)
def test_a_virtual_service_that_cannot_be_used_is_found_before_the_release(at_work, http, told):
    at_work.given_released(*mesh(), rollout(weight(50), pause(), routed=True))
    at_work.api.patch("virtualservices", at_work.namespace, "web", {"spec": {"http": http}})
    before = footprint(at_work)

    at_work.when_image("app:v2")
    status = at_work.then(phase="Degraded", message="InvalidSpec")
    assert told in status["message"]
    assert f"{CANARY}.trafficRouting.istio.virtualService" in status["message"]
    at_work.holds("nothing moves", lambda: footprint(at_work) == before, seconds=1)

    good = {"spec": {"http": virtual_service()["spec"]["http"]}}
    at_work.api.patch("virtualservices", at_work.namespace, "web", good)
    at_work.then(phase="Paused", step=1)
    assert at_work.weight() == 50


def test_a_secret_without_its_key_is_named_with_namespace_and_key_and_not_with_its_content(at_work):
    content = "0123456789abcdef-not-to-be-told"
    with Verdict() as datadog:
        data = {"api-key": content, "address": datadog.url}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys"},
            "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
        }
        block = {"query": "avg:web.errors{*}", "secretRef": {"name": "keys", "namespaced": True}}
        metric = {
            "name": "errors",
            "successCondition": "result < 1",
            "consecutiveErrorLimit": 0,
            "provider": {"datadog": block},
        }
        steps = [weight(50), analysis(), weight(75), pause()]
        at_work.given_released(secret, template(metric), *mesh(), rollout(*steps, routed=True))
        stable = at_work.pods("app:v1")
        at_work.when_image("app:v2")
        at_work.then(phase="Degraded", message="RolloutAborted")

        measurement = at_work.runs()[0]["status"]["metricResults"][0]["measurements"][0]
        assert measurement["phase"] == "Error"
        for words in ("Secret", "keys", at_work.namespace, "app-key"):
            assert words in measurement["message"]
        assert datadog.asked == []
    at_work.eventually("all traffic is stable's", lambda: at_work.weight() == 0)
    assert at_work.pods("app:v1") >= stable
    told = [at_work.controllers.report(), *at_work.events(), str(at_work.runs())]
    assert not [text for text in told if content in text or datadog.url in text]


def test_odd_objects_of_others_stop_nobody(at_work):
    odd_metric = {"name": "odd", "count": "{{args.none}}", "provider": {}}
    odd = [
        template(name="empty"),
        template(odd_metric, name="odd"),
        template({**odd_metric, "successCondition": ")("}, name="unreadable"),
        service("nowhere", app="nobody"),
        virtual_service(http={"not": "a list"}, name="odd"),
        {**virtual_service(name="bare"), "spec": None},
    ]
    at_work.given(*odd)
    at_work.given_released(*mesh(), rollout(weight(50), routed=True))
    at_work.when_image("app:v2")
    at_work.then(phase="Healthy")
    assert "pass failed" not in at_work.controllers.report()


def footprint(scene) -> object:
    """What must not move: pods, sets, Services and routes."""
    kinds = ("replicasets", "services", "virtualservices")
    versions = {
        (kind, each["metadata"]["name"]): each["metadata"]["resourceVersion"]
        for kind in kinds
        for each in scene.api.list(kind, scene.namespace)
    }
    return versions, scene.pods("app:v1"), scene.sets()
