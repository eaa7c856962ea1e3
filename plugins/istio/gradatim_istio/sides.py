"""Who stands behind a destination: canary, stable, an experiment, or somebody else.

In: the short host and the subset of a destination. Out: a `Side`. Pure.
Called by `routes` for each destination that it reads.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from gradatim.plugin import Wanted

from .config import DestinationRuleBlock


class Side(enum.Enum):
    """To whom a destination belongs."""

    CANARY = "canary"
    STABLE = "stable"
    EXPERIMENT = "experiment"
    ADDITIONAL = "additional"  #: a subset of `additionalSubsetNames`; its weight is its author's
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Sides:
    """By what the destinations are told apart. A subset counts before a host.

    The reference asks for the host first, so that a Rollout with Services *and* subsets of one host
    took both of its destinations for the canary.
    """

    canary_service: str
    stable_service: str
    rule: DestinationRuleBlock | None
    experiments: Mapping[str, int]

    @classmethod
    def of(cls, wanted: Wanted, rule: DestinationRuleBlock | None) -> Sides:
        """The sides of a wanted state."""
        return cls(wanted.canary.service, wanted.stable.service, rule, experiments(wanted))

    def side(self, host: str, subset: str) -> Side:
        """Whose destination this is. `host` is the short one, and never empty."""
        if self.rule and subset:
            if subset == self.rule.canary_subset:
                return Side.CANARY
            if subset == self.rule.stable_subset:
                return Side.STABLE
            if subset in self.rule.additional_subsets:
                return Side.ADDITIONAL
        if host == self.canary_service:
            return Side.CANARY
        if host == self.stable_service:
            return Side.STABLE
        return Side.EXPERIMENT if host in self.experiments else Side.FOREIGN


def experiments(wanted: Wanted) -> dict[str, int]:
    """The weights of an experiment's Services. One that is the canary's or stable is none."""
    own = ("", wanted.canary.service, wanted.stable.service)
    return {more.service: more.weight for more in wanted.additional if more.service not in own}
