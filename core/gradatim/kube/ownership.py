"""Which fields of an object the API server keeps as ours, and how to give them back.

In: objects as the API server sends them. Out: the same with our names only in `managedFields`; the patch that takes our
entries off. `client.py` and `watch.py` read objects through it, and `client.py` gives back.
"""

from __future__ import annotations

from typing import Final

from gradatim.kube.request import FIELD_MANAGER
from gradatim.kube.transport import Json

#: Who wrote as this controller: ourselves, and the one whose place we have taken.
OURS: Final = frozenset({FIELD_MANAGER, "rollouts-controller"})


def without_others_fields(body: Json) -> Json:
    """The same object without the field sets in `metadata.managedFields`: a third of its memory, and nobody reads them.

    Of our own entries the name is left, so that it can be seen that there are any. A new dict, because the one given
    may be the server's own when the server is in this process.
    """
    bare = without_managed_fields(body)
    if bare is body:
        return body
    metadata, kept = body["metadata"], bare["metadata"]
    if ours := sorted({name for name in _managers(metadata["managedFields"]) if name in OURS}):
        kept["managedFields"] = [{"manager": name} for name in ours]
    return bare


def without_managed_fields(body: Json) -> Json:
    """The same object as it is sent: without any of it."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return body
    return {**body, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


def without_ours(raw: Json) -> list[Json] | None:
    """The JSON Patch that takes our entries off an object as the API server has it; None where there are none."""
    metadata = raw["metadata"]
    entries = metadata.get("managedFields")
    entries = entries if isinstance(entries, list) else []
    left = [each for each in entries if isinstance(each, dict) and each.get("manager") not in OURS]
    if len(left) == len(entries):
        return None
    # an empty list would mean "as it was"; one empty entry is the API's word for "none"
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": "/metadata/managedFields", "value": left or [{}]},
    ]


def _managers(entries: object) -> list[str]:
    found = (
        [each.get("manager") for each in entries if isinstance(each, dict)]
        if isinstance(entries, list)
        else []
    )
    return [name for name in found if isinstance(name, str)]
