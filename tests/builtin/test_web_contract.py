"""The built-in `web` under the contract that third-party providers are held to."""

import json
from typing import Any, ClassVar

import httpx

from gradatim.builtin.web.provider import WebProvider
from gradatim.plugin import Json, MetricProvider
from gradatim.testing.fakes import Answer
from gradatim.testing.http_contract import HTTPProviderContract


def config(**changes: Any) -> Json:
    """A sound block with these fields changed; those changed to None are left out."""
    block = {
        "url": "https://user:passw0rd-of-url@metrics.example/value?window=5m",
        "method": "GET",
        "headers": [
            {"key": "Authorization", "value": "Bearer s3cret-header"},
            {"key": "X-Api-Key", "value": "s3cret-api-key"},
        ],
        "timeoutSeconds": 20,
        "insecure": False,
        "jsonPath": "{$.data.value}",
    } | changes
    return {key: value for key, value in block.items() if value is not None}


class TestWeb(HTTPProviderContract):
    module = "gradatim.builtin.web"
    provider_class = WebProvider
    good_config: ClassVar = config()
    fixed_fields = frozenset({"method"})
    good_answer = Answer(body={"data": {"value": 0.5}})
    good_value = 0.5
    secret_values = ("s3cret-header", "s3cret-api-key", "passw0rd-of-url")
    wrong_configs = (
        ([], ""),
        ({}, "url"),
        (config(url=7), "url"),
        (config(url="metrics.example"), "url"),
        (config(url="ftp://metrics.example"), "url"),
        (config(url="http://"), "url"),
        (config(url="http://metrics.example:99999/"), "url"),
        (config(url="http://metrics.example/a b"), "url"),
        (config(method="DELETE"), "method"),
        (config(headers={}), "headers"),
        (config(headers=["Accept"]), "headers[0]"),
        (config(headers=[{"value": "x"}]), "headers[0].key"),
        (config(headers=[{"key": "a b", "value": "x"}]), "headers[0].key"),
        (config(headers=[{"key": "A", "value": 1}]), "headers[0].value"),
        (config(headers=[{"key": "A", "value": "x\r\nB: y"}]), "headers[0].value"),
        (config(headers=[{"key": "A", "value": "from a Secret\n"}]), "headers[0].value"),
        (config(body="x"), "body"),
        (config(jsonBody={}), "jsonBody"),
        (config(method="POST", body="x", jsonBody={}), "jsonBody"),
        (config(method="POST", body={}), "body"),
        (config(timeoutSeconds="20"), "timeoutSeconds"),
        (config(timeoutSeconds=True), "timeoutSeconds"),
        (config(timeoutSeconds=2**63), "timeoutSeconds"),
        (config(insecure="yes"), "insecure"),
        (config(jsonPath=1), "jsonPath"),
        (config(jsonPath="{.a["), "jsonPath"),
        (config(jsonPath="$.value"), "jsonPath"),
        (config(authentication=[]), "authentication"),
        (config(authentication={"oauth2": []}), "authentication.oauth2"),
    )

    def provider(self, transport: httpx.AsyncBaseTransport) -> MetricProvider:
        return WebProvider(transport=transport)


def authentication(**changes: Any) -> Json:
    block = {
        "tokenUrl": "https://login.example/token",
        "clientId": "me",
        "clientSecret": "client-s3cret",
        "scopes": ["read"],
    } | changes
    return {"oauth2": {key: value for key, value in block.items() if value is not None}}


class TestWebWithOAuth2(TestWeb):
    good_config: ClassVar = config(headers=None, authentication=authentication())
    secret_values = ("client-s3cret", "t0ken-value")
    wrong_configs = (
        (config(authentication=authentication(clientId="")), "authentication.oauth2.clientId"),
        (
            config(authentication=authentication(clientSecret=None)),
            "authentication.oauth2.clientSecret",
        ),
        (config(authentication=authentication(scopes="read")), "authentication.oauth2.scopes"),
        (config(authentication=authentication(scopes=[1])), "authentication.oauth2.scopes[0]"),
        (config(authentication=authentication(tokenUrl=1)), "authentication.oauth2.tokenUrl"),
        (config(authentication=authentication(tokenUrl="x")), "authentication.oauth2.tokenUrl"),
    )

    def aside(self, request: httpx.Request) -> Answer | None:
        if request.url.host != "login.example":
            return None
        return Answer(body={"access_token": "t0ken-value", "expires_in": 60})


def test_the_block_of_the_contract_is_json() -> None:
    assert json.loads(json.dumps(TestWeb.good_config)) == TestWeb.good_config
