"""The record of writes: who wrote what, how often, and in which order.

In: each write that a client sends. Out: counts by user agent, verb and resource, and the latest writes one by one.
Filled by `api.py`; read by benchmarks and tests, to print the API writes per Rollout and to check their order.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

#: How many writes are remembered one by one.
REMEMBERED = 100_000


class Write(NamedTuple):
    """One write: seconds since the start, the client, the verb, what it was about and the answer's status code.

    `resource` is the resource's name, with the subresource after a slash: `rollouts.argoproj.io/status`.
    """

    at: float
    user_agent: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int


class Writes:
    """All writes of clients. Reads, and the work of the cluster's own controllers, are not counted."""

    def __init__(self) -> None:
        self.latest: deque[Write] = deque(maxlen=REMEMBERED)
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, write: Write) -> None:
        """Record a write."""
        self.latest.append(write)
        self._counts[write.user_agent, write.verb, write.resource] += 1

    def count(self, user_agent: str = "", verb: str = "", resource: str = "") -> int:
        """Return how many writes there were with these traits; an empty one is any."""
        wanted = (user_agent, verb, resource)
        return sum(
            number
            for traits, number in self._counts.items()
            if all(not want or want == trait for want, trait in zip(wanted, traits, strict=True))
        )

    def by_resource(self, user_agent: str = "") -> dict[str, int]:
        """Return the counts under `verb resource`, the largest first."""
        totals: Counter[str] = Counter()
        for (agent, verb, resource), number in self._counts.items():
            if not user_agent or agent == user_agent:
                totals[f"{verb} {resource}"] += number
        return dict(totals.most_common())

    def clear(self) -> None:
        """Forget everything, for instance when the part to be measured begins."""
        self.latest.clear()
        self._counts.clear()
