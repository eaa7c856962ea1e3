"""Cuts a byte stream into lines of JSON, as a watch sends them.

In: chunks of bytes, however the network cut them. Out: one dict a line.
`cluster.py` reads watches with it; the simulator's HTTP tests may too.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator

from gradatim.kube.transport import Json

#: etcd's objects are 1.5 MiB at most; a line longer than this is no Kubernetes object
LONGEST_LINE = 16 * 2**20


async def json_lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[Json]:
    """The decoded lines. A last line without its end is dropped: the stream broke in it.

    Raises:
        OSError: a line is no JSON object, or longer than LONGEST_LINE.
    """
    pending: list[bytes] = []
    length = 0
    async for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            entire = b"".join([*pending, line])
            pending, length = [], 0
            if entire.strip():
                yield decoded(entire)
        pending.append(rest)
        length += len(rest)
        if length > LONGEST_LINE:
            raise OSError("the API server sent a line that is too long")


def decoded(line: bytes) -> Json:
    """One line as a dict. Raises OSError when it is none."""
    try:
        value = json.loads(line)
    except ValueError as error:
        raise OSError("the API server sent a line that is no JSON") from error
    if not isinstance(value, dict):
        raise OSError("the API server sent a line that is no JSON object")
    return value
