"""Over real HTTP, against a loopback server in the shapes that Datadog documents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gradatim.plugin import FieldPath, ProviderError, Query, RateLimit, SecretRef
from gradatim_datadog import DatadogProvider
from gradatim_datadog.provider import Waiting

NOW = datetime(2026, 1, 1, 12, 0, 0, 900_000, tzinfo=UTC)
PATH = FieldPath("spec", "metrics", 0, "provider", "datadog")
DEFAULT = SecretRef("datadog")
QUERY = "sum:requests.error.rate{service:checkout}"


class Asked:
    """A provider, and Secrets as the core would have resolved them."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.seconds, self.slept = 0.0, list[float]()
        waiting = Waiting(clock=lambda: self.seconds, sleep=self._sleep, chance=lambda: 0.5)
        self.provider = DatadogProvider(waiting=waiting)
        self.secrets: dict[SecretRef, Mapping[str, str] | None] = {
            DEFAULT: {"api-key": site.api_key, "app-key": site.app_key, "address": site.address}
        }
        self.environment: dict[str, str] = {}

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def query(self, **config: Any) -> Query:
        block = {"query": QUERY, **config}
        return Query(
            config={name: value for name, value in block.items() if value is not None},
            metric="error-rate",
            namespace="shop",
            now=NOW,
            secrets=self.secrets,
            secret_namespaces={
                ref: "shop" if ref.in_run_namespace else "rollouts" for ref in self.secrets
            },
            environment=self.environment,
        )

    async def measure(self, **config: Any):
        return await self.provider.measure(self.query(**config))

    async def error(self, **config: Any) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            await self.measure(**config)
        return caught.value

    async def probe(self, **config: Any) -> list[str]:
        return [str(one) for one in await self.provider.probe(self.query(**config), PATH)]


@pytest.fixture
async def asked(site):
    made = Asked(site)
    yield made
    await made.provider.aclose()


async def test_v1_asks_for_the_window_in_seconds(asked) -> None:
    measured = await asked.measure(interval="10m")
    assert (measured.value, measured.text, measured.no_data) == (0.5, "0.5", False)
    assert asked.site.seen == [
        ("GET", "/api/v1/query", {"query": QUERY, "from": "1767268200", "to": "1767268800"})
    ]


async def test_v2_asks_for_the_window_in_milliseconds(asked) -> None:
    measured = await asked.measure(apiVersion="v2")
    assert (measured.value, measured.text) == (0.5, "0.5")
    ((method, path, body),) = asked.site.seen
    assert (method, path) == ("POST", "/api/v2/query/scalar")
    assert body["data"]["attributes"] == {
        "from": 1767268500000,
        "to": 1767268800000,
        "queries": [
            {"aggregator": "last", "data_source": "metrics", "name": "query", "query": QUERY}
        ],
        "formulas": [],
    }


async def test_several_queries_with_a_formula_always_go_in_the_same_order(asked) -> None:
    await asked.measure(
        apiVersion="v2",
        query=None,
        queries={"b": "sum:requests{*}", "a": "sum:errors{*}"},
        formula="a / b",
        aggregator="sum",
    )
    attributes = asked.site.seen[0][2]["data"]["attributes"]
    assert [(one["name"], one["aggregator"]) for one in attributes["queries"]] == [
        ("a", "sum"),
        ("b", "sum"),
    ]
    assert attributes["formulas"] == [{"formula": "a / b"}]


async def test_a_grouped_query_gives_a_list_and_names_its_groups(asked) -> None:
    asked.site.columns = [
        {"name": "region", "type": "group", "values": [["eu"], ["us"], ["us"]]},
        {"name": "host", "type": "group", "values": [["a"], ["b"], ["c"]]},
        {"name": "query", "type": "number", "values": [1.0, None, 0.25]},
    ]
    measured = await asked.measure(apiVersion="v2")
    assert (measured.value, measured.text) == ([1.0, 0.25], "[1,0.25]")
    assert json.loads(measured.metadata["groups"]) == [
        {"name": "eu,a", "value": 1},
        {"name": "us,c", "value": 0.25},
    ]


async def test_no_data_is_none_so_that_default_works(asked) -> None:
    asked.site.series = []
    asked.site.columns = [{"name": "query", "type": "number", "values": [None]}]
    for version in ("v1", "v2"):
        measured = await asked.measure(apiVersion=version)
        assert (measured.value, measured.text, measured.no_data) == (None, "[]", True)


@pytest.mark.parametrize("slashes", ["/", "//"])
async def test_a_trailing_slash_does_not_matter(asked, slashes: str) -> None:
    asked.secrets[DEFAULT] = {**asked.secrets[DEFAULT], "address": asked.site.address + slashes}
    await asked.measure()
    assert asked.site.seen[0][1] == "/api/v1/query"


