"""Ping-pong: two Services that are stable in turn, so that the one with all requests never changes its pods.

In: a Rollout, by whose status one of them is stable. Out: its strategy with the names of both parts filled in.
Read by all that asks for the stable or the canary Service. §2.10 and §5.1 of the reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..model.canary import Canary
from ..model.reading import Reader
from ..model.rollout import Rollout
from .progress import is_promoted

PING: Final = "ping"
PONG: Final = "pong"


def with_services(rollout: Rollout, canary: Canary) -> Canary:
    """The strategy with the Services of this moment: of ping and pong where it names no others itself."""
    if not canary.ping_pong:
        return canary
    block = Reader(canary.raw).object("pingPong")
    stable, other = block.text("pongService"), block.text("pingService")
    if rollout.status.stable_ping_pong == PING:
        stable, other = other, stable
    return replace(
        canary,
        stable_service=canary.stable_service or stable,
        canary_service=canary.canary_service or other,
    )


def flipped(stable: str) -> str:
    """Which one is stable after a promotion; pong is before the first one."""
    return PONG if stable == PING else PING


def alternates(rollout: Rollout) -> bool:
    """A router leaves one of ping and pong without requests between releases.

    Without routing nothing but its selector keeps requests from the pods of an earlier revision.
    """
    canary = rollout.canary
    if canary is None or not canary.ping_pong or canary.routing is None:
        return False
    return not canary.canary_service


def rests(rollout: Rollout) -> bool:
    """No release is under way, and the Service that is not stable waits for the next one where it is."""
    return alternates(rollout) and is_promoted(rollout)
