"""What there is around an object in a set of manifests: found by kind, namespace and name.

In: the manifests of some files. Out: the references of one Rollout, as `references.py` wants them.
Called by `manifests.py`. An object without a namespace is taken to be in any: it is named when it is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gradatim.model.analysis import Template, TemplateRef, parse_template
from gradatim.model.canary import ROUTER_KEYS
from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.model.workload import Service, parse_service
from gradatim.plugin import FieldPath, ObjectRef, TrafficRouter

from .plugins import Plugins
from .references import References

GROUP: Final = "argoproj.io"

_ROUTING: Final = FieldPath("spec", "strategy", "canary", "trafficRouting")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file.

    Attributes:
        raw: the object.
        file: where it comes from, as it was named.
        number: of the document in the file, from 1.
        item: of the list that the document is, from 1; 0 when it is none.
    """

    raw: Json = field(repr=False)
    file: str = ""
    number: int = 1
    item: int = 0

    @property
    def group(self) -> str:
        """Group of its API, "" for the core."""
        return Reader(self.raw).text("apiVersion").rpartition("/")[0]

    @property
    def version(self) -> str:
        """Version of its API."""
        return Reader(self.raw).text("apiVersion").rpartition("/")[2]

    @property
    def kind(self) -> str:
        """Its kind."""
        return Reader(self.raw).text("kind")

    @property
    def namespace(self) -> str:
        """Its namespace, "" where none is given."""
        return Reader(self.raw).object("metadata").text("namespace")

    @property
    def name(self) -> str:
        """Its name."""
        return Reader(self.raw).object("metadata").text("name")


@dataclass(frozen=True, slots=True)
class Route:
    """A router of a Rollout with the objects of the set."""

    router: TrafficRouter
    config: Json
    path: FieldPath
    objects: Mapping[ObjectRef, Json]


class Surroundings:
    """The set, ready to be asked.

    Attributes:
        unseen: the kinds that a Rollout refers to of which the set has no object; none when strict.
    """

    def __init__(self, manifests: Sequence[Manifest], *, strict: bool) -> None:
        self._strict = strict
        self._by_kind: dict[tuple[str, str], list[Manifest]] = {}
        for manifest in manifests:
            self._by_kind.setdefault((manifest.group, manifest.kind), []).append(manifest)
        wanted = (("", "Service"), (GROUP, "AnalysisTemplate"), (GROUP, "ClusterAnalysisTemplate"))
        self.unseen = frozenset(
            kind for group, kind in wanted if not strict and (group, kind) not in self._by_kind
        )
        self._templates: dict[str, dict[TemplateRef, Template]] = {}

    def has_only(self, manifest: Manifest, kind: str) -> bool:
        """The manifest is the set's only one of that kind of template, so that nothing is known of its others."""
        return not self._strict and self._by_kind.get((GROUP, kind)) == [manifest]

    def templates(self, namespace: str) -> Mapping[TemplateRef, Template]:
        """The templates that an object of this namespace can refer to."""
        if namespace not in self._templates:
            found = [
                *self._near("AnalysisTemplate", namespace, group=GROUP),
                *self._by_kind.get((GROUP, "ClusterAnalysisTemplate"), []),
            ]
            views = [parse_template(manifest.raw) for manifest in found]
            self._templates[namespace] = {view.ref: view for view in views}
        return self._templates[namespace]

    def references(self, rollout: Rollout, routes: Sequence[Route]) -> References:
        """What the Rollout can refer to."""
        return References(
            services=self._services(rollout.namespace),
            templates=self.templates(rollout.namespace),
            routes=routes,
            unseen=self.unseen,
        )

    def routes(
        self,
        rollout: Rollout,
        routers: Callable[[str], TrafficRouter | None],
        plugins: Plugins,
    ) -> tuple[list[Route], list[tuple[FieldPath, str]]]:
        """The Rollout's routers whose blocks are sound, and the paths and names of what cannot be checked."""
        routes: list[Route] = []
        unchecked: list[tuple[FieldPath, str]] = []
        routing = rollout.canary.routing if rollout.canary else None
        for key, config in routing.routers.items() if routing else ():
            path = _ROUTING / key if key in ROUTER_KEYS else _ROUTING / "plugins" / key
            router = None if plugins.validate_route(key, config, path) else routers(key)
            if router is None:
                continue
            refs = list(router.references(config, rollout.namespace))
            objects = {ref: found for ref in refs if (found := self._object(ref)) is not None}
            missing = [ref for ref in refs if ref not in objects and self._is_unseen(ref)]
            unchecked += [(path, f"{ref.kind} '{ref.name}'") for ref in missing]
            if not missing:
                routes.append(Route(router, config, path, objects))
        return routes, unchecked

    def _services(self, namespace: str) -> dict[str, Service]:
        found = self._near("Service", namespace)
        return {manifest.name: parse_service(manifest.raw) for manifest in found}

    def _near(self, kind: str, namespace: str, *, group: str = "") -> list[Manifest]:
        found = self._by_kind.get((group, kind), [])
        return [manifest for manifest in found if _is_in(manifest, namespace)]

    def _is_unseen(self, ref: ObjectRef) -> bool:
        group = ref.api_version.rpartition("/")[0]
        return not self._strict and (group, ref.kind) not in self._by_kind

    def _object(self, ref: ObjectRef) -> Json | None:
        group = ref.api_version.rpartition("/")[0]
        near = self._near(ref.kind, ref.namespace, group=group)
        return next((manifest.raw for manifest in near if manifest.name == ref.name), None)


def _is_in(manifest: Manifest, namespace: str) -> bool:
    return not namespace or manifest.namespace in ("", namespace)
