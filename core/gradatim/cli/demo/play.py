"""Plays the stories on the stage, with the screen following.

In: a screen, and where to write a kubeconfig if everything shall stay. Out: the stories told. Called by the command.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gradatim.sim.kubeconfig import write_kubeconfig

from .screen import Screen
from .stage import Stage
from .story import STORIES, first_deployment, play
from .visitors import RATE


async def tell(screen: Screen, mesh: str, kubeconfig: Path | None) -> None:
    """Tell both stories, with that mesh (see `Stage`).

    Raises:
        WrongEnd: one did not end as it should.
        SetupError: a plugin that the demo needs is not installed, or the Envoy that was asked for.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with Stage(mesh) as stage:
        screen.say(f"Mesh: {stage.mesh_told}.")
        async with _followed(screen, stage):
            screen.say(f"The shop opens with shop:1.0, {RATE} requests a second")
            await first_deployment(stage)
            for story in STORIES:
                screen.say(story.title)
                await play(stage, story)
                screen.say(f"  → {story.verdict}")
        visitors = stage.visitors
        screen.say(
            f"Both stories ended as they should, in {loop.time() - began:.0f} s. "
            f"{visitors.total:.0f} requests, {visitors.lost:.0f} of them met no pod."
        )
        if kubeconfig is not None:
            await _stay(screen, stage, kubeconfig)


@asynccontextmanager
async def _followed(screen: Screen, stage: Stage) -> AsyncIterator[None]:
    following = asyncio.create_task(screen.follow(stage))
    try:
        yield
        # the last events are on their way
        await asyncio.sleep(0.4)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _stay(screen: Screen, stage: Stage, kubeconfig: Path) -> None:
    server = await stage.sim.serve()
    write_kubeconfig(kubeconfig, server)
    screen.say(f"It goes on at {server}. Try:")
    screen.say(f"  kubectl --kubeconfig {kubeconfig} get rollouts,replicasets,pods,analysisruns")
    screen.say("Ctrl-C ends it.")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.to_thread(kubeconfig.unlink, missing_ok=True)
