"""Points of time in a provider's block, such as the start and the end of a range query.

In: expressions by the path of their field, and `now`. Out: times under the same paths.
The measuring calls it before it asks the provider; `validate/` has read the same expressions before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gradatim.expr import ExprError, evaluate_time
from gradatim.plugin import FieldPath, ProviderError


def resolve_times(expressions: Mapping[FieldPath, str], now: datetime) -> dict[FieldPath, datetime]:
    """What the expressions give at `now`, aware and UTC.

    Raises:
        ProviderError: one cannot be evaluated, or gives no time.
    """
    times = {}
    for path, source in expressions.items():
        try:
            times[path] = evaluate_time(source, now=now)
        except ExprError as error:
            shown = " ".join(f"{path}: {error.message}".split())
            field = str(path.parts[0]) if path.parts else ""
            raise ProviderError(f"could not evaluate {shown}", field=field) from None
    return times
