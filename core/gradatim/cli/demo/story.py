"""The two stories: a good release that is promoted, and a bad one that is taken back by itself.

In: a stage. Out: chapters to show, and whether both ended as they should.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .stage import Stage

#: Seconds that a chapter may take.
PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Story:
    """One release: what is released, and how it must end."""

    title: str
    image: str
    ends: str
    verdict: str


STORIES: Final = (
    Story(
        "A good release: shop:1.1",
        "shop:1.1",
        "Healthy",
        "promoted: shop:1.1 serves everybody",
    ),
    Story(
        "A bad release: shop:1.2-broken",
        "shop:1.2-broken",
        "Degraded",
        "rolled back by itself: shop:1.1 serves everybody again",
    ),
)


class WrongEnd(Exception):
    """A story did not end as it should."""


async def first_deployment(stage: Stage) -> None:
    """Wait until the shop is open."""
    await _until(lambda: stage.status.get("phase") == "Healthy" and stage.has_seen_spec, stage)


async def play(stage: Stage, story: Story) -> None:
    """Release the story's image and wait for its end.

    Raises:
        WrongEnd: it ended otherwise, or not in time.
    """
    expected = story.image if story.ends == "Healthy" else stage.stable_image
    stage.release(story.image)
    await _until(lambda: _has_ended(stage), stage)
    await _until(lambda: _is_at_rest(stage), stage)
    phase, image = stage.status.get("phase"), stage.stable_image
    shares = {v.image: v.share for v in stage.versions()}
    if (phase, image) != (story.ends, expected) or shares.get(expected, 0.0) < 0.999:
        raise WrongEnd(f"{story.title}: ended {phase} with {image}, requests go to {shares}")


def _has_ended(stage: Stage) -> bool:
    return stage.has_seen_spec and stage.status.get("phase") in ("Healthy", "Degraded")


def _is_at_rest(stage: Stage) -> bool:
    """All requests are at one revision, and no other has pods."""
    return len(stage.versions()) == 1


async def _until(is_so: Callable[[], bool], stage: Stage) -> None:
    try:
        await stage.sim.until(is_so, within=PATIENCE)
    except TimeoutError:
        status = stage.status
        raise WrongEnd(
            f"not over after {PATIENCE:.0f} s: {status.get('phase')} - {status.get('message')}"
        ) from None
