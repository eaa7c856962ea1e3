"""The contract suites for plugin authors, run on this plugin; and what they do not ask."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, ClassVar

import httpx
import pytest

import gradatim_datadog
from gradatim.plugin import ProviderError, SecretRef
from gradatim.testing import Answer, a_query
from gradatim.testing.http_contract import HTTPProviderContract
from gradatim_datadog import DatadogProvider
from gradatim_datadog.provider import Waiting

TENANT = SecretRef("tenant", in_run_namespace=True)
KEYS = {
    "api-key": "api-key-value",
    "app-key": "app-key-value",
    "address": "https://tenant.example.com",
}


async def _no_time(seconds: float) -> None:
    """Sleeping as far as a test goes: others get their turn."""
    await asyncio.sleep(0)


def _unhurried(transport: httpx.AsyncBaseTransport) -> DatadogProvider:
    return DatadogProvider(transport, Waiting(sleep=_no_time))


class TestVersion1(HTTPProviderContract):
    module = "gradatim_datadog"
    provider_class = DatadogProvider
    good_config: ClassVar = {
        "apiVersion": "v1",
        "query": "avg:system.load.1{*}",
        "interval": "5m",
        "requestTimeout": "10s",
        "secretRef": {"name": "tenant", "namespaced": True},
    }
    wrong_configs = (
        (5, ""),
        ({}, "query"),
        ({"query": "x{*}", "formula": "a"}, "formula"),
        ({"query": "x{*}", "secretRef": {"namespaced": True}}, "secretRef.name"),
        ({"apiVersion": "v2", "queries": {"a": "x{*}", "b": ""}, "formula": "a"}, "queries.b"),
    )
    fixed_fields = frozenset({"apiVersion"})
    secret_data: ClassVar = {TENANT: KEYS}
    # `valid` is what the probe asks about first.
    good_answer = Answer(body={"valid": True, "series": [{"pointlist": [[1, 0.5]]}]})
    good_value = 0.5
    no_data_answer = Answer(body={"series": []})
    secret_values = tuple(KEYS.values())


class TestVersion2(HTTPProviderContract):
    module = "gradatim_datadog"
    provider_class = DatadogProvider
    good_config: ClassVar = {
        "apiVersion": "v2",
        "queries": {"a": "sum:errors{*} by {host}", "b": "sum:requests{*} by {host}"},
        "formula": "a / b",
        "aggregator": "sum",
    }
    wrong_configs = ()
    fixed_fields = frozenset({"apiVersion", "aggregator"})
    environment_data: ClassVar = {
        "DD_API_KEY": "api-key-value",
        "DD_APP_KEY": "app-key-value",
        "DD_ADDRESS": "",
    }
    good_answer = Answer(
        body={
            "valid": True,
            "data": {
                "attributes": {
                    "columns": [
                        {"type": "group", "values": [["a"], ["b"]]},
                        {"type": "number", "values": [0.5, 1]},
                    ]
                }
            },
        }
    )
    good_value: ClassVar = [0.5, 1.0]
    no_data_answer = Answer(body={"data": {"attributes": {"columns": []}}})
    secret_values = ("api-key-value", "app-key-value")


def _query(config: dict[str, Any] | None = None, **keys: str):
    return a_query(
        {"query": "x{*}", **(config or {})}, secrets={SecretRef("datadog"): {**KEYS, **keys}}
    )


async def test_a_site_that_hangs_is_given_up_after_the_request_timeout() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise TimeoutError  # as asyncio.timeout does when the time is over

    provider = _unhurried(Silent())
    with pytest.raises(ProviderError, match=r"did not answer within 2.5 s") as caught:
        await provider.measure(_query({"requestTimeout": "2500ms"}))
    await provider.aclose()
    assert caught.value.outage


async def test_a_reply_without_end_is_cut_off() -> None:
    endless = httpx.MockTransport(
        lambda request: httpx.Response(200, content=b"x" * (8 * 2**20 + 1))
    )
    provider = DatadogProvider(endless)
    with pytest.raises(ProviderError, match="larger than 8 MiB"):
        await provider.measure(_query())
    await provider.aclose()


async def test_a_connection_that_was_dropped_is_tried_once_more() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) not in (2,):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json={"series": []})

    provider = _unhurried(httpx.MockTransport(answer))
    assert (await provider.measure(_query())).no_data
    with pytest.raises(ProviderError, match="disconnected") as caught:
        await provider.measure(_query())
    await provider.aclose()
    assert caught.value.outage
    assert len(seen) == 2 + 3 * 2


async def test_cookies_are_not_kept() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"series": []}, headers={"set-cookie": "session=1"})

    provider = DatadogProvider(httpx.MockTransport(answer))
    await provider.measure(_query())
    await provider.measure(_query())
    await provider.aclose()
    assert "cookie" not in seen[1].headers


async def test_a_site_that_hangs_holds_up_sixteen_requests_and_no_other_site() -> None:
    full, held = asyncio.Event(), []

    class Gate(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "tenant.example.com":
                held.append(request)
                if len(held) == 16:
                    full.set()
                await asyncio.Event().wait()
            return httpx.Response(200, json={"series": []})

    provider = DatadogProvider(Gate())
    slow = [asyncio.create_task(provider.measure(_query())) for _ in range(20)]
    await full.wait()
    assert (await provider.measure(_query(address="https://quick"))).no_data
    assert len(held) == 16
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    await provider.aclose()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    "site",
    [
        "https://api.datadoghq.com",
        "https://api.us3.datadoghq.com",
        "https://api.us5.datadoghq.com",
        "https://api.datadoghq.eu",
        "https://api.ap1.datadoghq.com",
        "https://api.ap2.datadoghq.com",
        "https://api.ddog-gov.com",
        "http://datadog-proxy.monitoring:8080/prefix",
    ],
)
async def test_every_site_is_asked_at_its_own_address(site: str, slash: str) -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url).partition("?")[0])
        return httpx.Response(200, json={"series": []})

    provider = DatadogProvider(httpx.MockTransport(answer))
    await provider.measure(_query(address=site + slash))
    await provider.measure(_query({"apiVersion": "v2"}, address=site + slash))
    await provider.aclose()
    assert seen == [f"{site}/api/v1/query", f"{site}/api/v2/query/scalar"]


def test_equal_questions_with_equal_keys_have_one_identity_and_no_secret_in_it() -> None:
    provider = DatadogProvider()
    identity = provider.identity(_query())
    assert identity == provider.identity(replace(_query(), metric="other", namespace="elsewhere"))
    assert identity == provider.identity(_query({"interval": "5m", "apiVersion": "v1"}))
    assert identity != provider.identity(_query({"interval": "6m"}))
    assert identity != provider.identity(_query(**{"app-key": "of another tenant"}))
    assert "key-value" not in repr(identity)


def test_an_account_is_an_api_key_at_a_site() -> None:
    provider = DatadogProvider()
    account = provider.account(_query())
    assert account == provider.account(_query({"query": "y{*}"}, **{"app-key": "another"}))
    assert account != provider.account(_query(**{"api-key": "another"}))
    assert account != provider.account(_query(address="https://api.datadoghq.eu"))
    assert "key-value" not in repr(account)
    assert provider.account(a_query({"query": "x{*}"})) is None


def test_there_is_no_identity_without_keys_or_with_a_wrong_block() -> None:
    assert DatadogProvider().identity(a_query({"query": "x{*}"})) is None
    assert DatadogProvider().identity(_query({"apiVersion": "v3"})) is None


def test_it_is_registered_under_its_key() -> None:
    assert list(gradatim_datadog.gradatim_metric_providers()) == [DatadogProvider]
    assert DatadogProvider.key == "datadog"
    assert gradatim_datadog.GRADATIM_API == "1.1"
    assert list(DatadogProvider().environment()) == ["DD_API_KEY", "DD_APP_KEY", "DD_ADDRESS"]
