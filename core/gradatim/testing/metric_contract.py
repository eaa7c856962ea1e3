"""The basic contract of a metric provider; every provider passes it, whatever it asks and over which protocol.

In: a subclass that names the plugin's module, class and blocks. Out: test methods that pytest collects in it.
Called by pytest in the plugin author's tests; `http_contract` has the further set for providers that use httpx.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import ClassVar

import pytest

from gradatim.plugin import MetricProvider, Query, SecretRef

from .fakejobs import FakeJobs
from .fakes import NOW, a_query
from .plugin_contract import PluginContract


class MetricProviderContract(PluginContract):
    """Subclass it as `Test…`, with `module`, `provider_class`, `good_config` and `wrong_configs`.

    Attributes:
        provider_class: the class under test.
        secret_data: what each Secret that the provider asks for holds. A Secret not named here is absent.
        environment_data: the controller's environment variables.
    """

    provider_class: ClassVar[type[MetricProvider]]
    secret_data: ClassVar[dict[SecretRef, dict[str, str]]] = {}
    environment_data: ClassVar[dict[str, str]] = {}

    registering = "gradatim_metric_providers"
    validating = "gradatim_validate_metric"

    @classmethod
    def plugin_class(cls) -> type[MetricProvider]:
        """The class under test."""
        return cls.provider_class

    def query(self) -> Query:
        """A query that works: `good_config`, with the Secrets and variables that the provider wants."""
        provider = self.provider_class()
        wanted = list(provider.secrets(self.good_config))
        return a_query(
            self.good_config,
            secrets={ref: self.secret_data.get(ref) for ref in wanted},
            secret_namespaces=dict.fromkeys(wanted, "shop"),
            environment={
                name: self.environment_data[name]
                for name in provider.environment()
                if name in self.environment_data
            },
            jobs=FakeJobs() if provider.uses_jobs else None,
            times=dict.fromkeys(provider.times(self.good_config), NOW),
        )

    def test_the_secrets_that_it_wants_are_references(self) -> None:
        wanted: Iterable[object] = self.provider_class().secrets(self.good_config)
        for ref in wanted:
            if not isinstance(ref, SecretRef) or not ref.name:
                pytest.fail(f"{ref!r} is no SecretRef with a name")

    def test_its_environment_variables_are_names(self) -> None:
        names: Iterable[object] = self.provider_class().environment()
        for name in names:
            if not isinstance(name, str) or not name or "=" in name:
                pytest.fail(f"{name!r} is no name of an environment variable")

    def test_equal_queries_have_one_identity(self) -> None:
        provider = self.provider_class()
        first, second = (provider.identity(self.query()) for _ in range(2))
        if first != second or hash(first) != hash(second):
            pytest.fail("the identities of two equal queries differ: the broker would ask twice")

    def test_equal_queries_have_one_account(self) -> None:
        provider = self.provider_class()
        first, second = (provider.account(self.query()) for _ in range(2))
        if first != second or hash(first) != hash(second):
            pytest.fail("the accounts of two equal queries differ: their rate limit is one")

    def test_the_metadata_of_a_result_is_texts(self) -> None:
        metadata: Mapping[str, object] = self.provider_class().result_metadata(self.query())
        for name, value in metadata.items():
            if not isinstance(value, str):
                pytest.fail(f"{name!r}: {value!r} is no text")

    def test_closing_is_allowed_before_use_and_twice(self) -> None:
        async def scenario() -> None:
            provider = self.provider_class()
            await provider.aclose()
            await provider.aclose()

        asyncio.run(scenario())
