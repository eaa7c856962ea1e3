"""What a spectator of the demo sees: a live picture in a terminal, plain lines elsewhere.

In: a stage. Out: text. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .stage import Stage, Version

BAR: Final = 40
#: The share of requests by which a line must differ to be printed: those that are counted waver by themselves.
_NEWS: Final = 0.08
_SHOWN_EVENTS: Final = 9
_COLOURS: Final = ("cyan", "green", "magenta", "yellow")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a line tells: the canary's weight, the versions and what the metric measured."""

    weight: int
    versions: tuple[Version, ...]
    measured: tuple[str, ...]

    def is_news_after(self, last: Picture) -> bool:
        """Tell whether it differs enough to be told."""
        now = (self.weight, self.measured, [(v.image, v.ready) for v in self.versions])
        then = (last.weight, last.measured, [(v.image, v.ready) for v in last.versions])
        if now != then:
            return True
        pairs = zip(self.versions, last.versions, strict=True)
        return any(abs(v.share - w.share) >= _NEWS for v, w in pairs)

    def line(self) -> str:
        """It as one line."""
        parts = ", ".join(f"{v.image} {_rate(v)} on {_pods(v.ready)}" for v in self.versions)
        measured = f"; measured {' '.join(self.measured)}" if self.measured else ""
        return f"  [{_plain_bar(self.versions)}] weight {self.weight} %: {parts}{measured}"


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
        self._last = Picture(-1, (), ())

    async def follow(self, stage: Stage) -> None:
        """Print events and changes of the split as they come."""
        while True:
            self._events(stage)
            picture = Picture(stage.weight, tuple(stage.versions()), tuple(stage.measurements()))
            if stage.visitors.is_open and picture.is_news_after(self._last):
                self._last = picture
                self.say(picture.line())
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


def _rate(version: Version) -> str:
    if version.success is None or not version.rate:
        return f"{version.rate:.0f}/s"
    return f"{version.rate:.0f}/s ({1 - version.success:.1%} errors)"


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _values(stage: Stage) -> str:
    return " ".join(stage.measurements())


def _bar(versions: Sequence[Version]) -> Text:
    bar = Text()
    for index, version in enumerate(versions):
        bar.append("█" * round(version.share * BAR), style=_COLOURS[index % len(_COLOURS)])
    return bar


def _plain_bar(versions: Sequence[Version]) -> str:
    return "".join("#=+*"[i % 4] * round(v.share * 20) for i, v in enumerate(versions)).ljust(20)


def _table(versions: Sequence[Version]) -> Table:
    table = Table.grid(padding=(0, 2))
    for index, version in enumerate(versions):
        errors = "" if version.success is None else f"{1 - version.success:.1%} errors"
        table.add_row(
            Text(version.image, style=_COLOURS[index % len(_COLOURS)]),
            _pods(version.ready),
            f"{version.rate:.0f} requests/s",
            f"{version.share:.0%}",
            errors,
        )
    return table
