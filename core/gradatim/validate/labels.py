"""Labels and label selectors.

In: a selector's JSON, labels. Out: Problems in Kubernetes' words, and whether the labels are selected.
Called by the rules of Rollouts, Experiments and pod templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from gradatim.model.reading import Json, Reader
from gradatim.plugin import FieldPath, Problem

from .wording import forbidden, invalid, required

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_SUBDOMAIN: Final = 253

_NAME_RULE: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', must start and end with an "
    "alphanumeric character and be no more than 63 characters (e.g. 'MyName' or 'example.com/MyName')"
)
_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', must "
    "start and end with an alphanumeric character and be no more than 63 characters (e.g. 'my_value')"
)
_DNS_LABEL_RULE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', must start and "
    "end with an alphanumeric character and be no more than 63 characters (e.g. 'my-name')"
)


def is_qualified_name(text: str) -> bool:
    """The text can be the key of a label: a name, with or without a DNS prefix and a slash."""
    prefix, slash, name = text.rpartition("/")
    if slash and not (len(prefix) <= _LONGEST_SUBDOMAIN and _SUBDOMAIN.fullmatch(prefix)):
        return False
    return _NAME.fullmatch(name) is not None


def dns_label_problems(text: str, path: FieldPath) -> Iterator[Problem]:
    """What stands against the text as the name of a container or a volume."""
    if not _LABEL.fullmatch(text):
        yield invalid(path, text, _DNS_LABEL_RULE)


def label_problems(labels: Mapping[str, str], path: FieldPath) -> Iterator[Problem]:
    """What is wrong with a map of labels."""
    for key, value in labels.items():
        if not is_qualified_name(key):
            yield invalid(path, key, _NAME_RULE)
        if value and not _NAME.fullmatch(value):
            yield invalid(path, value, _VALUE_RULE)


def selector_problems(selector: Json, path: FieldPath) -> Iterator[Problem]:
    """What is wrong with a label selector; that it is empty is for the caller to judge."""
    reader = Reader(selector)
    yield from label_problems(reader.texts("matchLabels"), path / "matchLabels")
    for index, expression in enumerate(reader.objects("matchExpressions")):
        yield from _expression_problems(expression, path / "matchExpressions" / index)


def _expression_problems(expression: Reader, path: FieldPath) -> Iterator[Problem]:
    operator, values = expression.text("operator"), expression.list("values")
    match operator:
        case "In" | "NotIn":
            if not values:
                yield required(
                    path / "values", "must be specified when `operator` is 'In' or 'NotIn'"
                )
        case "Exists" | "DoesNotExist":
            if values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                yield forbidden(path / "values", detail)
        case _:
            yield invalid(path / "operator", operator, "not a valid selector operator")
    if not is_qualified_name(expression.text("key")):
        yield invalid(path / "key", expression.text("key"), _NAME_RULE)
    for index, value in enumerate(values):
        if not isinstance(value, str) or (value and not _NAME.fullmatch(value)):
            yield invalid(path / "values" / index, value, _VALUE_RULE)
