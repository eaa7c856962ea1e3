"""Where `gradatim measure` takes Secrets from: the command line, else a cluster that is asked when one is needed.

In: `NAME.KEY=@FILE`, a kubeconfig. Out: a reader of Secrets, as the controller has one.
Called by the command. What is read here is never printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ...errors import SetupError
from ...kube.client import Client
from ...kube.login import LoginOptions, login
from ...run.secrets import Secrets as InCluster

_LARGEST: Final = 1024 * 1024  # a Secret may have no more
_STDIN: Final = "-"

Texts = Mapping[str, str]


def given_secrets(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Keys and texts by the name of their Secret, of `NAME.KEY=@FILE` or, for names with dots, `NAME/KEY=@FILE`.

    Raises:
        SetupError: one is something else, or its file cannot be read.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        place, _, source = text.partition("=")
        name, _, key = place.partition("/" if "/" in place else ".")
        if not name or not key or not source.startswith("@"):
            # Not repeated: it may be the secret itself, which does not belong on a command line.
            raise SetupError("--secret: must be NAME.KEY=@FILE, the key's text in a file")
        found.setdefault(name, {})[key] = _read(source[1:], place)
    return found


def _read(file: str, place: str) -> str:
    try:
        if file == _STDIN:
            text = sys.stdin.read(_LARGEST + 1)
        else:
            with Path(file).open(encoding="utf-8") as opened:
                text = opened.read(_LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SetupError(f"--secret {place}: {file}: cannot be read: {reason}") from None
    if len(text) > _LARGEST:
        raise SetupError(f"--secret {place}: {file}: is larger than a Secret may be")
    # An editor ends a file with a line break, which a Secret has not.
    return text.removesuffix("\n").removesuffix("\r")


class Cluster:
    """Secrets of a cluster, which is logged in to when the first one is needed.

    A cluster that the command line names must be there. One that is only the usual may be missing: then there are no
    Secrets in it, and `absence` says why.
    """

    def __init__(self, kubeconfig: str | None, context: str | None) -> None:
        self._options = LoginOptions(kubeconfig, context)
        self._must_be = bool(kubeconfig or context)
        self._client: Client | None = None
        self.absence = ""

    async def read(self, namespace: str, name: str) -> Texts | None:
        """The Secret's texts; None where there is no such Secret.

        Raises:
            SetupError: the cluster that was named cannot be reached.
            KubeError: it does not let us read the Secret.
        """
        client = await self.client()
        return await InCluster(client)(namespace, name) if client else None

    async def client(self) -> Client | None:
        """The API client; None where there is no cluster.

        Raises:
            SetupError: the cluster that was named cannot be reached.
        """
        if self._client is None and not self.absence:
            try:
                self._client = Client(await login(self._options))
            except SetupError as error:
                if self._must_be:
                    raise
                self.absence = str(error)
        return self._client

    async def aclose(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            await self._client.aclose()


class Secrets:
    """Reads Secrets: those of the command line, whatever the namespace, before those of the cluster."""

    def __init__(self, given: Mapping[str, Texts], cluster: Cluster) -> None:
        self._given = given
        self.cluster = cluster

    async def __call__(self, namespace: str, name: str) -> Texts | None:
        """The Secret's texts; None where there is no such Secret. Raises as `Cluster.read` does."""
        if name in self._given:
            return self._given[name]
        return await self.cluster.read(namespace, name)
