"""Goes in: nothing. Comes out: the operators of the language, how strongly they bind, and where.
Called by the parser.
"""

from __future__ import annotations

BINARY: dict[str, int] = {
    "|": 0,
    "or": 10,
    "||": 10,
    "and": 15,
    "&&": 15,
    "==": 20,
    "!=": 20,
    "<": 20,
    ">": 20,
    "<=": 20,
    ">=": 20,
    "in": 20,
    "matches": 20,
    "contains": 20,
    "startsWith": 20,
    "endsWith": 20,
    "..": 25,
    "+": 30,
    "-": 30,
    "*": 60,
    "/": 60,
    "%": 60,
    "**": 100,
    "^": 100,
    "??": 500,
}
"""How strongly an infix operator binds."""

PREFIX: dict[str, int] = {"not": 50, "!": 50, "-": 90, "+": 90}
"""How strongly a prefix operator binds: `-2 ** 2` is -4."""

RIGHT = frozenset({"**", "^"})
"""These bind to the right; all others to the left."""

COMPARISONS = frozenset({"<", ">", "<=", ">="})
"""These may be chained: `1 < x < 3`."""

NEGATABLE = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
"""These may have `not` before them: `x not in y`."""

PREDICATES: dict[str, tuple[str, ...]] = {
    "all": ("value", "predicate"),
    "none": ("value", "predicate"),
    "any": ("value", "predicate"),
    "one": ("value", "predicate"),
    "filter": ("value", "predicate"),
    "map": ("value", "predicate"),
    "count": ("value", "predicate?"),
    "sum": ("value", "predicate?"),
    "find": ("value", "predicate"),
    "findIndex": ("value", "predicate"),
    "findLast": ("value", "predicate"),
    "findLastIndex": ("value", "predicate"),
    "groupBy": ("value", "predicate"),
    "sortBy": ("value", "predicate", "value?"),
    "reduce": ("value", "predicate", "value?"),
}
"""Functions that take a predicate, with what they take; `?` marks what may be left out."""

FUNCTIONS = frozenset(
    [
        "len",
        "type",
        "abs",
        "ceil",
        "floor",
        "round",
        "int",
        "float",
        "string",
        "trim",
        "trimPrefix",
        "trimSuffix",
        "upper",
        "lower",
        "split",
        "splitAfter",
        "replace",
        "repeat",
        "join",
        "indexOf",
        "lastIndexOf",
        "hasPrefix",
        "hasSuffix",
        "max",
        "min",
        "mean",
        "median",
        "toJSON",
        "fromJSON",
        "toBase64",
        "fromBase64",
        "now",
        "duration",
        "date",
        "timezone",
        "first",
        "last",
        "get",
        "take",
        "keys",
        "values",
        "toPairs",
        "fromPairs",
        "reverse",
        "uniq",
        "concat",
        "flatten",
        "sort",
        "bitand",
        "bitor",
        "bitxor",
        "bitnand",
        "bitshl",
        "bitshr",
        "bitushr",
        "bitnot",
    ]
)
"""The other functions of the language."""
