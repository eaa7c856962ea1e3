"""Carries out the tasks of AnalysisRuns: asks, judges, and keeps a record.

In: a run and a task that its decision asks for. Out: a `Measured`, in which nothing is secret.
`run/analysis.py` calls it, one asyncio task for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from gradatim.decide.analysis import Action, Measured, Task, judge
from gradatim.decide.analysis.judging import Judgement
from gradatim.decide.analysis.record import Circumstances, record
from gradatim.decide.analysis.redaction import Redactor
from gradatim.decide.analysis.values import Silence
from gradatim.errors import GradatimError
from gradatim.kube.errors import Throttled, Unreachable
from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, Phase
from gradatim.plugin import Measurement, ProviderError
from gradatim.run.broker import Asked, Broker, Question
from gradatim.run.fence import Fence
from gradatim.run.inquiry import FatalError, Inquiries, Inquiry, Providers, Surroundings, hashable
from gradatim.run.secretcache import SecretReader

_LONGEST_VALUE: Final = 16_384
_LONGEST_ENTRY: Final = 4_096
_MOST_ENTRIES: Final = 64
_LONGEST_PATIENCE: Final = 3600.0


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
        self._fence = fence
        self._clock = clock
        self._inquiries = Inquiries(providers, fence, secrets, surroundings, clock)
        self.broker = Broker(fence)

    async def measure(self, run: AnalysisRun, task: Task) -> Measured:
        """Carry out one task. Whatever goes wrong is in what it gives back."""
        began, started = self._fence.clock(), self._clock()
        failed = Measured(task=task, phase=Phase.ERROR, started=started)
        try:
            inquiry = await self._inquiries.of(run, task)
        except FatalError as error:
            return replace(failed, fatal=f"Unable to resolve metric arguments: {error}")
        except GradatimError as error:
            # a Secret that the API server would not give in time says nothing about the release either
            silence = Silence.NO_ANSWER if _is_outage(error) else Silence.NONE
            return replace(failed, message=str(error)[:_LONGEST_ENTRY], silence=silence)
        try:
            asked = await self._ask(inquiry, task)
            answer = _checked(asked.answer, inquiry, task)
        except ProviderError as error:
            return replace(
                failed,
                message=str(error),
                silence=Silence.NO_ANSWER if error.outage else Silence.NONE,
                resume_at=self._patience(error),
                result_metadata=self._result_metadata(inquiry, task),
            )
        # a question that waited for its turn began when it was asked
        waited = timedelta(seconds=max(0.0, asked.at - began))
        base = replace(failed, phase=Phase.RUNNING, started=started + waited)
        made = Circumstances(
            block=inquiry.query.config,
            seconds=asked.seconds,
            plugin=inquiry.source,
            clear=inquiry.redactor.value,
        )
        kept = record(answer, made)
        return self._measured(inquiry, answer, base, kept)

    def has_not_asked(self, task: asyncio.Task[None]) -> bool:
        """That asyncio task waits for its turn to ask: nothing is lost if it is given up."""
        return self.broker.has_not_asked(task)

    async def collect(self, run: AnalysisRun, metric: str, keep: int) -> None:
        """Have a provider remove what earlier measurements left behind. Failing at it harms nothing."""
        index = next((i for i, known in enumerate(run.metrics) if known.name == metric), None)
        if index is None or not self._inquiries.leaves_something(run.metrics[index]):
            return
        try:
            task = Task(action=Action.MEASURE, metric=metric, index=index)
            inquiry = await self._inquiries.of(run, task)
            provider, query = inquiry.provider, inquiry.query
            call = replace(inquiry.call, method="garbage_collect")
            await self._fence.call(call, lambda: provider.garbage_collect(query, keep))
        except (GradatimError, FatalError):
            return

    async def _ask(self, inquiry: Inquiry, task: Task) -> Asked:
        provider, query, earlier = inquiry.provider, inquiry.query, _earlier(task.earlier)
        if task.action is Action.MEASURE:
            return await self._ask_anew(inquiry, task)
        began = self._fence.clock()
        method = provider.resume if task.action is Action.RESUME else provider.terminate
        answer = await self._fence.call(inquiry.call, lambda: method(query, earlier))
        return Asked(answer, began, self._fence.clock() - began)

    async def _ask_anew(self, inquiry: Inquiry, task: Task) -> Asked:
        """Ask for a new measurement, or take the answer to an equal question that was asked since this one is due."""
        provider, query, call = inquiry.provider, inquiry.query, inquiry.call
        identity = self._fence.ask(
            replace(call, method="identity"), lambda: hashable(provider.identity(query))
        )
        late = self._clock() - task.due if task.due else timedelta()
        question = Question(
            call=call,
            identity=identity,
            due=self._fence.clock() - max(0.0, late.total_seconds()),
            is_brokered=task.is_brokered,
        )
        return await self.broker.ask(
            question, lambda: provider.measure(inquiry.query_at(self._clock()))
        )

    def _measured(
        self, inquiry: Inquiry, answer: Measurement, base: Measured, kept: Mapping[str, str]
    ) -> Measured:
        redactor = inquiry.redactor
        verdict = self._judged(inquiry, answer)
        in_error = verdict.phase is Phase.ERROR
        return replace(
            base,
            phase=verdict.phase,
            message=redactor.message(verdict.message)[:_LONGEST_ENTRY],
            # Of a value that a condition could not judge Argo Rollouts keeps the message alone.
            value="" if in_error else _text(verdict.text, redactor, _LONGEST_VALUE),
            metadata={**kept, **_entries(answer.metadata, redactor), **verdict.metadata},
            resume_at=_aware(answer.resume_at),
            silence=Silence.NO_DATA if verdict.no_data else Silence.NONE,
            result_metadata=self._result_metadata(inquiry, base.task),
        )

    def _judged(self, inquiry: Inquiry, answer: Measurement) -> Judgement:
        return judge(inquiry.metric, answer, inquiry.query.now, inquiry.comparison)

    def _result_metadata(self, inquiry: Inquiry, task: Task) -> Mapping[str, str]:
        if task.action is not Action.MEASURE or task.number:
            return {}
        call, provider = replace(inquiry.call, method="result_metadata"), inquiry.provider
        try:
            entries = self._fence.ask(call, lambda: provider.result_metadata(inquiry.query))
        except ProviderError:
            return {}
        return _entries(entries, inquiry.redactor)

    def _patience(self, error: ProviderError) -> datetime | None:
        """When asking makes sense again, where the service said so."""
        if not error.retry_after or error.retry_after < 0:
            return None
        return self._clock() + timedelta(seconds=min(error.retry_after, _LONGEST_PATIENCE))


def _checked(answer: object, inquiry: Inquiry, task: Task) -> Measurement:
    if isinstance(answer, Measurement):
        return answer
    raise ProviderError(f"{inquiry.call.provider}: {task.action} gave a {type(answer).__name__}")


def _is_outage(error: GradatimError) -> bool:
    return isinstance(error, Unreachable | Throttled) or getattr(error, "outage", False) is True


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
