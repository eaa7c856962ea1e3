"""The chain of places where keys may be, and what is said when they are in none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from gradatim.plugin import ProviderError, Query, SecretRef
from gradatim_datadog import DatadogProvider
from gradatim_datadog.credentials import credentials

DEFAULT = SecretRef("datadog")
TENANT = SecretRef("tenant", in_run_namespace=True)
OURS = SecretRef("central")
KEYS = {"api-key": "api-of-secret", "app-key": "app-of-secret"}
ENVIRONMENT = {"DD_API_KEY": "api-of-env", "DD_APP_KEY": "app-of-env", "DD_ADDRESS": ""}

_MISSING = "there is no"
_NONE_IN_ENVIRONMENT = (
    "and the controller's environment has none of DD_API_KEY, DD_APP_KEY, DD_ADDRESS"
)


def _query(
    secrets: Mapping[SecretRef, Mapping[str, str] | None],
    environment: Mapping[str, str] | None = None,
) -> Query:
    namespaces = {DEFAULT: "rollouts", OURS: "rollouts", TENANT: "shop"}
    return Query(
        config={},
        metric="m",
        namespace="shop",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        secrets=secrets,
        secret_namespaces=namespaces,
        environment=environment or {},
    )


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        pytest.param({}, DEFAULT, id="none named"),
        pytest.param({"secretRef": {"name": "central"}}, OURS, id="in the controller's namespace"),
        pytest.param(
            {"secretRef": {"name": "tenant", "namespaced": True}}, TENANT, id="in the run's"
        ),
        pytest.param({"secretRef": {"name": "", "namespaced": True}}, DEFAULT, id="an empty name"),
        pytest.param({"secretRef": "central"}, DEFAULT, id="a reference of another shape"),
    ],
)
def test_which_secret_is_wanted(config: dict[str, object], wanted: SecretRef) -> None:
    assert list(DatadogProvider().secrets(config)) == [wanted]


@pytest.mark.parametrize(
    ("secret", "secrets", "environment", "api_key", "address"),
    [
        pytest.param(
            None, {DEFAULT: KEYS}, {}, "api-of-secret", "https://api.datadoghq.com",
            id="a Secret without an address: Argo Rollouts 1.8.0 refused it",
        ),
        pytest.param(
            None, {DEFAULT: {**KEYS, "address": ""}}, {}, "api-of-secret", "https://api.datadoghq.com",
            id="a Secret with an empty address",
        ),
        pytest.param(
            None, {DEFAULT: {**KEYS, "address": "https://api.datadoghq.eu/\n"}}, {}, "api-of-secret",
            "https://api.datadoghq.eu", id="the slash and the line break after an address do not matter",
        ),
        pytest.param(
            None, {DEFAULT: KEYS}, ENVIRONMENT, "api-of-env", "https://api.datadoghq.com",
            id="the environment goes before the default Secret, and its address may be empty",
        ),
        pytest.param(
            None, {}, {**ENVIRONMENT, "DD_ADDRESS": "https://x"}, "api-of-env", "https://x",
            id="the environment with an address",
        ),
        pytest.param(
            None, {DEFAULT: KEYS}, {**ENVIRONMENT, "DD_API_KEY": " "}, "api-of-secret", "https://api.datadoghq.com",
            id="an environment with an empty key falls through to the Secret",
        ),
        pytest.param(
            None, {DEFAULT: KEYS}, {"DD_API_KEY": "a", "DD_APP_KEY": "b"}, "api-of-secret",
            "https://api.datadoghq.com", id="an environment without DD_ADDRESS is not used",
        ),
        pytest.param(
            OURS, {OURS: KEYS, DEFAULT: None}, ENVIRONMENT, "api-of-secret", "https://api.datadoghq.com",
            id="a Secret that is named goes before everything",
        ),
    ],
)  # fmt: skip
def test_where_keys_come_from(secret, secrets, environment, api_key: str, address: str) -> None:
    found = credentials(secret, _query(secrets, environment))
    assert (found.api_key, found.address) == (api_key, address)
    assert found.app_key.startswith("app-of")


@pytest.mark.parametrize(
    ("secret", "secrets", "environment", "message"),
    [
        pytest.param(
            TENANT, {TENANT: None, DEFAULT: KEYS}, ENVIRONMENT, 'there is no Secret "tenant" in namespace "shop"',
            id="a named Secret that is not there, whatever else is",
        ),
        pytest.param(
            OURS, {OURS: {"app-key": "x"}}, {}, 'Secret "central" in namespace "rollouts" lacks the key "api-key"',
            id="a key that is missing",
        ),
        pytest.param(
            OURS, {OURS: {"apikey": "x"}}, {},
            'Secret "central" in namespace "rollouts" lacks the keys "api-key" and "app-key"',
            id="two keys that are missing",
        ),
        pytest.param(
            OURS, {OURS: {**KEYS, "app-key": "\n"}}, {},
            'Secret "central" in namespace "rollouts" holds nothing under "app-key"', id="a key that is empty",
        ),
        pytest.param(
            OURS, {OURS: {"app-key": ""}}, {},
            'Secret "central" in namespace "rollouts" lacks the key "api-key" and holds nothing under "app-key"',
            id="one missing and one empty",
        ),
        pytest.param(
            None, {DEFAULT: None}, {},
            f'there is no Secret "datadog" in namespace "rollouts"; {_NONE_IN_ENVIRONMENT}', id="nothing anywhere",
        ),
        pytest.param(
            None, {DEFAULT: {"api-key": "x"}}, {},
            f'Secret "datadog" in namespace "rollouts" lacks the key "app-key"; {_NONE_IN_ENVIRONMENT}',
            id="half a default Secret",
        ),
        pytest.param(
            None, {DEFAULT: None}, {"DD_API_KEY": "a", "DD_APP_KEY": "b"},
            'there is no Secret "datadog" in namespace "rollouts"; the controller\'s environment has DD_API_KEY and'
            " DD_APP_KEY, and is used once DD_ADDRESS is set as well (DD_ADDRESS may be empty)",
            id="two of three variables",
        ),
        pytest.param(
            None, {DEFAULT: None}, {**ENVIRONMENT, "DD_API_KEY": ""},
            'there is no Secret "datadog" in namespace "rollouts"; and in the controller\'s environment DD_API_KEY is'
            " empty", id="three variables with an empty key",
        ),
        pytest.param(
            OURS, {OURS: {**KEYS, "api-key": "gehe\u00efm"}}, {},
            'the API key in Secret "central" in namespace "rollouts" has characters that no HTTP header can carry',
            id="a key that no header can carry",
        ),
        *(
            pytest.param(
                OURS, {OURS: {**KEYS, "address": address}}, {},
                'the address in Secret "central" in namespace "rollouts" must be a URL with http:// or https:// and a'
                " host and without a query, or empty", id=f"address {address!r}",
            )
            for address in (
                "api.datadoghq.eu", "ftp://x", "https://", "https://x:port", "https://x:99999", "https://x?key=a",
                "https://x y", "https://[::1", "0123456789abcdef0123456789abcdef",
            )
        ),
        pytest.param(
            None, {}, {**ENVIRONMENT, "DD_ADDRESS": "datadog"},
            "DD_ADDRESS of the controller's environment must be a URL with http:// or https:// and a host and without"
            " a query, or empty", id="the environment's address",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(secret, secrets, environment, message: str) -> None:
    with pytest.raises(ProviderError) as caught:
        credentials(secret, _query(secrets, environment))
    assert str(caught.value) == message
    assert not caught.value.outage


def test_a_secret_of_unknown_namespace_is_described_all_the_same() -> None:
    for ref, whose in ((SecretRef("a"), "the controller's"), (SecretRef("a", True), "the run's")):
        with pytest.raises(ProviderError, match=f'no Secret "a" in {whose} namespace'):
            credentials(ref, _query({}))


def test_nothing_shows_a_key() -> None:
    found = credentials(None, _query({DEFAULT: {**KEYS, "address": "https://tenant.example.com"}}))
    assert "of-secret" not in repr(found)
    assert "tenant.example.com" not in repr(found)
