"""Goes in: a call such as `filter(list, predicate)`, its parts made ready. Comes out: it, ready.
Called by the evaluator. Each turn of a loop is charged for the size of its predicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gradatim.expr import arithmetic
from gradatim.expr.errors import ExprError
from gradatim.expr.frame import Evaluate, Frame, Loop
from gradatim.expr.operate import truth
from gradatim.expr.ordering import in_order, is_descending
from gradatim.expr.syntax import Builtin, Node, children
from gradatim.expr.values import AnyMap, NilList, as_bytes, go_type, kind_name

Items: TypeAlias = "list[object] | range | bytes"


@dataclass(frozen=True, slots=True)
class Parts:
    """A call of a predicate function: its node, and its arguments made ready."""

    node: Builtin
    over: Evaluate
    body: Evaluate | None
    third: Evaluate | None  # where reduce starts, how sortBy sorts
    then: Evaluate | None  # what find and filter give instead of the element


def loop(parts: Parts) -> Evaluate:
    """The call, ready to run."""
    turns = _Turns(parts)
    run, pos = _LOOPS[parts.node.name], parts.node.pos

    def scoped(frame: Frame) -> object:
        outer = frame.loop
        try:
            return run(turns, frame)
        except ExprError as error:
            raise error.located(pos) from None
        finally:
            frame.loop = outer

    return scoped


def _size(node: Node | None) -> int:
    """How many parts one turn evaluates at most, loops inside it counted once."""
    count, level = 1, [] if node is None else [node]
    while level:
        count += len(level)
        level = [child for each in level for child in children(each)]
    return count


class _Turns:
    """The elements of the list of a call, and the predicate to ask of each."""

    def __init__(self, parts: Parts) -> None:
        args = parts.node.args
        self.parts = parts
        self.cost = _size(args[1] if len(args) > 1 else None) + _size(parts.node.then)

    def items(self, frame: Frame) -> Items:
        found = self.parts.over(frame)
        if isinstance(found, list | range):
            return found
        if isinstance(found, str):  # Go takes a string for a list of bytes
            return as_bytes(found)
        if isinstance(found, dict | AnyMap) and not found:
            return []
        if isinstance(found, dict | AnyMap):
            raise ExprError("reflect: call of reflect.Value.Index on map Value")
        shown = "zero" if found is None else kind_name(found)
        raise ExprError(f"reflect: call of reflect.Value.Len on {shown} Value")

    def each(self, frame: Frame, items: Items, *, backwards: bool = False) -> Iterator[object]:
        """What the predicate gives for each element; `frame.loop` says which that is."""
        turn = frame.loop = Loop()
        order = range(len(items))
        for index in reversed(order) if backwards else order:
            frame.budget.steps(self.cost)
            turn.item, turn.index = items[index], index
            yield self.ask(frame)

    def ask(self, frame: Frame) -> object:
        return frame.loop.item if self.parts.body is None else self.parts.body(frame)

    def verdicts(self, frame: Frame, *, backwards: bool = False) -> Iterator[bool]:
        pos = self.parts.node.args[-1].pos
        for value in self.each(frame, self.items(frame), backwards=backwards):
            yield truth(value, pos)

    def chosen(self, frame: Frame) -> object:
        return frame.loop.item if self.parts.then is None else self.parts.then(frame)


def _all(turns: _Turns, frame: Frame) -> object:
    return all(turns.verdicts(frame))


def _none(turns: _Turns, frame: Frame) -> object:
    return not any(turns.verdicts(frame))


def _any(turns: _Turns, frame: Frame) -> object:
    return any(turns.verdicts(frame))


def _one(turns: _Turns, frame: Frame) -> object:
    return sum(turns.verdicts(frame)) == 1


def _count(turns: _Turns, frame: Frame) -> object:
    enough = turns.parts.node.enough
    found = 0
    for verdict in turns.verdicts(frame):
        found += verdict
        if enough is not None and found >= enough:
            break
    return found


def _filter(turns: _Turns, frame: Frame) -> object:
    found = [turns.chosen(frame) for verdict in turns.verdicts(frame) if verdict]
    frame.budget.elements(len(found))
    return found


def _map(turns: _Turns, frame: Frame) -> object:
    items = turns.items(frame)
    frame.budget.elements(len(items))
    return list(turns.each(frame, items))


def _find(turns: _Turns, frame: Frame, *, backwards: bool = False) -> object:
    for verdict in turns.verdicts(frame, backwards=backwards):
        if verdict:
            return turns.chosen(frame)
    if turns.parts.node.strict:
        raise ExprError("reflect: slice index out of range")
    return None


def _find_last(turns: _Turns, frame: Frame) -> object:
    return _find(turns, frame, backwards=True)


def _find_index(turns: _Turns, frame: Frame, *, backwards: bool = False) -> object:
    for verdict in turns.verdicts(frame, backwards=backwards):
        if verdict:
            return frame.loop.index
    return None


def _find_last_index(turns: _Turns, frame: Frame) -> object:
    return _find_index(turns, frame, backwards=True)


def _sum(turns: _Turns, frame: Frame) -> object:
    total: object = 0
    for value in turns.each(frame, turns.items(frame)):
        total = arithmetic.add(value, total, frame.budget)
    return total


def _group_by(turns: _Turns, frame: Frame) -> object:
    groups = AnyMap(missing=NilList())
    items = turns.items(frame)
    frame.budget.elements(len(items))
    for key in turns.each(frame, items):
        if isinstance(key, list | range | dict | AnyMap):
            raise ExprError(f"hash of unhashable type: {go_type(key)}")
        if key not in groups:
            groups.put(key, [])
        members = groups.get(key)
        if isinstance(members, list):
            members.append(frame.loop.item)
    return groups


def _sort_by(turns: _Turns, frame: Frame) -> object:
    items = turns.items(frame)
    order = "asc" if turns.parts.third is None else turns.parts.third(frame)
    if not isinstance(order, str):
        raise ExprError("sortBy order argument must be a string")
    descending = is_descending(order, "unknown order, use asc or desc")
    frame.budget.elements(len(items))
    keys = list(turns.each(frame, items))
    pairs = in_order(list(zip(keys, items, strict=True)), frame.budget, descending=descending)
    return [item for _key, item in pairs]


def _reduce(turns: _Turns, frame: Frame) -> object:
    items = turns.items(frame)
    start = 0
    outer = frame.loop
    turn = Loop()
    if turns.parts.third is not None:
        turn.acc = turns.parts.third(frame)
    elif not items:
        raise ExprError("reduce of empty array with no initial value")
    else:
        turn.acc, start = items[0], 1
    frame.loop = turn
    for index in range(start, len(items)):
        frame.budget.steps(turns.cost)
        turn.item, turn.index = items[index], index
        turn.acc = turns.ask(frame)
    frame.loop = outer
    return turn.acc


_LOOPS: dict[str, Callable[[_Turns, Frame], object]] = {
    "all": _all,
    "none": _none,
    "any": _any,
    "one": _one,
    "filter": _filter,
    "map": _map,
    "count": _count,
    "sum": _sum,
    "find": _find,
    "findIndex": _find_index,
    "findLast": _find_last,
    "findLastIndex": _find_last_index,
    "groupBy": _group_by,
    "sortBy": _sort_by,
    "reduce": _reduce,
}

PREDICATES = frozenset(_LOOPS)
