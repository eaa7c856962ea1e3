"""Making AnalysisRuns and Experiments.

In: an object with its name. Out: a write; who has the name already decides what is raised. Called by `rollouts.py`.
"""

from __future__ import annotations

from ..kube.errors import AlreadyExists
from ..kube.resources import Resource
from ..model.meta import read_meta
from ..model.reading import Json, Reader
from .ports import NameTaken
from .writing import Pass


async def create_named(this: Pass, resource: Resource, name: str, body: Json) -> None:
    """Create a run or an Experiment. One that is there already is judged once the cache shows it (row 36)."""
    client, memory = this.ports.client, this.ports.memory
    try:
        memory.wrote(resource, await client.create(resource, body))
    except AlreadyExists:
        there = await client.get(resource.at(this.rollout.namespace, name))
        if read_meta(Reader(there)).owner_uid != this.rollout.meta.uid:
            # no pass will ever find it among the Rollout's own
            raise NameTaken(f"{resource.kind} {name} is somebody else's", name) from None
        memory.wrote(resource, there)
        text = f"{resource.kind} {name} was there before the cache showed it"
        raise NameTaken(text) from None
