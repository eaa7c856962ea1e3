"""The objects of routers where the API server does not let us see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gradatim.kube.client import Client
from gradatim.kube.errors import Forbidden
from gradatim.kube.transport import Answer, Json
from gradatim.plugin import ObjectRef
from gradatim.run.routeobjects import RouteObjects

GROUP = "/apis/networking.istio.io/v1"
REF = ObjectRef("networking.istio.io/v1", "VirtualService", "shop", "web")


class Locked:
    """Tells which kinds there are, and no more."""

    async def send(self, method: str, path: str, **_: Any) -> Answer:
        if path == GROUP:
            kinds = [{"name": "virtualservices", "kind": "VirtualService", "namespaced": True}]
            return 200, {}, {"kind": "APIResourceList", "resources": kinds}
        message = 'virtualservices is forbidden: User "gradatim" cannot list them'
        body = {"kind": "Status", "reason": "Forbidden", "code": 403, "message": message}
        return 403, {}, body

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AsyncIterator[tuple[int, AsyncIterator[Json]]]:
        raise OSError("nothing to stream")
        yield

    async def aclose(self) -> None:
        pass


async def test_a_missing_right_is_told_in_the_servers_words_the_first_time_and_the_next() -> None:
    objects = RouteObjects(Client(Locked()), "shop", lambda _: None)
    try:
        for _ in range(2):
            with pytest.raises(Forbidden, match=r'cannot watch .*User "gradatim" cannot list them'):
                await objects.get(REF)
    finally:
        await objects.aclose()
