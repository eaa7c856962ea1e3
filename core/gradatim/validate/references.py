"""What a Rollout refers to: Services, templates, and the objects of its routers.

In: a Rollout and the objects that there are. Out: Problems, in Argo Rollouts' order: what is missing before what is
wrong. Called for the InvalidSpec condition and by `gradatim validate`. R-numbers are those of the reference's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from gradatim.model import names
from gradatim.model.analysis import Template, TemplateRef
from gradatim.model.canary import Canary
from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.model.workload import Service
from gradatim.plugin import FieldPath, ObjectRef, Problem, Target, TrafficRouter, Wanted

from .analyses import analyses_of, content_problems, missing_templates
from .plugins import Plugins
from .wording import invalid

_STRATEGY: Final = FieldPath("spec", "strategy")
#: Field, and the metadata of whose labels its Service may select, of each Service of a strategy.
_CANARY_SERVICES: Final = (
    ("canary", "stableService", "stableMetadata"),
    ("canary", "canaryService", "canaryMetadata"),
    ("canary.pingPong", "pingService", ""),
    ("canary.pingPong", "pongService", ""),
)
_BLUE_GREEN_SERVICES: Final = (
    ("blueGreen", "activeService", "activeMetadata"),
    ("blueGreen", "previewService", "previewMetadata"),
)


class Routed(Protocol):
    """One router of the Rollout with the objects that it reads; what a decision knows of it will do."""

    @property
    def router(self) -> TrafficRouter:
        """The router."""
        ...

    @property
    def config(self) -> Json:
        """Its block."""
        ...

    @property
    def path(self) -> FieldPath:
        """Path of the block."""
        ...

    @property
    def objects(self) -> Mapping[ObjectRef, Json]:
        """Those of its references that exist."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The objects around one Rollout.

    Attributes:
        services: Services of its namespace, by name.
        templates: the templates that it can refer to.
        routes: its routers with their objects.
        unseen: kinds of which nothing is known. That one of them is missing is then not said.
    """

    services: Mapping[str, Service] = field(default_factory=dict)
    templates: Mapping[TemplateRef, Template] = field(default_factory=dict)
    routes: Sequence[Routed] = ()
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ServiceField:
    """A field of the strategy that names a Service, and labels that its pods get while they are behind it."""

    path: FieldPath
    name: str
    labels: Mapping[str, str]


def reference_problems(
    rollout: Rollout, references: References, plugins: Plugins
) -> Iterator[Problem]:
    """R1 to R10 and R15 to R19, each fault once. Never raises; the spec itself is judged elsewhere."""
    yield from dict.fromkeys(_problems(rollout, references, plugins))


def _problems(rollout: Rollout, references: References, plugins: Plugins) -> Iterator[Problem]:
    fields, analyses = service_fields(rollout), analyses_of(rollout)
    if "Service" not in references.unseen:
        for each in fields:
            if each.name not in references.services:
                yield invalid(each.path, each.name, f'service "{each.name}" not found')
    for analysis in analyses:
        yield from missing_templates(analysis, references.templates, references.unseen)
    whole = [route for route in references.routes if not _lacks_objects(rollout, route)]
    for route in references.routes:
        if route not in whole:
            yield from route.router.check(wanted(rollout, route), route.objects, route.path)
    for each in fields:
        service = references.services.get(each.name)
        if service is not None:
            yield from _service_problems(rollout, each, service)
    for analysis in analyses:
        yield from content_problems(rollout, analysis, references.templates, plugins)
    for route in whole:
        yield from route.router.check(wanted(rollout, route), route.objects, route.path)


def _lacks_objects(rollout: Rollout, route: Routed) -> bool:
    refs = route.router.references(route.config, rollout.namespace)
    return any(ref not in route.objects for ref in refs)


def service_fields(rollout: Rollout) -> list[ServiceField]:
    """The Services that the strategy names, in the order in which the reference looks for them."""
    is_blue_green = rollout.blue_green is not None
    rows = _BLUE_GREEN_SERVICES if is_blue_green else _CANARY_SERVICES
    strategy = Reader(rollout.raw).object("spec").object("strategy")
    found = []
    for keys, name, metadata in rows:
        block, path = strategy, _STRATEGY
        for key in keys.split("."):
            block, path = block.object(key), path / key
        labels = block.object(metadata).texts("labels") if metadata else {}
        if block.text(name):
            found.append(ServiceField(path / name, block.text(name), labels))
    return found


def _service_problems(rollout: Rollout, field: ServiceField, service: Service) -> Iterator[Problem]:
    name = service.meta.name
    pods = Reader(rollout.template).object("metadata").texts("labels")
    if rollout.template:
        for key, value in sorted(service.selector.items()):
            if key == names.POD_HASH or value in (pods.get(key), field.labels.get(key)):
                continue
            detail = f'Service "{name}" has unmatch label "{key}" in rollout'
            yield invalid(field.path, name, detail)
    if service.managed_by not in (None, rollout.name):
        yield invalid(field.path, name, f'Service "{name}" is managed by another Rollout')


def wanted(rollout: Rollout, route: Routed) -> Wanted:
    """What a router is asked to check its objects for: the Services, no weights."""
    canary = rollout.canary or Canary()
    stable, new = canary.stable_service, canary.canary_service
    if canary.ping_pong:
        # each is stable in turn; the objects must have a place for both
        block = Reader(canary.raw).object("pingPong")
        stable, new = stable or block.text("pingService"), new or block.text("pongService")
    routing = canary.routing
    total = routing.max_weight if routing else None
    return Wanted(
        rollout=rollout.name,
        namespace=rollout.namespace,
        config=route.config,
        stable=Target(stable),
        canary=Target(new),
        total=100 if total is None or total < 1 else total,
        managed_routes=routing.managed_routes if routing else (),
        keep_routes=True,
    )
