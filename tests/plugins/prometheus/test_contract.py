"""The contract suites for plugin authors, run on this plugin."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from gradatim.testing import Answer
from gradatim.testing.http_contract import HTTPProviderContract
from gradatim_prometheus import PrometheusProvider

_SOUND = {"address": "https://prometheus.example.com", "query": "up"}


_PEM = Path(__file__).with_name("ca.pem").read_text()


def _result(*values: str) -> Answer:
    result = [{"metric": {}, "value": [1, value]} for value in values]
    return Answer(body={"status": "success", "data": {"resultType": "vector", "result": result}})


class TestPrometheus(HTTPProviderContract):
    module = "gradatim_prometheus"
    provider_class = PrometheusProvider
    good_config: ClassVar = {
        "address": "https://me:address-password@prometheus.example.com",
        "query": "up",
        "timeout": 30,
        "insecure": False,
        "headers": [{"key": "X-Api-Key", "value": "header-secret"}],
        "authentication": {"basicAuth": {"username": "me", "password": "basic-password"}},
        "rangeQuery": {"start": 'now() - duration("5m")', "end": "now()", "step": "1m"},
        "caCert": _PEM,
    }
    wrong_configs = (
        ([], ""),
        ({}, "query"),
        ({**_SOUND, "timeout": -1}, "timeout"),
        ({**_SOUND, "headers": [{"key": "a b", "value": "x"}]}, "headers[0].key"),
        (
            {**_SOUND, "authentication": {"basicAuth": {"username": "me"}}},
            "authentication.basicAuth.password",
        ),
        ({**_SOUND, "rangeQuery": {"start": "now()", "end": "now()"}}, "rangeQuery.step"),
        ({**_SOUND, "caCert": "MIID"}, "caCert"),
    )
    good_answer = _result("0.5", "1")
    good_value: ClassVar = [0.5, 1.0]
    no_data_answer = _result()
    # The last is `me:basic-password` as it goes over the wire.
    secret_values = (
        "address-password",
        "basic-password",
        "header-secret",
        "bWU6YmFzaWMtcGFzc3dvcmQ=",
    )


class TestPrometheusWithOAuth2(HTTPProviderContract):
    module = "gradatim_prometheus"
    provider_class = PrometheusProvider
    good_config: ClassVar = {
        **_SOUND,
        "authentication": {
            "oauth2": {
                "tokenUrl": "https://id.example.com/token",
                "clientId": "gradatim",
                "clientSecret": "client-secret",
                "scopes": ["metrics"],
            }
        },
    }
    wrong_configs = ()
    # Both the token endpoint's answer and the server's.
    good_answer = Answer(
        body={**_result("1").body, "access_token": "bearer-token", "expires_in": 3600}
    )
    good_value: ClassVar = [1.0]
    secret_values = ("client-secret", "bearer-token")
    most_requests = 2
