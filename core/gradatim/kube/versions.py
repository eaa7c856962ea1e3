"""Compares resource versions, where that can be done.

In: two resource versions as strings. Out: whether one is at least the other, or None for "cannot say".
`cache.py` uses it to see whether it has caught up with our own writes.
"""

from __future__ import annotations


def at_least(version: str, other: str) -> bool | None:
    """Is `version` the same as `other`, or later? None where they cannot be compared.

    Kubernetes 1.35 documents that versions of one kind of object compare as decimal integers, which is how
    etcd has always made them. Other stores may use any text: equal is all that can be known of it.
    """
    if version == other:
        return True
    if is_decimal(version) and is_decimal(other):
        return int(version) >= int(other)
    return None


def is_decimal(version: str) -> bool:
    """Is it a positive integer as an API server writes it: digits, and no leading zero?"""
    return version.isascii() and version.isdecimal() and version[0] != "0" and len(version) < 64
