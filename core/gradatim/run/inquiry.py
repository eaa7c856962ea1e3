"""All that a provider is asked with: its block with arguments put in, Secrets, whom the call is to.

In: a run and a task. Out: an `Inquiry`, or an error that says what is missing.
Called by `measuring.py` for each task. Secrets are read here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from gradatim.decide.analysis import Task, UnresolvedError
from gradatim.decide.analysis.comparing import WrongComparisonError, comparison_of
from gradatim.decide.analysis.redaction import Redactor
from gradatim.decide.analysis.substitution import argument_values, resolve_metric
from gradatim.decide.analysis.times import resolve_times
from gradatim.decide.analysis.validation import provider_block
from gradatim.errors import GradatimError
from gradatim.judge import Comparison
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import AnalysisRun
from gradatim.plugin import Jobs, Json, MetricProvider, ProviderError, Query, SecretRef
from gradatim.run.fence import Call, Fence
from gradatim.run.jobs import JobAccess
from gradatim.run.secretcache import SecretReader

#: Fields of a block that name the service.
_ADDRESSES: Final = ("address", "url")


class Providers(Protocol):
    """Where metric providers are found: the registry."""

    def metric_provider(self, key: str) -> MetricProvider:
        """The provider with that key. Raises GradatimError when there is none that works."""
        ...

    def source_of(self, key: str) -> str:
        """Distribution and version of the plugin that brought it; "" where there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every query is told about the controller.

    Attributes:
        namespace: the controller's own, where providers' Secrets are by default.
        environment: its environment variables.
        jobs: gives providers that ask for it access to the Jobs of a run; None: there is no cluster for them.
    """

    namespace: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    jobs: JobAccess | None = field(default=None, repr=False)


class FatalError(Exception):
    """The run cannot go on: an argument of it has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """All that a provider is asked with.

    Attributes:
        source: distribution and version of the plugin.
        comparison: how the metric is judged beside a baseline; None: by its conditions.
    """

    metric: Metric
    provider: MetricProvider
    query: Query
    call: Call
    redactor: Redactor
    source: str = ""
    comparison: Comparison | None = None

    def query_at(self, now: datetime) -> Query:
        """The query as it is asked then: windows of time end at that moment.

        Raises:
            ProviderError: a point of time in the block cannot be told.
        """
        times = self.query.times
        if times:
            times = resolve_times(self.provider.times(self.query.config), now)
        return replace(self.query, now=now, times=times)


class Inquiries:
    """Makes inquiries. One serves the whole controller."""

    def __init__(
        self,
        providers: Providers,
        fence: Fence,
        secrets: SecretReader,
        surroundings: Surroundings,
        clock: Callable[[], datetime],
    ) -> None:
        self._providers = providers
        self._fence = fence
        self._secrets = secrets
        self._surroundings = surroundings
        self._clock = clock

    async def of(self, run: AnalysisRun, task: Task) -> Inquiry:
        """The inquiry of a task.

        Raises:
            FatalError: the run cannot go on.
            GradatimError: there is no such provider, it cannot be asked, or a Secret could not be read.
        """
        texts = await self._argument_secrets(run)
        try:
            values = argument_values(run.args, texts)
            metric = resolve_metric(run.metrics[task.index], values)
        except UnresolvedError as error:
            raise FatalError(str(error)) from None
        key, block = provider_block(metric)
        if not isinstance(block, dict):
            raise ProviderError(f"metric {metric.name!r} has no provider block that can be read")
        provider = self._fence.ask(
            Call(provider=key, method="__init__"), lambda: self._providers.metric_provider(key)
        )
        hidden = tuple(texts.values())
        call = Call(
            provider=key, method=str(task.action), address=service_of(block), secrets=hidden
        )
        query = await self._query(run, task, call, provider, block)
        seen = [text for found in query.secrets.values() for text in (found or {}).values()]
        call = replace(call, secrets=(*hidden, *seen))
        account = self._fence.ask(
            replace(call, method="account"), lambda: hashable(provider.account(query))
        )
        return Inquiry(
            metric=metric,
            provider=provider,
            query=query,
            call=replace(call, account=account),
            redactor=Redactor(call.secrets),
            source=self._providers.source_of(key),
            comparison=_comparison(run, task, metric, values),
        )

    def leaves_something(self, metric: Metric) -> bool:
        """May its measurements have left something behind? With most providers there is nothing to collect."""
        try:
            provider = self._providers.metric_provider(provider_block(metric)[0])
        except GradatimError:
            return False  # nobody is there who could collect it
        return type(provider).garbage_collect is not MetricProvider.garbage_collect

    async def _argument_secrets(self, run: AnalysisRun) -> dict[tuple[str, str], str]:
        texts = {}
        for name, key in {arg.from_secret for arg in run.args if arg.from_secret}:
            secret = await self._secrets(run.meta.namespace, name)
            if secret is None:
                raise FatalError(f'secrets "{name}" not found')
            if key not in secret:
                raise FatalError(f"key '{key}' does not exist in secret '{name}'")
            texts[name, key] = secret[key]
        return texts

    async def _query(
        self, run: AnalysisRun, task: Task, call: Call, provider: MetricProvider, block: Json
    ) -> Query:
        wanted = self._fence.ask(
            replace(call, method="secrets"), lambda: tuple(provider.secrets(block))
        )
        namespaces = {ref: self._namespace_of(ref, run) for ref in wanted}
        now = self._clock()
        return Query(
            config=block,
            metric=task.metric,
            namespace=run.meta.namespace,
            now=now,
            run=run.meta.name,
            run_uid=run.meta.uid,
            secrets={ref: await self._secrets(ns, ref.name) for ref, ns in namespaces.items()},
            secret_namespaces=namespaces,
            environment=self._surroundings.environment,
            metadata=task.earlier.metadata if task.earlier else {},
            number=task.number,
            jobs=self._jobs(run, provider),
            times=self._fence.ask(
                replace(call, method="times"), lambda: resolve_times(provider.times(block), now)
            ),
        )

    def _jobs(self, run: AnalysisRun, provider: MetricProvider) -> Jobs | None:
        access = self._surroundings.jobs
        return access.of(run) if access is not None and provider.uses_jobs is True else None

    def _namespace_of(self, ref: SecretRef, run: AnalysisRun) -> str:
        return run.meta.namespace if ref.in_run_namespace else self._surroundings.namespace


def hashable(value: Hashable | None) -> Hashable | None:
    """The value, if it is one that can be looked up. Raises TypeError."""
    hash(value)
    return value


def _comparison(
    run: AnalysisRun, task: Task, metric: Metric, values: Mapping[str, str]
) -> Comparison | None:
    """How the metric is judged beside a baseline, if it is. Raises ProviderError where that cannot be known."""
    known = (metric.name, run.metrics[task.index].name)
    try:
        return comparison_of(run.meta.annotations, known, values)
    except (UnresolvedError, WrongComparisonError) as error:
        raise ProviderError(str(error)) from None


def service_of(block: Json) -> str:
    """The service behind a provider's block, as far as it is named: what shares a breaker."""
    for key in _ADDRESSES:
        if isinstance(named := block.get(key), str) and named:
            try:
                return urlsplit(named).hostname or ""
            except ValueError:
                return ""
    return ""
