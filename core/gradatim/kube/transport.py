"""The seam between our client and an API server: one request, one stream.

In: method, path and body as plain JSON values. Out: status, headers and body as plain JSON values.
`client.py` is the only caller. `login.py` makes the transport of a real cluster; `gradatim.sim` has one that needs no
socket. Only built-in types cross the seam, so that neither side imports the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias

#: A JSON object as it came from the API server. Shared and never mutated by its readers.
Json: TypeAlias = dict[str, Any]

#: status code, response headers (lower-case names), decoded JSON body (an empty dict where there was none)
Answer: TypeAlias = tuple[int, Mapping[str, str], Json]


class Transport(Protocol):
    """Carries requests to one API server."""

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        body: object | None,
        content_type: str,
        timeout: float,
    ) -> Answer:
        """Send one request and read its whole answer.

        An answer of any status is returned, not raised. `timeout` is in seconds. A body that is no JSON
        object comes as an object with its text in `message`.

        Raises:
            ConnectionRefusedError: nothing was sent, so that even a write may be sent again.
            OSError or TimeoutError: no answer came; a write may or may not have been carried out.
        """
        ...

    def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AbstractAsyncContextManager[tuple[int, AsyncIterator[Json]]]:
        """Open a watch: its status code and its decoded lines.

        With a status other than 200 the iterator yields the one Status object of the answer.
        The iterator ends when the server closes the stream; a line that broke off is left out.

        Raises:
            OSError or TimeoutError: no answer came, or nothing was read for `idle` seconds.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...
