"""`gradatim sim`: a Kubernetes API to play with, in this process.

In: a port and how fast pods are. Out: an API server on loopback until it is interrupted, and a kubeconfig for it.
Called from the command line; `gradatim.sim` does the work.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gradatim.sim import SimSettings


@click.command("sim")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6440,
    show_default=True,
    help="0: any free port.",
)
@click.option(
    "--kubeconfig",
    "kubeconfig_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("sim.kubeconfig"),
    show_default=True,
    help="Where to write a kubeconfig for this cluster.",
)
@click.option(
    "--ready-after",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Seconds until a pod is ready.",
)
@click.option(
    "--gone-after",
    type=click.FloatRange(0),
    default=0.5,
    show_default=True,
    help="Seconds until a deleted pod is gone.",
)
@click.option(
    "--mesh-lag",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Seconds until the mesh has learnt of a change.",
)
def sim_command(
    port: int, kubeconfig_path: Path, ready_after: float, gone_after: float, mesh_lag: float
) -> None:
    """Run an embedded Kubernetes API for trials and demonstrations.

    It has ReplicaSets, Deployments, Jobs, Services and pods that become ready, and it serves Rollouts, AnalysisRuns and
    Istio's objects, but runs no container. Everything is gone when it ends.
    """
    # not at the top: --help is to be quick
    from gradatim.sim import SimSettings

    settings = SimSettings(ready_after=ready_after, gone_after=gone_after, mesh_lag=mesh_lag)
    try:
        asyncio.run(_run(settings, port, kubeconfig_path.absolute()))
    except OSError as exc:
        raise click.ClickException(f"cannot serve: {exc}") from exc


async def _run(settings: SimSettings, port: int, kubeconfig_path: Path) -> None:
    from gradatim.sim import Sim
    from gradatim.sim.kubeconfig import write_kubeconfig

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Sim(settings) as sim:
        url = await sim.serve(port)
        write_kubeconfig(kubeconfig_path, url)
        click.echo(f"An embedded Kubernetes answers at {url}. In another terminal:")
        click.echo(f"  export KUBECONFIG={kubeconfig_path}")
        click.echo("  kubectl get namespaces")
        click.echo("It ends with Ctrl-C, and nothing of it stays.")
        await stopped.wait()