async def test_keys_with_the_line_break_of_an_echo_are_good(asked) -> None:
    asked.secrets[DEFAULT] = {key: value + "\n" for key, value in asked.secrets[DEFAULT].items()}
    assert (await asked.measure()).value == 0.5


async def test_the_environment_is_enough(asked) -> None:
    asked.secrets = {}
    asked.environment = {
        "DD_API_KEY": asked.site.api_key,
        "DD_APP_KEY": asked.site.app_key,
        "DD_ADDRESS": asked.site.address,
    }
    assert (await asked.measure()).value == 0.5


async def test_keys_that_datadog_does_not_know_are_named_by_their_secret(asked) -> None:
    asked.secrets[DEFAULT] = {**asked.secrets[DEFAULT], "app-key": "wrong-key-of-forty"}
    error = await asked.error()
    assert str(error) == (
        'Datadog at the address in Secret "datadog" in namespace "rollouts" refused the keys of Secret "datadog" in'
        ' namespace "rollouts" (403; are they for this site, and may the application key query metrics?):'
        " Forbidden"
    )
    assert not error.outage


async def test_a_query_that_does_not_parse_is_refused_with_datadogs_reason(asked) -> None:
    for version in ("v1", "v2"):
        error = await asked.error(apiVersion=version, query="sum(")
        assert "refused the query (400): " in str(error)
        assert "unable to parse" in str(error)
        assert (error.field, error.outage) == ("query", False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param(
            {"X-RateLimit-Reset": "17", "X-RateLimit-Period": "60"}, 17.0, id="when the period ends"
        ),
        pytest.param({"X-RateLimit-Period": "60"}, 60.0, id="how long a period is"),
        pytest.param({"Retry-After": "5", "X-RateLimit-Reset": "17"}, 5.0, id="what a proxy says"),
        pytest.param({"Retry-After": "Thu, 01 Jan 2026 12:00:30 GMT"}, 29.1, id="a date"),
        pytest.param({"X-RateLimit-Reset": "100000"}, 3600.0, id="absurdly long"),
        pytest.param({"X-RateLimit-Reset": "nan"}, None, id="not a number"),
        pytest.param({}, None, id="nothing"),
    ],
)
async def test_the_rate_limit_says_when_to_come_back(asked, headers, seconds: float | None) -> None:
    asked.site.instead = (
        429,
        headers,
        b'{"errors": ["Rate limit of 300 requests in 3600 seconds reached"]}',
    )
    error = await asked.error()
    assert "answered 429" in str(error)
    assert error.outage
    assert error.retry_after == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_broken_site_is_an_outage(asked, status: int) -> None:
    asked.site.instead = (status, {}, b"<html>\n oops")
    error = await asked.error()
    assert str(error).endswith(f"answered {status}: <html> oops")
    assert error.outage


BUSY = b'{"errors": ["Rate limit of 300 requests in 3600 seconds reached"]}'


@pytest.mark.parametrize("seconds", [7, 3000])
async def test_a_rate_limit_is_told_at_once_for_the_core_to_wait(asked, seconds: int) -> None:
    asked.site.instead = (
        429,
        {"X-RateLimit-Reset": str(seconds), "X-RateLimit-Limit": "300"},
        BUSY,
    )
    error = await asked.error()
    assert (error.retry_after, error.throttled, error.outage) == (seconds, True, True)
    assert error.rate_limit == RateLimit(limit=300, remaining=0, reset=seconds)
    assert (asked.slept, len(asked.site.seen)) == ([], 1)


async def test_an_outage_that_names_a_time_is_not_asked_about_before_it(asked) -> None:
    asked.site.first = [(503, {"Retry-After": "7"}, b"")]
    assert (await asked.measure()).value == 0.5
    assert asked.slept == [7.5]  # spread over the second after it
    first, second = asked.site.seen
    assert first == second


async def test_a_time_beyond_the_budget_is_left_to_the_next_measurement(asked) -> None:
    asked.site.instead = (503, {"Retry-After": "31"}, b"")
    assert (await asked.error()).retry_after == 31.0
    assert (asked.slept, len(asked.site.seen)) == ([], 1)


async def test_outages_are_tried_three_times_with_growing_waits(asked) -> None:
    asked.site.instead = (502, {}, b"")
    assert (await asked.error()).outage
    assert asked.slept == [0.75, 1.5]
    assert len(asked.site.seen) == 3


