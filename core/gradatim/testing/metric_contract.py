"""The basic contract of a metric provider; every provider passes it, whatever it asks and over which protocol.

In: a subclass that names the plugin's module, class and blocks. Out: test methods that pytest collects in it.
Called by pytest in the plugin author's tests; `http_contract` has the further set for providers that use httpx.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import pytest

from gradatim.plugin import (
    FieldPath,
    Json,
    Measurement,
    MetricProvider,
    ProviderError,
    Query,
    SecretRef,
)

from .corpus import at, places, replaced
from .fakejobs import FakeJobs
from .fakes import NOW, a_query
from .plugin_contract import BLOCK, PluginContract, check_problem, check_secret_free


class MetricProviderContract(PluginContract):
    """Subclass it as `Test…`, with `module`, `provider_class`, `good_config` and `wrong_configs`.

    Attributes:
        provider_class: the class under test.
        secret_data: what each Secret that the provider asks for holds. A Secret not named here is absent.
        environment_data: the controller's environment variables.
        indifferent_fields: paths of texts in `good_config` of which no answer depends, such as a user's name
            that only names who asks: two queries that differ there alone may share an answer.
    """

    provider_class: ClassVar[type[MetricProvider]]
    secret_data: ClassVar[dict[SecretRef, dict[str, str]]] = {}
    environment_data: ClassVar[dict[str, str]] = {}
    indifferent_fields: ClassVar[frozenset[str]] = frozenset()

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

    def test_queries_that_differ_do_not_share_an_answer(self) -> None:
        provider = self.provider_class()
        own = provider.identity(self.query())
        if own is None:
            pytest.skip("it never shares an answer")
        for place in places(self.good_config):
            text, path = at(self.good_config, place), str(FieldPath(*place))
            if not isinstance(text, str) or path in self.indifferent_fields:
                continue
            changed = replaced(self.good_config, place, f"{text}1")
            if not self.problems(changed) and provider.identity(self._asking(changed)) == own:
                pytest.fail(f"two queries that differ in {path} share one answer")

    def test_without_its_secrets_it_names_the_one_that_is_missing(self) -> None:
        query = self.query()
        for ref in query.secrets:
            told = self._refusal(replace(query, secrets={ref: None}, environment={}))
            if ref.name not in told:
                pytest.fail(f"it does not say that the Secret {ref.name!r} is missing: {told!r}")

    def test_a_secret_without_one_of_its_keys_is_named_with_the_key(self) -> None:
        query = self.query()
        for ref, texts in query.secrets.items():
            for key in texts or {}:
                for broken in (_without(texts, key), {**(texts or {}), key: ""}):
                    secrets = {**query.secrets, ref: broken}
                    told = self._refusal(replace(query, secrets=secrets, environment={}))
                    if told and (ref.name not in told or key not in told):
                        pytest.fail(
                            f"it does not say that {key!r} of {ref.name!r} is missing: {told!r}"
                        )
                    check_secret_free(told, filter(None, (texts or {}).values()), "an error")

    def test_a_probe_needs_no_rollout_and_no_secrets_and_keeps_to_its_block(self) -> None:
        bare = replace(self._asking(self.good_config), run="", run_uid="", jobs=None)

        async def scenario() -> None:
            provider = self._unconnected()
            try:
                found = await provider.probe(bare, BLOCK)
            except Exception as error:
                raise pytest.fail.Exception(f"the probe raised {error!r:.300}") from error
            finally:
                await provider.aclose()
            for problem in found:
                check_problem(problem, bare.config)

        asyncio.run(scenario())

    def test_a_measurement_that_it_knows_nothing_of_is_resumed_and_ended_without_harm(self) -> None:
        lost = Measurement(running=True, metadata={"of": "another version"})

        async def scenario() -> None:
            provider = self._unconnected()
            try:
                with suppress(ProviderError):
                    self._check_measurement(await provider.resume(self.query(), lost), "resume")
                with suppress(ProviderError):
                    ended = await provider.terminate(self.query(), lost)
                    self._check_measurement(ended, "terminate")
                    if ended.running:
                        pytest.fail("what was terminated is still running: no run would ever end")
                with suppress(ProviderError):
                    await provider.garbage_collect(self.query(), 1)
            finally:
                await provider.aclose()

        asyncio.run(scenario())

    def _check_measurement(self, answer: object, method: str) -> None:
        if not isinstance(answer, Measurement):
            pytest.fail(f"{method} gave {answer!r:.200} and no Measurement")

    def _asking(self, config: Json) -> Query:
        return replace(self.query(), config=config)

    def _unconnected(self) -> MetricProvider:
        """A provider that reaches nothing. The HTTP contract puts one without a network in its place."""
        return self.provider_class()

    def _refusal(self, query: Query) -> str:
        """What measuring says that cannot work; "" where it does, but for the service that is not there."""

        async def scenario() -> str:
            provider = self._unconnected()
            try:
                await provider.measure(query)
            except ProviderError as error:
                return "" if error.outage else str(error)
            finally:
                await provider.aclose()
            return ""

        return asyncio.run(scenario())


def _without(texts: Mapping[str, str] | None, key: str) -> dict[str, str]:
    return {name: text for name, text in (texts or {}).items() if name != key}
