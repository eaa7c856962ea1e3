"""Requests as values: what is sent, and how errors and counters speak of it.

In: an address or a selection, and options. Out: a `Request`.
`client.py` makes them, sends them and sends them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gradatim.kube.errors import KubeError, Throttled
from gradatim.kube.resources import Address, Selection
from gradatim.kube.retry import may_repeat

PatchKind = Literal["merge", "json", "strategic", "apply"]

CONTENT_TYPES: Mapping[PatchKind, str] = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
JSON = "application/json"
#: what `apply` is done as, where no other name is given
FIELD_MANAGER = "gradatim"


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a write can be told. `force` takes over another manager's fields (apply only)."""

    dry_run: bool = False
    field_manager: str | None = None
    force: bool = False

    def query(self) -> dict[str, str]:
        """The query parameters that say so."""
        query = {"dryRun": "All"} if self.dry_run else {}
        if self.field_manager:
            query["fieldManager"] = self.field_manager
        if self.force:
            query["force"] = "true"
        return query


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and how it is spoken of."""

    verb: str
    method: str
    path: str
    #: verb, resource, namespace/name: what an error says was asked
    saying: str
    #: kind, namespace, name, for the counters
    labels: tuple[str, str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: object | None = None
    content_type: str = JSON
    #: does an answer of 429 mean "later", rather than being the answer?
    repeats_when_throttled: bool = True

    def may_repeat(self, error: KubeError) -> bool:
        """Is it safe and of use to send this again after that error?"""
        if isinstance(error, Throttled) and not self.repeats_when_throttled:
            return False
        return may_repeat(error, read=self.method == "GET")


def request_on(
    address: Address,
    verb: str,
    method: str,
    *,
    query: Mapping[str, str] | None = None,
    body: object | None = None,
) -> Request:
    """A request on one object or its subresource. Raises Invalid for a name that is none."""
    labels = (address.resource.kind, address.namespace, address.name)
    return Request(verb, method, address.path, f"{verb} {address}", labels, query or {}, body)


def page_request(selection: Selection, page: int, token: str) -> Request:
    """A request for a page of `page` objects (0: all of them), after the one that gave `token`."""
    query = selection.query()
    if page:
        query["limit"] = str(page)
    if token:
        query["continue"] = token
    labels = (selection.resource.kind, selection.namespace or "", "N/A")
    return Request("list", "GET", selection.path, f"list {selection}", labels, query)


def query_of(options: WriteOptions | None) -> dict[str, str]:
    """The query parameters of a write, in a dict of its own."""
    return {} if options is None else options.query()