async def test_a_site_that_comes_back_is_no_error(asked) -> None:
    asked.site.first = [(503, {}, b""), (500, {}, b"<html>")]
    assert (await asked.measure(apiVersion="v2")).value == 0.5
    assert len(asked.site.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_will_stay_wrong_is_not_tried_again(asked, status: int) -> None:
    asked.site.instead = (status, {}, b'{"errors": ["no"]}')
    assert not (await asked.error()).outage
    assert len(asked.site.seen) == 1


async def test_waiting_that_is_cancelled_ends_at_once(asked) -> None:
    begun = asyncio.Event()

    async def forever(seconds: float) -> None:
        begun.set()
        await asyncio.Event().wait()

    asked.site.instead = (503, {}, b"")
    provider = DatadogProvider(waiting=Waiting(sleep=forever))
    measuring = asyncio.create_task(provider.measure(asked.query()))
    await begun.wait()
    measuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await measuring
    await provider.aclose()


async def test_a_redirection_gets_no_keys(asked) -> None:
    asked.site.instead = (302, {"location": asked.site.address + "/elsewhere"}, b"")
    error = await asked.error()
    assert "answered 302: nothing" in str(error)
    assert len(asked.site.seen) == 1


async def test_a_body_is_cut_and_holds_no_key(asked) -> None:
    asked.site.instead = (500, {}, f"your key {asked.site.api_key} {'x' * 5000}".encode())
    error = await asked.error()
    assert "your key ***** xxx" in str(error)
    assert len(str(error)) < 400


async def test_a_site_that_is_not_there_is_an_outage_and_its_address_is_not_told(asked) -> None:
    asked.secrets[DEFAULT] = {**asked.secrets[DEFAULT], "address": "http://127.0.0.1:1"}
    error = await asked.error()
    assert str(error).startswith(
        'Datadog at the address in Secret "datadog" in namespace "rollouts" did not answer: ConnectError'
    )
    assert error.outage


async def test_probe_checks_the_key_and_then_the_query(asked) -> None:
    assert await asked.probe() == []
    assert [path for _, path, _ in asked.site.seen] == ["/api/v1/validate", "/api/v1/query"]


async def test_probe_finds_an_api_key_that_is_not_known(asked) -> None:
    asked.secrets[DEFAULT] = {**asked.secrets[DEFAULT], "api-key": "wrong"}
    assert await asked.probe() == [
        'spec.metrics[0].provider.datadog: Datadog at the address in Secret "datadog" in namespace "rollouts" does not'
        ' know the API key of Secret "datadog" in namespace "rollouts" (403; is it for this site?)'
    ]
    assert len(asked.site.seen) == 1


async def test_probe_finds_an_application_key_that_is_not_known(asked) -> None:
    tenant = SecretRef("tenant", in_run_namespace=True)
    asked.secrets = {tenant: {**asked.secrets[DEFAULT], "app-key": "wrong"}}
    (problem,) = await asked.probe(secretRef={"name": "tenant", "namespaced": True})
    assert problem.startswith(
        "spec.metrics[0].provider.datadog.secretRef: Datadog at the address in Secret"
    )
    assert 'refused the keys of Secret "tenant" in namespace "shop" (403' in problem


async def test_probe_finds_a_secret_that_is_not_there(asked) -> None:
    asked.secrets = {}
    (problem,) = await asked.probe(secretRef={"name": "tenant"})
    assert problem == (
        'spec.metrics[0].provider.datadog.secretRef: there is no Secret "tenant" in the controller\'s namespace'
    )


async def test_probe_finds_a_query_that_does_not_parse(asked) -> None:
    (problem,) = await asked.probe(apiVersion="v2", query=None, queries={"a": "sum("})
    assert problem.startswith("spec.metrics[0].provider.datadog.queries: ")


async def test_probe_leaves_out_a_query_that_still_waits_for_an_argument(asked) -> None:
    assert await asked.probe(query="sum({{args.x}}") == []
    assert [path for _, path, _ in asked.site.seen] == ["/api/v1/validate"]


async def test_probe_asks_nothing_when_the_secret_still_waits_for_an_argument(asked) -> None:
    assert await asked.probe(secretRef={"name": "{{args.tenant}}"}) == []
    assert asked.site.seen == []


async def test_probe_reports_faults_of_the_block_without_asking(asked) -> None:
    assert len(await asked.probe(apiVersion="v3", interval="1d")) == 2
    assert asked.site.seen == []


async def test_probe_takes_a_rate_limit_for_no_fault(asked) -> None:
    asked.site.instead = (429, {}, b"")
    assert await asked.probe() == []


async def test_probe_reports_an_outage(asked) -> None:
    asked.site.instead = (503, {}, b"")
    (problem,) = await asked.probe()
    assert problem.startswith("spec.metrics[0].provider.datadog: Datadog at")
