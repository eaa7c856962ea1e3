"""Lists: selection, order and pages.

In: a resource, a namespace and the query of a GET. Out: a List object.
Called by `api.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from gradatim.sim import failure
from gradatim.sim.document import Json
from gradatim.sim.resources import Resource
from gradatim.sim.selectors import ObjectMatch, field_selector, label_selector
from gradatim.sim.store import Store


def selection(resource: Resource, query: Mapping[str, str]) -> ObjectMatch | None:
    """Return the predicate of a query's label and field selectors, None when everything is selected.

    Raises:
        ApiError: 400.
    """
    labels = label_selector(query.get("labelSelector", ""))
    fields = field_selector(resource, query.get("fieldSelector", ""))
    if labels is None:
        return fields
    return lambda obj: (
        labels(obj["metadata"].get("labels") or {}) and (fields is None or fields(obj))
    )


def _key(obj: Json) -> tuple[str, str]:
    metadata = obj["metadata"]
    return (metadata.get("namespace", ""), metadata["name"])


def _read_token(token: str, store: Store) -> tuple[int, tuple[str, str]]:
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError) as exc:
        raise failure.bad_request(f"invalid continue token: {exc}") from exc
    if int(revision) < store.horizon:
        text = (
            "The provided continue parameter is too old to display a consistent list result. "
            "You can start a new list without the continue parameter."
        )
        raise failure.expired(text)
    return int(revision), (str(namespace), str(name))


def _token(revision: int, after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([revision, *after]).encode()).decode()


def list_objects(
    store: Store, resource: Resource, namespace: str | None, query: Mapping[str, str]
) -> Json:
    """Return the List of the selected objects, by namespace and name, or one page of it.

    A page shows the objects as they are now, under the revision of the first page: a watch from there tells the rest.

    Raises:
        ApiError: 400, or 410 for a page whose revision is forgotten.
    """
    selects = selection(resource, query)
    found = [o for o in store.listed(resource.name, namespace) if selects is None or selects(o)]
    found.sort(key=_key)
    revision = store.revision
    if query.get("continue"):
        revision, after = _read_token(query["continue"], store)
        found = [obj for obj in found if _key(obj) > after]
    metadata: Json = {"resourceVersion": str(revision)}
    if resource.custom:
        metadata["continue"] = ""
    limit = int(query.get("limit") or 0)
    if 0 < limit < len(found):
        metadata["continue"] = _token(revision, _key(found[limit - 1]))
        if selects is None:
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.stored_version,
        "metadata": metadata,
        "items": found,
    }
