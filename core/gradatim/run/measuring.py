"""Carries out the tasks of AnalysisRuns: Secrets, query, provider, judgement.

In: a run and a task that its decision asks for. Out: a `Measured`, in which nothing is secret.
`run/analysis.py` calls it, one asyncio task for each.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, Protocol
from urllib.parse import urlsplit

from gradatim.decide.analysis import Action, Measured, Task, UnresolvedError, judge
from gradatim.decide.analysis.comparing import WrongComparisonError, comparison_of
from gradatim.decide.analysis.judging import Judgement
from gradatim.decide.analysis.redaction import Redactor
from gradatim.decide.analysis.substitution import argument_values, resolve_metric
from gradatim.decide.analysis.times import resolve_times
from gradatim.decide.analysis.validation import provider_block
from gradatim.decide.analysis.values import Silence
from gradatim.errors import GradatimError
from gradatim.judge import Comparison
from gradatim.kube.errors import Throttled, Unreachable
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, Phase
from gradatim.plugin import (
    Jobs,
    Json,
    Measurement,
    MetricProvider,
    ProviderError,
    Query,
    SecretRef,
)
from gradatim.run.fence import Call, Fence
from gradatim.run.jobs import JobAccess
from gradatim.run.secretcache import SecretReader
from gradatim.run.shared import Shared

_LONGEST_VALUE: Final = 16_384
_LONGEST_ENTRY: Final = 4_096
_MOST_ENTRIES: Final = 64
_LONGEST_PATIENCE: Final = 3600.0
#: Seconds in which an answer is still that of the moment: times in a status are no finer.
_SAME_MOMENT: Final = 1.0


class Providers(Protocol):
    """Where metric providers are found: the registry."""

    def metric_provider(self, key: str) -> MetricProvider:
        """The provider with that key. Raises GradatimError when there is none that works."""
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


class _FatalError(Exception):
    """The run cannot go on: an argument of it has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """All that a provider is asked with."""

    metric: Metric
    provider: MetricProvider
    query: Query
    call: Call
    redactor: Redactor
    comparison: Comparison | None = None


