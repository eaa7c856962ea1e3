"""Goes in: nothing. Comes out: what each function takes and gives, before anything is evaluated.
Called by the checker. The tables state facts about expr-lang 1.17 and about Argo's functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.expr.types import (
    ANY,
    ANY_MAP,
    BOOL,
    DURATION,
    FLOAT,
    FLOATS,
    INT,
    LIST,
    LONG,
    STRING,
    STRINGS,
    UNKNOWN,
    ZONE,
    Kind,
    Type,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """One way to call a function. An UNKNOWN parameter takes everything, nil included."""

    params: tuple[Type, ...]
    gives: Type


@dataclass(frozen=True, slots=True)
class Shape:
    """A function that looks only at the kinds of its arguments.

    `kinds` holds the kinds that each argument may have (the last for all that follow); UNKNOWN
    is always allowed and NIL never. `gives` None: the type of the first argument. `refusals`
    are what the reference says of an argument of another kind, for each as in `kinds`.
    """

    least: int
    most: int
    kinds: tuple[frozenset[Kind], ...]
    gives: Type | None
    refusals: tuple[str, ...] = ("invalid argument for {name} (type {type})",)


def _ways(gives: Type, *params: tuple[Type, ...]) -> tuple[Signature, ...]:
    return tuple(Signature(each, gives) for each in params)


_INTS = Type(Kind.LIST, "[]int")  # only told in messages: no expression is known to be one
_TEXT = ((STRING,), (STRING, STRING))

SIGNATURES: dict[str, tuple[Signature, ...]] = {
    "type": _ways(STRING, (UNKNOWN,)),
    "string": _ways(STRING, (UNKNOWN,)),
    "trim": _ways(STRING, *_TEXT),
    "trimPrefix": _ways(STRING, *_TEXT[::-1]),
    "trimSuffix": _ways(STRING, *_TEXT[::-1]),
    "upper": _ways(STRING, (STRING,)),
    "lower": _ways(STRING, (STRING,)),
    "split": _ways(STRINGS, (STRING, STRING), (STRING, STRING, INT)),
    "splitAfter": _ways(STRINGS, (STRING, STRING), (STRING, STRING, INT)),
    "replace": _ways(STRING, (STRING, STRING, STRING, INT), (STRING, STRING, STRING)),
    "repeat": _ways(STRING, (STRING, INT)),
    "join": _ways(STRING, (STRINGS, STRING), (LIST, STRING), (LIST,), (STRINGS,)),
    "indexOf": _ways(INT, (STRING, STRING)),
    "lastIndexOf": _ways(INT, (STRING, STRING)),
    "hasPrefix": _ways(BOOL, (STRING, STRING)),
    "hasSuffix": _ways(BOOL, (STRING, STRING)),
    "toJSON": _ways(STRING, (UNKNOWN,)),
    "fromJSON": _ways(ANY, (STRING,)),
    "toBase64": _ways(STRING, (STRING,)),
    "fromBase64": _ways(STRING, (STRING,)),
    "duration": _ways(DURATION, (STRING,)),
    "timezone": _ways(ZONE, (STRING,)),
    "sort": _ways(
        LIST,
        (LIST, STRING),
        (FLOATS, STRING),
        (STRINGS, STRING),
        (LIST,),
        (FLOATS,),
        (STRINGS,),
        (_INTS,),
    ),
    "bitnot": _ways(INT, (INT,)),
    **{
        name: _ways(INT, (INT, INT))
        for name in ("bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "bitushr")
    },
}
"""Functions of the language with typed parameters: the first way that fits is taken.

Where none fits, the message speaks of the last: the order is part of what users read.
"""

_NUMBER = frozenset({Kind.INT, Kind.FLOAT})
_NUMERIC = _NUMBER | {Kind.DURATION}  # Go sees an int in a duration
_LIST = frozenset({Kind.LIST})
_MAP = frozenset({Kind.MAP})
_SIZED = _LIST | _MAP | {Kind.STRING}
_MANY = 1_000_000

SHAPES: dict[str, Shape] = {
    "len": Shape(1, 1, (_SIZED,), INT),
    "abs": Shape(1, 1, (_NUMERIC,), None),
    "ceil": Shape(1, 1, (_NUMERIC,), FLOAT),
    "floor": Shape(1, 1, (_NUMERIC,), FLOAT),
    "round": Shape(1, 1, (_NUMERIC,), FLOAT),
    "int": Shape(1, 1, (_NUMERIC | {Kind.STRING},), INT),
    "float": Shape(1, 1, (_NUMERIC | {Kind.STRING},), FLOAT),
    "take": Shape(
        2,
        2,
        (_LIST, frozenset({Kind.INT, Kind.DURATION})),
        None,
        ("cannot take from {type}", "cannot take {type} elements"),
    ),
    "keys": Shape(1, 1, (_MAP,), LIST, ("cannot get keys from {type}",)),
    "values": Shape(1, 1, (_MAP,), LIST, ("cannot get values from {type}",)),
    "toPairs": Shape(1, 1, (_MAP,), LIST, ("cannot transform {type} to pairs",)),
    "fromPairs": Shape(1, 1, (_LIST,), ANY_MAP, ("cannot transform {type} from pairs",)),
    "reverse": Shape(1, 1, (_LIST,), LIST, ("cannot reverse {type}",)),
    "uniq": Shape(1, 1, (_LIST,), LIST, ("cannot uniq {type}",)),
    "flatten": Shape(1, 1, (_LIST,), LIST, ("cannot flatten {type}",)),
    "concat": Shape(1, _MANY, (_LIST,), LIST, ("cannot concat {type}",)),
    "first": Shape(1, 1, (_LIST,), ANY, ("cannot get first element from {type}",)),
    "last": Shape(1, 1, (_LIST,), ANY, ("cannot get last element from {type}",)),
}
"""Functions of the language that look at kinds only."""

AGGREGATES = frozenset({"max", "min", "mean", "median"})
NUMERIC = _NUMERIC

ENVIRONMENT: dict[str, Signature] = {
    "asInt": Signature((UNKNOWN,), LONG),
    "asFloat": Signature((UNKNOWN,), FLOAT),
    "isNaN": Signature((FLOAT,), BOOL),
    "isInf": Signature((FLOAT,), BOOL),
    "isNil": Signature((UNKNOWN,), BOOL),
    "default": Signature((UNKNOWN, UNKNOWN), ANY),
}
"""Argo's functions in a condition."""

TIME_ENVIRONMENT: dict[str, Signature] = {name: ENVIRONMENT[name] for name in ("isNaN", "isInf")}
"""Argo's functions in the expression of a point of time."""
