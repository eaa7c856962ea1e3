"""The roots of our error tree: what ends the process, and what ends one object's pass.

Raised everywhere; caught at the border of a room, where foreign exceptions are translated `from exc`.
Outcomes (Failed, Inconclusive, Paused, Aborted, not verified) are values and never exceptions.
"""

from __future__ import annotations


class GradatimError(Exception):
    """Anything that Gradatim raises on purpose. Its text is one line and holds no secret."""


class SetupError(GradatimError):
    """The operator's to fix. It ends the process with its one line and exit code 2."""


class PluginError(SetupError):
    """A plugin cannot be used: broken, incompatible, or at odds with another one."""

    def __init__(self, message: str, *, plugin: str, distribution: str = "", version: str = ""):
        super().__init__(message)
        self.plugin = plugin
        self.distribution = distribution
        self.version = version
