"""Asks the API server how a kind is served: its plural, and whether it lives in namespaces.

In: apiVersion and kind, as a manifest has them. Out: a `Resource`.
`run/` uses it for kinds that a router or a workloadRef names, such as Istio's.
"""

from __future__ import annotations

from gradatim.kube.client import Client
from gradatim.kube.errors import NotFound
from gradatim.kube.resources import BUILT_IN, Resource, group_path, split_api_version
from gradatim.kube.transport import Json


class Discovery:
    """Finds kinds and remembers those that it found, for as long as it lives.

    What was not found is asked for anew each time: the operator may install the CRD meanwhile.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known = {(each.api_version, each.kind): each for each in BUILT_IN}

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of that kind.

        Raises:
            NotFound: the API server does not serve it.
            Invalid: the apiVersion is none.
            KubeError: it could not be asked.
        """
        known = self._known.get((api_version, kind))
        if known is not None:
            return known
        path = group_path(*split_api_version(api_version))
        try:
            served = await self._client.fetch(path)
        except NotFound:
            served = {}
        for each in resources_of(served, api_version):
            self._known.setdefault((api_version, each.kind), each)
        found = self._known.get((api_version, kind))
        if found is None:
            raise NotFound(f"the API server does not serve {kind} of {api_version}", status=404)
        return found

    async def in_any_version(self, group: str, kind: str) -> Resource:
        """The resource of that kind in the version that the API server prefers of those that have it.

        Raises:
            NotFound: it serves none.
            KubeError: it could not be asked.
        """
        for each in (await self._client.fetch(f"/apis/{group}")).get("versions") or ():
            try:
                return await self.resource(str(each.get("groupVersion")), kind)
            except NotFound:
                continue
        raise NotFound(f"the API server does not serve {kind} of {group}", status=404)


def resources_of(served: Json, api_version: str) -> list[Resource]:
    """The kinds in an APIResourceList, its subresources left out."""
    group, version = split_api_version(api_version)
    return [
        Resource(group, version, name, str(each.get("kind")), bool(each.get("namespaced")))
        for each in served.get("resources") or ()
        if (name := str(each.get("name"))) and "/" not in name
    ]
