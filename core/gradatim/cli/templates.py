"""What stands against measuring the templates of a cluster, for `gradatim plugins doctor --templates`.

In: the plugins and a cluster. Out: a line for each Problem. Nothing is written to the cluster, and no secret is shown.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from ..kube.client import Client
from ..kube.errors import NotFound
from ..kube.login import LoginOptions, login
from ..kube.resources import ANALYSIS_TEMPLATES, CLUSTER_ANALYSIS_TEMPLATES, Selection
from ..model.analysis import Template, parse_template
from ..registry import Registry
from ..run.fence import Fence
from ..run.inquiry import Surroundings
from ..run.probing import Probing, shown
from ..run.secretcache import SecretCache
from ..run.secrets import Secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which templates of which cluster.

    Attributes:
        namespace: of the templates; None: all, and those of the cluster.
        controller_namespace: where providers' Secrets are.
    """

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    controller_namespace: str


async def template_problems(registry: Registry, where: Where) -> tuple[int, list[str]]:
    """How many templates there are, and a line for each Problem of one.

    Raises:
        SetupError: the cluster cannot be reached.
        KubeError: it does not let us list templates.
    """
    client = Client(await login(LoginOptions(where.kubeconfig, where.context)))
    try:
        templates = await _templates(client, where.namespace)
        surroundings = Surroundings(
            namespace=where.controller_namespace, environment=dict(os.environ)
        )
        probing = Probing(
            registry,
            Fence(time.monotonic),
            SecretCache(Secrets(client), time.monotonic),
            surroundings,
            lambda: datetime.now(UTC),
        )
        found = await probing.templates(templates)
    finally:
        await registry.aclose()
        await client.aclose()
    lines = [f"{shown(template)}: {each}" for template, told in found for each in told]
    return len(templates), lines


async def _templates(client: Client, namespace: str | None) -> list[Template]:
    kinds = [(ANALYSIS_TEMPLATES, "AnalysisTemplate")]
    if namespace is None:
        kinds.append((CLUSTER_ANALYSIS_TEMPLATES, "ClusterAnalysisTemplate"))
    found: list[Template] = []
    for resource, kind in kinds:
        try:
            listing = await client.list(Selection(resource, namespace))
        except NotFound:  # its definition is not installed
            continue
        # a list has no kind on its items
        found += [parse_template({"kind": kind, **item}) for item in listing.items]
    return found
