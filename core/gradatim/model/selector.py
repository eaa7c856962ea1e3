"""Label selectors: which labels one selects.

In: a `LabelSelector` as JSON, and labels. Out: whether they match. Used by validation, and to claim ReplicaSets.
"""

from __future__ import annotations

from collections.abc import Mapping

from .reading import Json, Reader


def selects(selector: Json, labels: Mapping[str, str]) -> bool:
    """The labels are among those that a sound selector selects. An empty selector selects all."""
    plain = selector.get("matchLabels")
    if type(plain) is dict and not selector.get("matchExpressions"):
        # nearly all selectors; what is no string selects nothing, as no label is anything else
        return all(labels.get(key) == value for key, value in plain.items() if type(value) is str)
    reader = Reader(selector)
    wanted = reader.texts("matchLabels")
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in reader.objects("matchExpressions")
    )


def is_empty(selector: Json) -> bool:
    """The selector names nothing, and so would select every pod."""
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def _holds(expression: Reader, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression.text("key")), expression.list("values")
    match expression.text("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
