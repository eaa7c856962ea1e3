"""The metadata that every Kubernetes object has.

In: an object's JSON. Out: a frozen `Meta`. Used by all other views of this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from .reading import Reader

_UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Name, place, age and owner of an object.

    Attributes:
        created: creation time; 1970 where there is none, as in a manifest that was never applied.
        owner_uid: uid of the owner that controls it, "" without one.
        deleting: somebody asked for its deletion.
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: datetime = _UNKNOWN_TIME
    owner_uid: str = ""
    owner_kind: str = ""
    owner_name: str = ""
    deleting: bool = False


def read_meta(root: Reader) -> Meta:
    """The metadata of the object that `root` reads."""
    meta = root.object("metadata")
    owner = next((o for o in meta.objects("ownerReferences") if o.flag("controller")), None)
    return Meta(
        name=meta.text("name"),
        namespace=meta.text("namespace"),
        uid=meta.text("uid"),
        resource_version=meta.text("resourceVersion"),
        generation=meta.number("generation"),
        labels=meta.texts("labels"),
        annotations=meta.texts("annotations"),
        created=meta.moment("creationTimestamp") or _UNKNOWN_TIME,
        owner_uid=owner.text("uid") if owner else "",
        owner_kind=owner.text("kind") if owner else "",
        owner_name=owner.text("name") if owner else "",
        deleting=meta.has("deletionTimestamp"),
    )
