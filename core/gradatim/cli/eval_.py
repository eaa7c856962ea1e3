"""Goes in: a condition and a measured value, or a file of cases. Comes out: whether it holds.
Called as `gradatim eval`: to try a condition before a rollout depends on it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gradatim.expr import Condition

_SHOWN = 200  # characters of a value in a message
_LARGEST = 16 * 1024 * 1024  # bytes of a result or of a line of cases


@click.command("eval")
@click.argument("condition", required=False)
@click.option(
    "--result",
    metavar="JSON",
    help="The measured value: JSON, @FILE to read it from a file, - to read it from stdin.",
)
@click.option(
    "--cases",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='JSON lines of {"condition", "result", "expect": true|false|"error"} to compare with.',
)
def eval_command(condition: str | None, result: str | None, cases: Path | None) -> None:
    """Evaluate an analysis CONDITION as the controller would.

    Prints true (exit status 0) or false (1); an error goes to stderr (2). With --cases, prints
    each case that comes out otherwise than expected, and ends with 0 only if there is none.
    """
    if (condition is None) == (cases is None):
        raise click.UsageError("give either a CONDITION or --cases")
    if cases is not None:
        if result is not None:
            raise click.UsageError("--cases brings its own results")
        sys.exit(_compare(cases))
    if condition is None or result is None:
        raise click.UsageError("a CONDITION needs a --result")
    sys.exit(_evaluate(condition, _read_result(result)))


def _read_result(text: str) -> Any:
    try:
        if text == "-":
            text = sys.stdin.read(_LARGEST)
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        return _from_json(text)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--result: {error}") from None


def _from_json(text: str) -> Any:
    if len(text) > _LARGEST:
        raise ValueError("the JSON is too large")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON nests too deeply") from None


def _evaluate(source: str, result: Any) -> int:
    from gradatim.expr import ExprError, compile_condition

    try:
        condition = compile_condition(source)
        for warning in condition.warnings():
            click.echo(f"warning: {warning}", err=True)
        holds = condition.evaluate(result, now=datetime.now(UTC))
    except ExprError as error:
        click.echo(f"error: {error}", err=True)
        return 2
    click.echo("true" if holds else "false")
    return 0 if holds else 1


@dataclass(frozen=True, slots=True)
class _Case:
    """One line of a file of cases."""

    line: int
    condition: str
    result: Any
    expect: bool | str

    def gives(self, now: datetime) -> tuple[bool | str, str]:
        """What comes out, and the message of an error."""
        from gradatim.expr import ExprError, compile_condition

        try:
            condition: Condition = compile_condition(self.condition)
            return condition.evaluate(self.result, now=now), ""
        except ExprError as error:
            return "error", error.message


def _compare(path: Path) -> int:
    total = agreed = 0
    now = datetime.now(UTC)
    for case in _cases(path):
        total += 1
        given, message = case.gives(now)
        if given is case.expect or (given == "error" and case.expect == "error"):
            agreed += 1
            continue
        click.echo(
            f"{path}:{case.line}: {json.dumps(case.condition, ensure_ascii=False)}"
            f" on {json.dumps(case.result, ensure_ascii=False)[:_SHOWN]}:"
            f" expected {_word(case.expect)}, got {_word(given)}{message and f' ({message})'}"
        )
    click.echo(f"{agreed} of {total} agree")
    return 0 if agreed == total else 1


def _word(outcome: bool | str) -> str:
    return json.dumps(outcome) if isinstance(outcome, bool) else outcome


def _cases(path: Path) -> Iterator[_Case]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _case(path, number, line)


def _case(path: Path, number: int, line: str) -> _Case:
    try:
        fields = _from_json(line)
    except ValueError as error:
        raise click.UsageError(f"{path}:{number}: {error}") from None
    condition = fields.get("condition") if isinstance(fields, dict) else None
    expect = fields.get("expect") if isinstance(fields, dict) else None
    if not isinstance(condition, str) or not (isinstance(expect, bool) or expect == "error"):
        wanted = 'a "condition" and an "expect" of true, false or "error"'
        raise click.UsageError(f"{path}:{number}: a case has {wanted}")
    return _Case(number, condition, fields.get("result"), expect)
