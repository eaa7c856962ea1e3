"""Keeps what must never end at work: watches, the writer of events, the regular look at everything.

In: a way to begin it. Out: a task's body that ends only when it is cancelled. `controller.py` uses it.
A watch that died of a mistake of ours would leave a cache that is never right again, and nobody would be told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger(__name__)

#: Seconds until it is begun again.
_PAUSE: Final = 5.0


async def supervised(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work`, and begin it again whenever it ends."""
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            log.exception("%s was cancelled from within; beginning again in %.0f s", name, _PAUSE)
        except Exception:
            log.exception("%s ended; beginning again in %.0f s", name, _PAUSE)
        await asyncio.sleep(_PAUSE)
