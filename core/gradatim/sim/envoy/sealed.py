"""TLS on a connection whose first byte says whether it is wanted: a pod's own end of it, behind a proxy.

In: bytes as they come and as they shall go. Out: the same without and with TLS. Used by `backends.py`.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Final

#: How a client begins: a record with a handshake in it.
HANDSHAKE: Final = b"\x16"


class Sealed:
    """One connection. `is_over`: the client has said good-bye, and waits for ours."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_side=True)
        self._is_open = False
        self.is_over = False

    def opened(self, data: bytes) -> tuple[bytes, bytes]:
        """What the client said, and what must be sent for it to go on.

        Raises:
            ssl.SSLError: this is no TLS, or the client does not trust us.
        """
        self._came.write(data)
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
            said = self._tls.read()
            self.is_over = not said
        except ssl.SSLWantReadError:
            said = b""
        if self.is_over:
            with suppress(ssl.SSLError):
                self._tls.unwrap()
        return said, self._goes.read()

    def closed(self, data: bytes) -> bytes:
        """What has to be sent for the client to read this."""
        self._tls.write(data)
        return self._goes.read()
