"""A pass waits until the caches show what the last one wrote, and nobody waits with it."""

from __future__ import annotations

from typing import Any

from gradatim.kube.cache import Cache
from gradatim.kube.resources import REPLICA_SETS, SERVICES, Resource
from gradatim.kube.watch import Deleted, Put
from gradatim.run.writes import WrittenObjects

KEY, OTHER = ("default", "web"), ("default", "other")


def obj(version: int, name: str = "web-1") -> dict[str, Any]:
    meta = {"namespace": "default", "name": name, "uid": name, "resourceVersion": str(version)}
    return {"metadata": meta}


def setup() -> tuple[WrittenObjects, Cache[Any]]:
    cache: Cache[Any] = Cache(lambda raw: raw)

    def cache_of(resource: Resource) -> Cache[Any] | None:
        return cache if resource == REPLICA_SETS else None

    return WrittenObjects(cache_of), cache


def test_a_write_is_seen_when_the_watch_tells_it_or_something_later() -> None:
    written, cache = setup()
    cache.apply(Put(obj(4)))
    with written.of(KEY):
        written.wrote(REPLICA_SETS, obj(5))
    assert not written.are_seen(KEY)
    assert written.are_seen(OTHER), "it is nobody else's business"
    cache.apply(Put(obj(5)))
    assert written.are_seen(KEY)
    with written.of(KEY):
        written.wrote(REPLICA_SETS, obj(7))
    cache.apply(Put(obj(9)))
    assert written.are_seen(KEY)


def test_all_writes_of_a_pass_must_be_seen() -> None:
    written, cache = setup()
    with written.of(KEY):
        written.wrote(REPLICA_SETS, obj(8, "web-1"))
        written.wrote(REPLICA_SETS, obj(5, "web-2"))
    cache.apply(Put(obj(5, "web-2")))
    assert not written.are_seen(KEY)
    cache.apply(Put(obj(8, "web-1")))
    assert written.are_seen(KEY)


def test_a_deletion_is_seen_when_the_object_is_gone() -> None:
    written, cache = setup()
    cache.apply(Put(obj(4)))
    with written.of(KEY):
        written.deleted(REPLICA_SETS.at("default", "web-1"), "web-1")
    assert not written.are_seen(KEY)
    cache.apply(Deleted(obj(6)))
    assert written.are_seen(KEY)


def test_what_no_cache_follows_cannot_be_waited_for() -> None:
    written, _ = setup()
    with written.of(KEY):
        written.wrote(SERVICES, obj(5))
        written.deleted(SERVICES.at("default", "web"), "u")
    assert written.are_seen(KEY)


def test_nothing_is_kept_of_what_was_seen_or_forgotten() -> None:
    written, cache = setup()
    for key in (KEY, OTHER):
        with written.of(key):
            written.wrote(REPLICA_SETS, obj(5))
    written.forget(OTHER)
    cache.apply(Put(obj(5)))
    assert written.are_seen(KEY)
    assert written._of == {}
    written.wrote(REPLICA_SETS, obj(6))  # outside of every pass
    assert written._of == {}
