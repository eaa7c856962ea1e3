"""What holds for all tests of commands: how a command has set up its log is forgotten after the test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def as_quiet_as_before() -> Iterator[None]:
    """`gradatim run` sets levels and handlers for its process, which here is that of all other tests too."""
    loggers = [logging.getLogger(name) for name in ("", "gradatim", "kubernetes")]
    before = [(each, each.level, each.handlers[:]) for each in loggers]
    yield
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers
