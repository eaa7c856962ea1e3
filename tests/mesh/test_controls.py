"""The lab can fail: the same mesh, and the four writes in the order that the outages of users.md have.

No controller runs here: each scenario is the writes of the reference, as its users report them. One request at least
must be lost in each, or the other tests prove nothing.
"""

from __future__ import annotations

from meshlab import PROMPT, RULES_LATE, Lab, Open
from meshobjects import (
    HASH,
    NAME,
    PRIMARY,
    destination_rule,
    destinations,
    replica_set,
    service,
    virtual_service,
)


async def given(it: Lab, weight: int, new: int) -> None:
    """Four pods of `old`, some of `new`, and traffic split by subset."""
    it.create(
        service(NAME),
        destination_rule(stable="old", canary="new"),
        virtual_service(subsets=True, weight=weight),
        replica_set("old", 4),
        replica_set("new", new),
    )
    await it.sim.settle()
    await it.arrived()
    await it.visitors_come()


def move_weight(it: Lab, weight: int) -> None:
    route = {"name": PRIMARY, "route": destinations(subsets=True, weight=weight)}
    it.sim.patch("VirtualService", NAME, {"spec": {"http": [route]}})


def scale(it: Lab, name: str, replicas: int) -> None:
    it.sim.patch("ReplicaSet", f"{NAME}-{name}", {"spec": {"replicas": replicas}})


async def test_a_subset_that_moves_before_its_pods_are_there(lab: Open) -> None:
    """Row 1: another release in mid-rollout; the subset is moved to a ReplicaSet without pods."""
    async with lab(PROMPT, fails=True) as it:
        await given(it, weight=50, new=2)
        it.create(replica_set("newer", 0))
        spec = destination_rule(stable="old", canary="newer")["spec"]
        it.sim.patch("DestinationRule", NAME, {"spec": spec})
        scale(it, "newer", 2)
        await it.passes(2)


async def test_stable_that_goes_as_soon_as_the_weight_is_written(lab: Open) -> None:
    """Rows 2 and 3: the object is written, the proxies lag, and the pods are gone."""
    async with lab(RULES_LATE, fails=True) as it:
        await given(it, weight=50, new=4)
        move_weight(it, 100)
        scale(it, "old", 0)
        await it.passes(3)


async def test_an_abort_that_takes_the_pods_first(lab: Open) -> None:
    """Row 7: the canary's pods go while it still has its weight."""
    async with lab(PROMPT, fails=True) as it:
        await given(it, weight=50, new=2)
        scale(it, "new", 0)
        await it.passes(1)
        move_weight(it, 0)
        await it.passes(1)


async def test_a_selector_that_moves_to_pods_that_are_not_ready(lab: Open) -> None:
    """Row 14: a Service is switched before anybody stands behind it."""
    async with lab(PROMPT, fails=True, host=f"{NAME}-active") as it:
        it.create(
            service(f"{NAME}-active", **{HASH: "old"}),
            replica_set("old", 4),
        )
        await it.sim.settle()
        await it.visitors_come()
        it.create(replica_set("new", 4))
        it.sim.patch("Service", f"{NAME}-active", {"spec": {"selector": {HASH: "new"}}})
        await it.passes(2)
