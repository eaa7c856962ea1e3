"""What `gradatim measure` prints.

In: the run, outcomes of measurements, and the run's end. Out: lines on standard output; notes on standard error.
Called by the trial. Everything it is given is cleared of secrets; conditions are shown as they are written.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

import click

from ...decide.analysis import Measured, substitute
from ...decide.analysis.substitution import SECRET_PLACEHOLDER, UnresolvedError, argument_values
from ...decide.analysis.validation import provider_block
from ...model.analysis import Metric, parse_metric
from ...model.analysisrun import AnalysisRun, Phase, parse_analysis_run
from ...plugin import Json

_RECORD: Final = "gradatim.dev/"
_QUERY: Final = "gradatim.dev/query"
_LATENCY: Final = "gradatim.dev/latency"
#: Fields that hold the question, in the blocks of providers.
_QUESTIONS: Final = ("query", "queries", "formula", "url")
_WIDTH: Final = 10
_SHOWN: Final = 1_000
_COLOURS: Final = {Phase.SUCCESSFUL: "green", Phase.FAILED: "red", Phase.ERROR: "red"}


class Report:
    """Prints measurements as they come, and how the run ended."""

    def __init__(self, run: Json, *, as_json: bool, as_run: bool) -> None:
        self._as_json = as_json
        self._as_run = as_run
        view = parse_analysis_run(run)
        self._metrics = {metric.name: metric for metric in view.metrics}
        self._resolved = {metric.name: _resolved(metric, view) for metric in view.metrics}
        self._told: set[str] = set()
        self._begun: set[tuple[str, int]] = set()

    def measured(self, measured: Measured, number: int) -> None:
        """Print one outcome; one that is still to come only as a sign of life."""
        if measured.phase is Phase.RUNNING:
            self._wait(measured, number)
        elif self._as_json:
            click.echo(json.dumps(self._fields(measured, number), ensure_ascii=False))
        elif self._as_run:
            self._print_line(measured, number)
        else:
            self._print_block(measured)

    def ended(self, run: AnalysisRun, absence: str) -> None:
        """Print how the run ended, and the note that no cluster was there to ask for Secrets."""
        if self._as_json and self._as_run:
            click.echo(json.dumps({"run": str(run.phase), "message": run.message}))
        elif self._as_run or not self._told:
            self._echo(
                "analysis", f"{run.phase}{f': {run.message}' if run.message else ''}", run.phase
            )
        if absence and run.phase is Phase.ERROR:
            click.echo(f"gradatim: Secrets were looked for in no cluster: {absence}", err=True)

    def _wait(self, measured: Measured, number: int) -> None:
        """Say once of each measurement that it has begun, and what its provider tells about it."""
        begun = (measured.task.metric, number)
        if begun not in self._begun:
            self._begun.add(begun)
            told = ", ".join(f"{entry} {_line(text)}" for entry, text in measured.metadata.items())
            click.echo(f"gradatim: {measured.task.metric} is running: {told}", err=True)

    def _fields(self, measured: Measured, number: int) -> Json:
        self._told.add(measured.task.metric)
        return {
            "metric": measured.task.metric,
            "number": number,
            "phase": str(measured.phase),
            "value": measured.value,
            "why": self._why(measured),
            "query": self._query(measured),
            "metadata": dict(measured.metadata),
        }

    def _print_block(self, measured: Measured) -> None:
        name = measured.task.metric
        if self._told:
            click.echo()
        self._told.add(name)
        key = provider_block(self._metric(name))[0]
        self._echo("metric", f"{name} ({key})")
        self._echo("query", self._query(measured))
        self._echo("value", measured.value)
        self._echo("verdict", str(measured.phase), measured.phase)
        self._echo("why", self._why(measured))
        for entry, text in measured.metadata.items():
            if not entry.startswith(_RECORD):
                self._echo(entry, text)
        self._echo("took", measured.metadata.get(_LATENCY, ""))

    def _print_line(self, measured: Measured, number: int) -> None:
        name = measured.task.metric
        if name not in self._told:
            self._told.add(name)
            self._echo("query", f"{name}: {self._query(measured)}")
        at = datetime.now(UTC).strftime("%H:%M:%S")
        value = f" {_line(measured.value)}" if measured.value else ""
        text = f"{at}  {name} {number}: {measured.phase}{value}  {_line(self._why(measured))}"
        click.secho(text, fg=_COLOURS.get(measured.phase))

    def _metric(self, name: str) -> Metric:
        return self._metrics.get(name) or Metric(name=name)

    def _query(self, measured: Measured) -> str:
        """As it was asked, where the measurement keeps it; else as the block says it."""
        kept = measured.metadata.get(_QUERY) or next(iter(measured.result_metadata.values()), "")
        return kept or self._resolved.get(measured.task.metric, "")

    def _why(self, measured: Measured) -> str:
        if measured.fatal or measured.message:
            return measured.fatal or measured.message
        return reason(self._metric(measured.task.metric), measured.phase)

    def _echo(self, label: str, text: str, phase: Phase = Phase.NONE) -> None:
        if text:
            click.secho(f"{f'{label} ':<{_WIDTH}}{_line(text)}", fg=_COLOURS.get(phase))


def reason(metric: Metric, phase: Phase) -> str:
    """Which of the metric's conditions a verdict comes from (§3.5 of Argo Rollouts' rules)."""
    success, failure = (
        f'successCondition "{metric.success_condition}"',
        f'failureCondition "{metric.failure_condition}"',
    )
    match bool(metric.success_condition), bool(metric.failure_condition), phase:
        case False, False, Phase.FAILED | Phase.INCONCLUSIVE:
            return "the provider says so"
        case False, False, _:
            return "there is no condition: every answer is a success"
        case True, False, _:
            return f"{success} {'holds' if phase is Phase.SUCCESSFUL else 'does not hold'}"
        case False, True, _:
            return f"{failure} {'holds' if phase is Phase.FAILED else 'does not hold'}"
        case _, _, Phase.FAILED:
            return f"{failure} holds"
        case _, _, Phase.SUCCESSFUL:
            return f"{success} holds, {failure} does not"
        case _:
            return f"neither {success} nor {failure} holds"


def _resolved(metric: Metric, run: AnalysisRun) -> str:
    """The question of the metric's block, with its arguments put in and stars for secrets."""
    try:
        raw = substitute(metric.raw, argument_values(run.args))
    except UnresolvedError:
        raw = metric.raw
    block = provider_block(parse_metric(raw)[0])[1]
    if not isinstance(block, dict):
        return ""
    told = [block[name] for name in _QUESTIONS if block.get(name)]
    shown = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in told]
    text = "; ".join(shown).replace(SECRET_PLACEHOLDER, "*****")
    # A URL's query is where its tokens are.
    return text.partition("?")[0] if block.get("url") else text


def _line(text: str) -> str:
    """In one line, in bounds, and without anything that a terminal would obey."""
    flat = " ".join(text.split())
    shown = flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else "?" for char in shown)
