"""Clusters in which routers keep their objects, where that is not the one of the Rollouts: Istio's config cluster.

In: the labels that routers name, and the Secrets of the controller's namespace. Out: a client for each API group that
is elsewhere. `cli/run.py` asks at start, `routeobjects.py` and the applier use the clients.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Mapping

from ..errors import SetupError
from ..kube.client import Client
from ..kube.errors import Forbidden
from ..kube.resources import SECRETS, Resource, Selection
from ..model.reading import Json, Reader

log = logging.getLogger(__name__)

#: Connects to the cluster of a kubeconfig's text; the second is what messages call it.
Connect = Callable[[str, str], Awaitable[Client]]


class Clusters:
    """Which client reaches which kind.

    Args:
        here: of the cluster that the Rollouts are in.
        elsewhere: of others, by API group.
    """

    def __init__(self, here: Client, elsewhere: Mapping[str, Client] | None = None) -> None:
        self._here = here
        self._elsewhere = dict(elsewhere or {})

    def of(self, resource: Resource) -> Client:
        """The client for objects of that kind."""
        return self.of_group(resource.group)

    def of_group(self, group: str) -> Client:
        """The client for objects of that API group."""
        return self._elsewhere.get(group, self._here)

    async def aclose(self) -> None:
        """Leave the other clusters."""
        for client in self._elsewhere.values():
            await client.aclose()


async def other_clusters(
    client: Client, namespace: str, labels: Mapping[str, str], connect: Connect
) -> Clusters:
    """Find them, and connect.

    Args:
        labels: for each API group that of its Secret.

    Raises:
        SetupError: there are several such Secrets, or one that cannot be used: to go on without it would be to
            look for objects in the wrong cluster.
        KubeError: the Secrets could not be listed, for another reason than the lack of a right.
    """
    elsewhere = {}
    for group, label in labels.items():
        secret = await _secret(client, namespace, label)
        if secret is not None:
            named = f"Secret {namespace}/{Reader(secret).object('metadata').text('name')}"
            elsewhere[group] = await connect(_kubeconfig(secret, named), named)
            log.info("objects of %s are in the cluster of %s", group, named)
    return Clusters(client, elsewhere)


async def _secret(client: Client, namespace: str, label: str) -> Json | None:
    try:
        found = (await client.list(Selection(SECRETS, namespace, labels=label))).items
    except Forbidden as error:
        # the right is only needed where there is another cluster: see deploy/multicluster.yaml
        log.debug("no look for a Secret with %s: %s", label, error)
        return None
    if len(found) > 1:
        names = ", ".join(sorted(Reader(each).object("metadata").text("name") for each in found))
        raise SetupError(f"several Secrets in {namespace} have the label {label}: {names}")
    return found[0] if found else None


def _kubeconfig(secret: Json, named: str) -> str:
    """The text of the Secret's one key."""
    data = secret.get("data")
    values = list(data.values()) if isinstance(data, dict) else []
    if len(values) != 1:
        raise SetupError(f"{named} must have one key with a kubeconfig, and has {len(values)}")
    try:
        return base64.b64decode(str(values[0]), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise SetupError(f"{named}: its kubeconfig is no text") from None
