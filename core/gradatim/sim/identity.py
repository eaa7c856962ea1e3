"""Names, uids and addresses, the same in every run with the same seed.

In: a seed. Out: the next uid, name suffix or address.
Used by the verbs and by the controllers; the order of the asking decides, so a virtual history can be played again.
"""

from __future__ import annotations

import hashlib
import uuid

#: The letters of generated names: no vowels and no look-alikes, as in the real API server.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5


class Identity:
    """Hands out what has to be unique in the cluster."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._uids = 0
        self._suffixes = 0
        self._addresses = {"pod": 0, "service": 0}

    def uid(self) -> str:
        """Return the next uid."""
        self._uids += 1
        digest = hashlib.blake2b(f"{self._seed}/uid/{self._uids}".encode(), digest_size=16)
        return str(uuid.UUID(bytes=digest.digest(), version=4))

    def suffix(self) -> str:
        """Return the next suffix for a generated name."""
        self._suffixes += 1
        return letters(f"{self._seed}/name/{self._suffixes}", _SUFFIX_LENGTH)

    def pod_address(self) -> str:
        """Return the next address for a pod."""
        return self._address("pod", 10, 1)

    def service_address(self) -> str:
        """Return the next cluster address for a Service."""
        return self._address("service", 10, 128)

    def _address(self, kind: str, first: int, second: int) -> str:
        self._addresses[kind] += 1
        rest, last = divmod(self._addresses[kind], 250)
        return f"{first}.{second + rest // 250 % 120}.{rest % 250}.{1 + last}"


def letters(text: str, length: int) -> str:
    """Return a hash of `text` in the letters of generated names."""
    digest = hashlib.blake2b(text.encode(), digest_size=length).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest)