class Measuring:
    """Measures. One serves the whole controller, any number of tasks at once."""

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
        self._answers: Shared[Hashable, object] = Shared(fence.clock, _SAME_MOMENT)

    async def measure(self, run: AnalysisRun, task: Task) -> Measured:
        """Carry out one task. Whatever goes wrong is in what it gives back."""
        started = self._clock()
        failed = Measured(task=task, phase=Phase.ERROR, started=started)
        try:
            question = await self._question(run, task)
        except _FatalError as error:
            return replace(failed, fatal=f"Unable to resolve metric arguments: {error}")
        except GradatimError as error:
            # a Secret that the API server would not give in time says nothing about the release either
            silence = Silence.NO_ANSWER if _is_outage(error) else Silence.NONE
            return replace(failed, message=str(error)[:_LONGEST_ENTRY], silence=silence)
        try:
            answer = await self._ask(question, task)
        except ProviderError as error:
            return replace(
                failed,
                message=str(error),
                silence=Silence.NO_ANSWER if error.outage else Silence.NONE,
                resume_at=self._patience(error),
                result_metadata=self._result_metadata(question, task),
            )
        return self._measured(question, answer, replace(failed, phase=Phase.RUNNING))

    async def collect(self, run: AnalysisRun, metric: str, keep: int) -> None:
        """Have a provider remove what earlier measurements left behind. Failing at it harms nothing."""
        index = next((i for i, known in enumerate(run.metrics) if known.name == metric), None)
        if index is None:
            return
        try:
            task = Task(action=Action.MEASURE, metric=metric, index=index)
            question = await self._question(run, task)
            provider, query = question.provider, question.query
            call = replace(question.call, method="garbage_collect")
            await self._fence.call(call, lambda: provider.garbage_collect(query, keep))
        except (GradatimError, _FatalError):
            return

    async def _question(self, run: AnalysisRun, task: Task) -> _Question:
        texts = await self._argument_secrets(run)
        try:
            values = argument_values(run.args, texts)
            metric = resolve_metric(run.metrics[task.index], values)
        except UnresolvedError as error:
            raise _FatalError(str(error)) from None
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
        redactor = Redactor(call.secrets)
        return _Question(
            metric=metric,
            provider=provider,
            query=query,
            call=call,
            redactor=redactor,
            comparison=_comparison(run, task, metric, values),
        )

    async def _argument_secrets(self, run: AnalysisRun) -> dict[tuple[str, str], str]:
        texts = {}
        for name, key in {arg.from_secret for arg in run.args if arg.from_secret}:
            secret = await self._secrets(run.meta.namespace, name)
            if secret is None:
                raise _FatalError(f'secrets "{name}" not found')
            if key not in secret:
                raise _FatalError(f"key '{key}' does not exist in secret '{name}'")
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
        times = self._fence.ask(
            replace(call, method="times"), lambda: resolve_times(provider.times(block), now)
        )
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
            times=times,
        )

    def _jobs(self, run: AnalysisRun, provider: MetricProvider) -> Jobs | None:
        access = self._surroundings.jobs
        return access.of(run) if access is not None and provider.uses_jobs is True else None

    def _namespace_of(self, ref: SecretRef, run: AnalysisRun) -> str:
        return run.meta.namespace if ref.in_run_namespace else self._surroundings.namespace

    async def _ask(self, question: _Question, task: Task) -> Measurement:
        provider, query, earlier = question.provider, question.query, _earlier(task.earlier)
        answer: object
        match task.action:
            case Action.MEASURE:
                answer = await self._measure(question)
            case Action.RESUME:
                answer = await self._fence.call(
                    question.call, lambda: provider.resume(query, earlier)
                )
            case Action.TERMINATE:
                answer = await self._fence.call(
                    question.call, lambda: provider.terminate(query, earlier)
                )
        if not isinstance(answer, Measurement):
            kind = type(answer).__name__
            raise ProviderError(f"{question.call.provider}: {task.action} gave a {kind}")
        return answer

    async def _measure(self, question: _Question) -> object:
        """Ask for a new measurement; of those who ask the same in the same moment only one does."""
        provider, query, call = question.provider, question.query, question.call
        is_ours = False

        async def ask() -> object:
            nonlocal is_ours
            is_ours = True
            return await self._fence.call(call, lambda: provider.measure(query))

        sameness = replace(call, method="identity")
        identity = self._fence.ask(sameness, lambda: _hashable(provider.identity(query)))
        if identity is None:
            return await ask()
        answer = await self._answers.get((call.provider, identity), ask)
        # What is still running belongs to the one who began it, and ends when that one says so.
        is_unfinished = isinstance(answer, Measurement) and answer.running
        return await ask() if is_unfinished and not is_ours else answer

    def _measured(self, question: _Question, answer: Measurement, base: Measured) -> Measured:
        redactor = question.redactor
        verdict = self._judged(question, answer)
        in_error = verdict.phase is Phase.ERROR
        return replace(
            base,
            phase=verdict.phase,
            message=redactor.message(verdict.message)[:_LONGEST_ENTRY],
            # Of a value that a condition could not judge Argo Rollouts keeps the message alone.
            value="" if in_error else _text(verdict.text, redactor, _LONGEST_VALUE),
            metadata={**_entries(answer.metadata, redactor), **verdict.metadata},
            resume_at=_aware(answer.resume_at),
            silence=Silence.NO_DATA if verdict.no_data else Silence.NONE,
            result_metadata=self._result_metadata(question, base.task),
        )

    def _judged(self, question: _Question, answer: Measurement) -> Judgement:
        return judge(question.metric, answer, question.query.now, question.comparison)

    def _result_metadata(self, question: _Question, task: Task) -> Mapping[str, str]:
        if task.action is not Action.MEASURE or task.number:
            return {}
        call, provider = replace(question.call, method="result_metadata"), question.provider
        try:
            entries = self._fence.ask(call, lambda: provider.result_metadata(question.query))
        except ProviderError:
            return {}
        return _entries(entries, question.redactor)

    def _patience(self, error: ProviderError) -> datetime | None:
        """When asking makes sense again, where the service said so."""
        if not error.retry_after or error.retry_after < 0:
            return None
        return self._clock() + timedelta(seconds=min(error.retry_after, _LONGEST_PATIENCE))


def _comparison(
    run: AnalysisRun, task: Task, metric: Metric, values: Mapping[str, str]
) -> Comparison | None:
    """How the metric is judged beside a baseline, if it is. Raises ProviderError where that cannot be known."""
    known = (metric.name, run.metrics[task.index].name)
    try:
        return comparison_of(run.meta.annotations, known, values)
    except (UnresolvedError, WrongComparisonError) as error:
        raise ProviderError(str(error)) from None


def _is_outage(error: GradatimError) -> bool:
    return isinstance(error, Unreachable | Throttled) or getattr(error, "outage", False) is True


def service_of(block: Json) -> str:
    """The service behind a provider's block, as far as it is named: what shares a breaker."""
    for key in ("address", "url"):
        if isinstance(named := block.get(key), str) and named:
            parts = urlsplit(named)
            return parts.hostname or ""
    return ""


def _hashable(identity: Hashable | None) -> Hashable | None:
    hash(identity)
    return identity


def _earlier(status: MeasurementStatus | None) -> Measurement:
    """An unfinished measurement as its provider gave it, as far as the status keeps it."""
    if status is None:
        return Measurement(running=True)
    return Measurement(
        text=status.value,
        running=True,
        resume_at=status.resume_at,
        message=status.message,
        metadata=status.metadata,
    )


def _text(value: object, redactor: Redactor, longest: int) -> str:
    text = redactor.value(value) if isinstance(value, str) else ""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _entries(metadata: object, redactor: Redactor) -> dict[str, str]:
    """Metadata in bounds: it is stored with every measurement."""
    if not isinstance(metadata, Mapping):
        return {}
    entries = islice(metadata.items(), _MOST_ENTRIES)
    return {str(key): _text(value, redactor, _LONGEST_ENTRY) for key, value in entries}


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment
