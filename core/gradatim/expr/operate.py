"""Goes in: an operator and its operands made ready. Comes out: the operation made ready.
Called by the evaluator. Adds the place in the text to what goes wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradatim.expr import access, arithmetic, compare, regex
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Evaluate, Frame
from gradatim.expr.limits import Budget
from gradatim.expr.numerals import wrapped
from gradatim.expr.syntax import Binary, Literal, LiteralSet
from gradatim.expr.types import INT, STRING, Type
from gradatim.expr.values import as_index, is_nil, not_a

OR = ("||", "or")
AND = ("&&", "and")
LOGIC = OR + AND


def truth(value: object, pos: int) -> bool:
    """A value where a bool is asked for."""
    if value is True or value is False:
        return value
    raise not_a("bool", value).located(pos)


def located(
    function: Callable[..., object], frame: Frame, values: list[object], pos: int
) -> object:
    """Call a function; what it raises gets the place of the call."""
    try:
        return function(frame, *values)
    except ExprError as error:
        raise error.located(pos) from None


def logic(stops: bool, operands: Sequence[Evaluate], pos: int) -> Evaluate:
    """`&&` or `||`: the value of the last operand looked at; those before it must be bools."""
    *firsts, last = operands

    def run(frame: Frame) -> object:
        for each in firsts:
            if truth(each(frame), pos) is stops:
                return stops
        return last(frame)

    return run


def negation(operand: Evaluate, pos: int) -> Evaluate:
    """`-x`."""
    return _asked(lambda value, _budget: arithmetic.negate(value), operand, pos)


def plain(op: str, left: Evaluate, right: Evaluate, pos: int) -> Evaluate:
    """Any operator that always looks at both sides."""
    return _combined(_OPERATIONS[op], left, right, pos)


def equality(node: Binary, known: Sequence[Type], left: Evaluate, right: Evaluate) -> Evaluate:
    """`==` and `!=`."""
    wanted = node.op == "=="
    for kind, sort in ((INT, int), (STRING, str)):
        if known[0] == kind and known[1] == kind:
            return _combined(_typed_equality(sort, wanted), left, right, node.pos)
    return _combined(
        lambda a, b, budget: compare.equal(a, b, budget) is wanted, left, right, node.pos
    )


def _typed_equality(sort: type, wanted: bool) -> _Operation:
    """Both sides are known to be ints, or strings: what is not at run time is an error.

    That is how `find([1, 2], # > 5) == 1` fails in the reference, where find gives nil.
    """

    def run(left: object, right: object, _budget: Budget) -> object:
        for value in (left, right):
            if type(value) is not sort:
                raise not_a("string" if sort is str else "int", value)
        return (left == right) is wanted

    return run


def membership(node: Binary, known: Type, left: Evaluate, right: Evaluate) -> Evaluate:
    """`in`."""
    if isinstance(node.right, LiteralSet):
        values, sort = node.right.values, node.right.sort
        return _asked(lambda a, _budget: access.in_set(a, values, sort), left, node.pos)
    bounds = _literal_range(node)
    if bounds is not None and known == INT:  # as the reference: the range is never made
        low, high = bounds
        return _asked(lambda a, _budget: _between(a, low, high), left, node.pos)
    return _combined(access.contains, left, right, node.pos)


def _between(value: object, low: int, high: int) -> bool:
    return compare.at_least(value, low) and compare.at_most(value, high)


def _literal_range(node: Binary) -> tuple[int, int] | None:
    span = node.right
    if not (isinstance(span, Binary) and span.op == ".."):
        return None
    if isinstance(span.left, Literal) and isinstance(span.right, Literal):
        low, high = span.left.value, span.right.value
        if type(low) is int and type(high) is int:
            return low, high
    return None


def matches(node: Binary, left: Evaluate, right: Evaluate) -> Evaluate:
    """`matches`: a pattern written out is read once."""
    if isinstance(node.right, Literal) and isinstance(node.right.value, str):
        pattern = regex.compile_pattern(node.right.value)
        return _asked(lambda a, budget: _searched(pattern, a, budget), left, node.pos)
    return _combined(_searched_for, left, right, node.pos)


def _searched_for(text: object, pattern: object, budget: Budget) -> bool:
    if is_nil(text) or is_nil(pattern):
        return False
    if not isinstance(pattern, str):
        raise not_a("string", pattern)
    return _searched(regex.compile_pattern(pattern), text, budget)


def _searched(pattern: regex.Pattern, text: object, budget: Budget) -> bool:
    if is_nil(text):
        return False
    if not isinstance(text, str):
        raise not_a("[]uint8", text)
    budget.text(len(text))
    return pattern.search(text, budget)


_Operation = Callable[[object, object, Budget], object]


def _textual(test: Callable[[str, str], bool]) -> _Operation:
    def run(left: object, right: object, budget: Budget) -> object:
        if is_nil(left) or is_nil(right):
            return False
        if isinstance(left, str) and isinstance(right, str):
            budget.text(len(left))
            return test(left, right)
        raise not_a("string", right if isinstance(left, str) else left)

    return run


def _unmetered(op: Callable[[object, object], object]) -> _Operation:
    return lambda left, right, _budget: op(left, right)


def _span(left: object, right: object, budget: Budget) -> range:
    """`left..right`, both ends included."""
    low, high = as_index(left), as_index(right)
    size = max(0, wrapped(high - low + 1))  # as Go: a span of more than 64 bits is empty
    budget.elements(size)
    return range(low, low + size)


_OPERATIONS: dict[str, _Operation] = {
    "<": _unmetered(compare.less),
    ">": _unmetered(compare.more),
    "<=": _unmetered(compare.at_most),
    ">=": _unmetered(compare.at_least),
    "+": arithmetic.add,
    "-": _unmetered(arithmetic.subtract),
    "*": _unmetered(arithmetic.multiply),
    "/": _unmetered(arithmetic.divide),
    "%": _unmetered(arithmetic.remainder),
    "**": _unmetered(arithmetic.power),
    "^": _unmetered(arithmetic.power),
    "..": _span,
    "contains": _textual(lambda text, piece: piece in text),
    "startsWith": _textual(str.startswith),
    "endsWith": _textual(str.endswith),
}


def _combined(op: _Operation, left: Evaluate, right: Evaluate, pos: int) -> Evaluate:
    def run(frame: Frame) -> object:
        first = left(frame)
        second = right(frame)
        try:
            return op(first, second, frame.budget)
        except ExprError as error:
            raise error.located(pos) from None

    return run


def _asked(op: Callable[[object, Budget], object], operand: Evaluate, pos: int) -> Evaluate:
    def run(frame: Frame) -> object:
        value = operand(frame)
        try:
            return op(value, frame.budget)
        except ExprError as error:
            raise error.located(pos) from None

    return run
