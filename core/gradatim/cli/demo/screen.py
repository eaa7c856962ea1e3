"""What a spectator of the demo sees: a live picture in a terminal, plain lines elsewhere.

In: a stage. Out: text. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .stage import Stage, Version

BAR: Final = 40
_SHOWN_EVENTS: Final = 9
_COLOURS: Final = ("cyan", "green", "magenta", "yellow")


class Screen(Protocol):
    """Where the demo is shown."""

    async def follow(self, stage: Stage) -> None:
        """Show the stage until cancelled."""
        ...

    def say(self, text: str) -> None:
        """Tell something."""
        ...


def screen_for(console: Console) -> Screen:
    """A live picture where there is a terminal, else lines."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """One line for each change."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0
        self._last = ""

    async def follow(self, stage: Stage) -> None:
        """Print events and changes of the split as they come."""
        while True:
            self._events(stage)
            line = _line(stage)
            if line != self._last and stage.visitors.is_open:
                self._last = line
                self.say(line)
            await asyncio.sleep(0.2)

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _events(self, stage: Stage) -> None:
        for event in stage.told[self._told :]:
            self.say(f"  {event}")
        self._told = len(stage.told)


class LiveScreen:
    """A picture that is drawn anew ten times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._heading = ""

    async def follow(self, stage: Stage) -> None:
        """Draw until cancelled, and leave the last picture."""
        with Live(console=self._console, refresh_per_second=10, transient=True) as self._live:
            while True:
                self._live.update(self._picture(stage))
                await asyncio.sleep(0.1)

    def say(self, text: str) -> None:
        """Print a line above the picture."""
        self._heading = text
        (self._live.console if self._live else self._console).print(Text(text, style="bold"))

    def _picture(self, stage: Stage) -> RenderableType:
        status = stage.status
        versions = stage.versions()
        phase = f"{status.get('phase', '')}  {status.get('message', '')}"
        step = f"step {status.get('currentStepIndex', 0)}/5"
        parts: list[RenderableType] = [
            Text.assemble(("traffic ", "dim"), _bar(versions), f"  canary weight {stage.weight} %"),
            _table(versions),
            Text(f"metric  {_values(stage)}"),
            Text(f"rollout {step}  {phase}", overflow="ellipsis", no_wrap=True),
            Text(),
        ]
        parts += [
            Text(event, style="dim", overflow="ellipsis", no_wrap=True)
            for event in stage.told[-_SHOWN_EVENTS:]
        ]
        return Panel(Group(*parts), title=self._heading or "gradatim demo", title_align="left")


def _line(stage: Stage) -> str:
    shares = ", ".join(
        f"{v.image} {v.share:.0%} of requests on {_pods(v.ready)}" for v in stage.versions()
    )
    return f"  [{_plain_bar(stage.versions())}] weight {stage.weight} %: {shares}{_metric(stage)}"


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _metric(stage: Stage) -> str:
    values = _values(stage)
    return f"; measured {values}" if values else ""


def _values(stage: Stage) -> str:
    return " ".join(stage.measurements())


def _bar(versions: list[Version]) -> Text:
    bar = Text()
    for index, version in enumerate(versions):
        bar.append("█" * round(version.share * BAR), style=_COLOURS[index % len(_COLOURS)])
    return bar


def _plain_bar(versions: list[Version]) -> str:
    return "".join("#=+*"[i % 4] * round(v.share * 20) for i, v in enumerate(versions)).ljust(20)


def _table(versions: list[Version]) -> Table:
    table = Table.grid(padding=(0, 2))
    for index, version in enumerate(versions):
        rate = "" if version.success is None else f"{version.success:.1%} good answers"
        table.add_row(
            Text(version.image, style=_COLOURS[index % len(_COLOURS)]),
            _pods(version.ready),
            f"{version.share:.0%} of requests",
            rate,
        )
    return table
