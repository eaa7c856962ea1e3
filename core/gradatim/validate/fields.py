"""The fields of the Rollout that arguments of its analyses name.

In: a Rollout and the block of one of its analyses. Out: Problems for those that can never be read.
Called by the rules of both strategies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.plugin import FieldPath, Problem

from .analysis import resolved_arguments
from .wording import invalid

_UNSUPPORTED: Final = (
    "Analyses arguments must refer to valid object metadata supported by downwardAPI"
)
#: Fields that somebody else may write later: the controller, and an autoscaler.
_LATER: Final = re.compile(r"[.\[\]]*(status\b|spec[.\[\]]+replicas\b)")


def argument_problems(rollout: Rollout, block: Json, path: FieldPath) -> Iterator[Problem]:
    """S46, for every analysis and every field. The reference looks at metadata only, and at steps only."""
    for index, arg in enumerate(Reader(block).objects("args")):
        field = arg.object("valueFrom").object("fieldRef").text("fieldPath")
        if not field or _LATER.match(field):
            continue
        _, problems = resolved_arguments(rollout, [dict(arg.raw)])
        where = path / "args" / index / "valueFrom" / "fieldRef" / "fieldPath"
        for problem in problems:
            of_metadata = field.startswith("metadata")
            yield invalid(where, field, _UNSUPPORTED if of_metadata else problem.message)
