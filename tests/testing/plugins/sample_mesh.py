"""A router for one invented object, small and sound: what the router contract is tried on."""

from collections.abc import Iterable, Mapping

from gradatim.plugin import (
    Capability,
    FieldPath,
    Json,
    ObjectRef,
    Observed,
    Patch,
    Problem,
    RouterError,
    TrafficRouter,
    Wanted,
    hookimpl,
)

GRADATIM_API = "1.0"


class SampleMesh(TrafficRouter):
    key = "example.com/mesh"
    capabilities = frozenset({Capability.WEIGHT, Capability.MAX_WEIGHT, Capability.HEADER})

    def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
        return (ObjectRef("example.com/v1", "Split", namespace, config["split"]),)

    def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
        (ref,) = self.references(wanted.config, wanted.namespace)
        if ref not in objects:
            raise RouterError(f"{ref} is not there")
        spec = self.spec_of(objects[ref])
        body: Json = {}
        if wanted.weight is not None:
            body |= {"canary": wanted.weight, "stable": wanted.total - wanted.weight}
        if not wanted.keep_routes:
            names = [route.name for route in wanted.header_routes]
            body["headers"] = names or None
        body = {key: value for key, value in body.items() if spec.get(key) != value}
        if body:
            yield Patch(ref, {"spec": body})

    def check(
        self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
    ) -> Iterable[Problem]:
        (ref,) = self.references(wanted.config, wanted.namespace)
        if ref not in objects:
            yield Problem(path / "split", f"{ref} is not there")

    def observed(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Observed:
        (ref,) = self.references(wanted.config, wanted.namespace)
        weight = self.spec_of(objects.get(ref, {})).get("canary")
        return Observed(weight=weight if isinstance(weight, int) else None)

    @staticmethod
    def spec_of(obj: Json) -> Json:
        spec = obj.get("spec")
        return spec if isinstance(spec, dict) else {}


@hookimpl
def gradatim_traffic_routers() -> Iterable[type[TrafficRouter]]:
    return [SampleMesh]


@hookimpl
def gradatim_validate_route(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    if key != SampleMesh.key:
        return None
    if not isinstance(config, dict):
        return [Problem(path, "must be an object")]
    split = config.get("split")
    if not isinstance(split, str) or not split:
        return [Problem(path / "split", "must be the name of a Split")]
    return []
