"""Goes in: the kind of expression and the type of its result. Comes out: the names that it knows.
Called by the checker and the evaluator, which both ask which environment they are in.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradatim.expr.signatures import ENVIRONMENT, TIME_ENVIRONMENT, Signature
from gradatim.expr.types import UNKNOWN, Type


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables and functions that an expression may name, beside the language's own."""

    variables: dict[str, Type]
    functions: dict[str, Signature]

    def knows(self, name: str) -> bool:
        """The environment itself defines this name."""
        return name in self.variables or name in self.functions


def condition_environment(result: Type = UNKNOWN) -> Environment:
    """What a successCondition or failureCondition sees when the result is of this type."""
    return Environment({"result": result}, ENVIRONMENT)


TIME = Environment({}, TIME_ENVIRONMENT)
"""What the start and end of a Prometheus range see."""
