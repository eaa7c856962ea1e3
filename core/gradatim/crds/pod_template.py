"""Pod templates as the CRDs show them.

In: the table of `gradatim.model.podspec`. Out: the same table with the few places where Argo Rollouts' CRDs differ from
Kubernetes' own types. `definitions.py` calls it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gradatim.model.podspec import Field, Kind, Shape, Table, read_table

_PUBLISHED: Final = """\
TemplateMetadata
  labels      {}string  # Labels.
  annotations {}string  # Annotations.
ContainerResources
  limits   any  # The most that may be used.
  requests any  # What is set aside.
  claims   []ResourceClaim keys=name
"""

#: Metadata other than labels and annotations would be pruned by the server anyway. Amounts of a container stay without
#: a schema because manifests exist whose amounts Kubernetes' own pattern refuses; volumes because theirs is so large.
_SHAPES: Final = {
    ("PodTemplateSpec", "metadata"): Shape(Kind.STRUCT, struct="TemplateMetadata"),
    ("Container", "resources"): Shape(Kind.STRUCT, struct="ContainerResources"),
    ("EphemeralContainer", "resources"): Shape(Kind.STRUCT, struct="ContainerResources"),
    ("PodSpec", "volumes"): Shape(Kind.ANY),
}


def published_table(table: Table) -> Table:
    """The table with its pod templates as the CRDs show them; a newer field says which Kubernetes it needs."""
    structs = dict(read_table(_PUBLISHED, known=table))
    for name, struct in structs.items():
        structs[name] = replace(
            struct, fields=tuple(_published_field(name, field) for field in struct.fields)
        )
    return structs


def _published_field(struct: str, field: Field) -> Field:
    shape = _SHAPES.get((struct, field.name))
    if shape:
        # What has no schema has no list of items to merge either.
        return replace(field, shape=shape, list_type="", list_keys=())
    if field.since:
        return replace(field, doc=f"{field.doc} Kubernetes {field.since} and newer.".lstrip())
    return field
