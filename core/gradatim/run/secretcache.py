"""Secrets, read when a measurement needs them and forgotten within seconds.

In: a reader of Secrets. Out: their decoded texts, the same ones for all measurements of a few seconds.
`run/measuring.py` reads arguments' and providers' Secrets through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from gradatim.run.shared import Shared

Texts = Mapping[str, str]


class SecretReader(Protocol):
    """Where Secrets are read."""

    async def __call__(self, namespace: str, name: str) -> Texts | None:
        """The Secret's texts, decoded, or None where there is no such Secret.

        Raises:
            KubeError: the API server did not answer, or does not let us.
        """
        ...


class SecretCache:
    """Keeps what was read for `seconds`, and asks once for what several wait for.

    Secrets are not watched: that would keep every Secret of the cluster in memory, and need the right to list them.
    """

    def __init__(
        self, read: SecretReader, clock: Callable[[], float], seconds: float = 5.0
    ) -> None:
        self._read = read
        self._kept: Shared[tuple[str, str], Texts | None] = Shared(clock, seconds)

    async def __call__(self, namespace: str, name: str) -> Texts | None:
        """The Secret's texts, None where there is no such Secret. Raises as the reader does."""
        return await self._kept.get((namespace, name), lambda: self._read(namespace, name))
