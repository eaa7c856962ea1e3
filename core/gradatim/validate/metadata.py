"""The rules of `canaryMetadata`, `stableMetadata` and their blue-green counterparts.

In: a Rollout and the block of its strategy. Out: Problems. The reference finds them out in the middle of a rollout,
when it injects the metadata. Called by the rules of the strategies.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradatim.model import names
from gradatim.model.reading import Reader
from gradatim.model.rollout import Rollout
from gradatim.model.selector import selects
from gradatim.plugin import FieldPath, Problem

from .labels import is_qualified_name, label_problems
from .wording import invalid

_NO_NAME = "must be a name, with a DNS subdomain and a slash before it where it has a prefix"
_NOT_SELECTED = "the pods would not match spec.selector any more"
_HASH = "this label belongs to the controller"


def metadata_problems(
    rollout: Rollout, block: Reader, field: str, path: FieldPath
) -> Iterator[Problem]:
    """What is wrong with one block of metadata, if it is there."""
    metadata = block.object(field)
    labels, where = metadata.texts("labels"), path / field / "labels"
    yield from label_problems(labels, where)
    if names.POD_HASH in labels:
        yield invalid(where, names.POD_HASH, _HASH)
    own = Reader(rollout.template).object("metadata").texts("labels")
    overlaid = selects(rollout.selector, {**own, **labels})
    if selects(rollout.selector, own) and not overlaid:
        yield Problem(where, _NOT_SELECTED)
    for key in metadata.texts("annotations"):
        if not is_qualified_name(key.lower()):
            yield invalid(path / field / "annotations", key, _NO_NAME)
