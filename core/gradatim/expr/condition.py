"""Goes in: the text of a condition and a measured value. Comes out: true, false, or an `ExprError`.
Called by `decide/` for each measurement, by `validate/` for each template and by the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from gradatim.expr import scope
from gradatim.expr.checker import check as check_types
from gradatim.expr.errors import ExprError
from gradatim.expr.evaluator import lower
from gradatim.expr.fold import fold
from gradatim.expr.frame import Evaluate, Frame
from gradatim.expr.jsontext import sanitized, sound
from gradatim.expr.limits import DEFAULT, Budget, Limits
from gradatim.expr.parser import parse
from gradatim.expr.scope import Environment
from gradatim.expr.syntax import Call, Node
from gradatim.expr.times import Moment, Span, Zone, from_datetime, to_datetime
from gradatim.expr.traps import warnings_of
from gradatim.expr.types import LONG, TIME, Type, type_of_result
from gradatim.expr.values import AnyMap, FunctionValue, go_type

_REMEMBERED = 1_024  # conditions kept ready: more than a cluster's templates have
T = TypeVar("T")


class Condition:
    """A condition that has been read and whose names are known.

    It is checked again for each type of result that it meets, as the reference compiles a
    condition against the value at hand; what is found is kept.
    """

    __slots__ = ("_ready", "_tree", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._ready: dict[Type, _Prepared | ExprError] = {}
        self._tree: Node = _guarded(source, lambda: parse(sound(source)))
        _guarded(source, lambda: _prepared(self._tree, scope.condition_environment()))

    def evaluate(self, result: object, *, now: datetime, limits: Limits = DEFAULT) -> bool:
        """Whether the condition holds for a measured value (a JSON value; ints are floats).

        `now` (aware) is what `now()` gives. Raises `ExprError` when the types do not fit, when
        the evaluation fails or costs too much, and when what comes out is no bool.
        """
        found, gives = _guarded(self.source, lambda: self._run(result, now, limits))
        if isinstance(found, bool):
            return found
        is_long = gives == LONG and isinstance(self._tree, Call)  # asInt(…), a method of a time
        shown = LONG.name if is_long else go_type(found)
        raise ExprError(f"expected bool, but got {shown}", None, self.source)

    def value(self, result: object, *, now: datetime, limits: Limits = DEFAULT) -> object:
        """What the condition gives, of whatever sort. Raises `ExprError` like `evaluate`."""
        return _guarded(self.source, lambda: self._run(result, now, limits))[0]

    def _run(self, result: object, now: datetime, limits: Limits) -> tuple[object, Type]:
        """What comes out, and what was known of its type before."""
        clean = sanitized(result)
        ready = self._for(type_of_result(clean))
        return ready.run(Frame(clean, from_datetime(now), Budget(limits))), ready.gives

    def _for(self, kind: Type) -> _Prepared:
        """The condition made ready for a type of result."""
        found = self._ready.get(kind)
        if found is None:
            try:
                found = _prepared(self._tree, scope.condition_environment(kind))
            except ExprError as error:
                found = error
            self._ready[kind] = found
        if isinstance(found, ExprError):
            raise ExprError(found.message, found.position)
        return found

    def misfit(self, result: object) -> ExprError | None:
        """Why the condition is an error for any result of this one's type; None if it need not be."""
        try:
            self._for(type_of_result(sanitized(result)))
        except ExprError as error:
            return error.within(self.source)
        return None

    def warnings(self) -> list[str]:
        """What in the condition most likely means something else than its author thinks."""
        return warnings_of(self._tree)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An expression made ready for one environment: what runs it, and the type that it gives."""

    run: Evaluate
    gives: Type


def _prepared(tree: Node, environment: Environment) -> _Prepared:
    types = check_types(tree, environment)
    gives = types[tree]
    return _Prepared(lower(fold(tree, types), types, environment), gives)


def _guarded(source: str, work: Callable[[], T]) -> T:
    """Do the work; let out nothing but `ExprError`, with the text that it speaks of."""
    try:
        return work()
    except ExprError as error:
        raise error.within(source) from None
    except RecursionError:
        raise ExprError("the condition or its value nests too deeply", None, source) from None
    except MemoryError:
        raise ExprError("the condition needs too much memory", None, source) from None


@lru_cache(maxsize=_REMEMBERED)
def compile_condition(source: str) -> Condition:
    """The condition, read and checked with the type of its result unknown.

    Raises `ExprError` at a syntax error, an unknown name, a wrong number of arguments, and
    where types cannot fit whatever is measured.
    """
    return Condition(source)


def check(source: str) -> ExprError | None:
    """What is wrong with a condition before anything is measured; None if nothing is."""
    try:
        compile_condition(source)
    except ExprError as error:
        return error
    return None


def misfit(source: str, results: Iterable[object]) -> ExprError | None:
    """Why a sound condition is an error for every result of the types of these; None if it may be none.

    What is said is what the first of them meets.
    """
    first: ExprError | None = None
    try:
        condition = compile_condition(source)
    except ExprError:
        return None
    for result in results:
        problem = condition.misfit(result)
        if problem is None:
            return None
        first = first or problem
    return first


def lint(source: str) -> list[str]:
    """Warnings about a sound condition; an unsound one has none, since `check` speaks of it."""
    try:
        return compile_condition(source).warnings()
    except ExprError:
        return []


def evaluate(source: str, result: object, *, now: datetime, limits: Limits = DEFAULT) -> object:
    """What any expression gives for a measured value, in Python's own types.

    Times come as aware datetimes in UTC (cut to microseconds), durations as seconds (float).
    Raises `ExprError`.
    """
    found = compile_condition(source).value(result, now=now, limits=limits)
    return _guarded(source, lambda: _python(found))


def _python(value: object) -> object:
    if isinstance(value, list | range):
        return [_python(each) for each in value]
    if isinstance(value, dict):
        return {key: _python(each) for key, each in value.items()}
    if isinstance(value, AnyMap):
        return {key: _python(each) for key, each in value.items()}
    if isinstance(value, Moment):
        return _datetime(value)
    if isinstance(value, Span):
        return value.ns / 1e9
    if isinstance(value, Zone | FunctionValue):
        return value.name
    return value


def _datetime(moment: Moment) -> datetime:
    found = to_datetime(moment)
    if found is None:
        raise ExprError("the time is outside of the years 1 to 9999")
    return found


@lru_cache(maxsize=_REMEMBERED)
def _time_expression(source: str) -> _Prepared:
    return _guarded(source, lambda: _prepared(parse(sound(source)), scope.TIME))


def evaluate_time(source: str, *, now: datetime, limits: Limits = DEFAULT) -> datetime:
    """The point of time that an expression gives: `now() - duration("1h")`.

    It knows no `result`. Raises `ExprError`, also when what comes out is no time.
    """

    def work() -> datetime:
        found = _time_expression(source).run(Frame(None, from_datetime(now), Budget(limits)))
        if isinstance(found, Moment):
            return _datetime(found)
        raise ExprError(f"expected time.Time, but got {go_type(found)}")

    return _guarded(source, work)


def check_time(source: str) -> ExprError | None:
    """What is wrong with the expression of a point of time; None if nothing is.

    An expression that is known to give something else than a time is wrong too.
    """
    try:
        given = _time_expression(source).gives
    except ExprError as error:
        return error.within(source)
    if given != TIME and not given.is_unknown:
        return ExprError(f"expected time.Time, but got {given}", None, source)
    return None


def _met_first(condition: str, result: object, error: ExprError) -> str:
    """The message of what the reference meets first in a condition that failed for a result.

    It knows the type of the result when it reads the condition, and so may stumble earlier than
    one who checks the condition beforehand.
    """
    try:
        environment = scope.condition_environment(type_of_result(sanitized(result)))
        _guarded(condition, lambda: _prepared(parse(sound(condition)), environment))
    except ExprError as first:
        return first.message
    return error.message


def explain_error(
    condition: str, result: object, error: ExprError, *, field: str = "successCondition"
) -> str:
    """The message of a measurement whose condition failed, as Argo Rollouts words it.

    A result that is nil or an empty list is the cause whatever the error says: the provider
    returned no data, and people guard against that, not against an index (Argo #1466, #2101).
    """
    cause = _met_first(condition, result, error)
    if result is None or (isinstance(result, list | tuple) and not result):
        cause = "metric result is nil or empty: no data returned from the metric provider"
    return f'could not evaluate {field} "{condition}": {cause}'
