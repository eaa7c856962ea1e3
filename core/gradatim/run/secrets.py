"""Reads Secrets for measurements, and nothing else of the cluster.

In: a namespace and a name. Out: the Secret's decoded texts, or None. `secretcache.py` keeps them for seconds.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from ..kube.client import Client
from ..kube.errors import NotFound
from ..kube.resources import SECRETS


class Secrets:
    """A reader of Secrets."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The Secret's texts; None where there is no such Secret. Keys that are no text are left out.

        Raises:
            KubeError: no answer, or no right to read it.
        """
        try:
            secret = await self._client.get(SECRETS.at(namespace, name))
        except NotFound:
            return None
        return texts_of(secret.get("data"))


def texts_of(data: object) -> Mapping[str, str]:
    """The decoded texts of a Secret's `data`."""
    texts = {}
    for key, value in data.items() if isinstance(data, dict) else ():
        try:
            texts[str(key)] = base64.b64decode(str(value), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return texts
