"""Who visits the shop: what the stage, the screen and the metric want to know of it.

In: a cluster. Out: requests by pod hash. `shop.py` has visitors of the built-in mesh, `envoyshop.py` those who really
ask.
"""

from __future__ import annotations

from typing import Final, Protocol

#: Requests a second.
RATE: Final = 500

#: The share of requests that succeed, by what the image's name ends in.
GOOD: Final = 0.998
BAD: Final = 0.74


class Visitors(Protocol):
    """What is counted of the requests."""

    @property
    def total(self) -> float:
        """Requests since the shop opened."""
        ...

    @property
    def lost(self) -> float:
        """Those of them that reached no pod."""
        ...

    @property
    def is_open(self) -> bool:
        """There was a moment at which all were answered."""
        ...

    async def visit(self) -> None:
        """Visit until cancelled."""
        ...

    def rates(self) -> dict[str, float]:
        """Requests a second by pod hash, of late; none before the shop has opened."""
        ...

    def success_rate(self, pod_hash: str) -> float | None:
        """The share of good answers in the metric's window; None without a request."""
        ...


def quality(image: str) -> float:
    """The share of requests that an image answers well."""
    return BAD if image.endswith("-broken") else GOOD
