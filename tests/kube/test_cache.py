import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradatim.kube.cache import Cache
from gradatim.kube.versions import at_least
from gradatim.kube.watch import Bookmark, Deleted, Put, Replaced


def thing(name, version, *, uid="", namespace="a", **more):
    metadata = {
        "namespace": namespace,
        "name": name,
        "uid": uid or f"u-{name}",
        "resourceVersion": str(version),
    }
    return {"kind": "Thing", "metadata": metadata, **more}


def cache_of(*items, version=10):
    cache = Cache(lambda value: value.get("spec"))
    cache.apply(Replaced(items, str(version)))
    return cache


def owners(value):
    return value.get("owners", ())


def test_an_entry_has_the_json_and_its_view_parsed_once():
    parsed = []
    cache = Cache(lambda value: parsed.append(value) or len(parsed))
    value = thing("x", 1)
    cache.apply(Put(value))
    entry = cache.get("a", "x")
    assert entry is not None
    assert entry.object is value
    assert (entry.view, entry.uid, entry.resource_version) == (1, "u-x", "1")
    cache.apply(Replaced((thing("x", 1),), "3"))
    assert cache.get("a", "x") is entry
    assert len(parsed) == 1


def test_namespaces_are_apart():
    cache = cache_of(thing("x", 1), thing("x", 2, namespace="b"), thing("y", 3))
    assert sorted(entry.name for entry in cache.all("a")) == ["x", "y"]
    assert [entry.resource_version for entry in cache.all("b")] == ["2"]
    assert (len(list(cache.all())), len(cache), cache.get("c", "x")) == (3, 3, None)


def test_a_list_tells_the_deletions_that_were_missed():
    cache = cache_of(thing("x", 1), thing("y", 2))
    told = []
    cache.subscribe(
        lambda c: told.append((c.old and c.old.resource_version, c.new and c.new.resource_version))
    )
    cache.apply(Replaced((thing("y", 5), thing("z", 6)), "7"))
    assert told == [("1", None), ("2", "5"), (None, "6")]


def test_deleting_what_is_not_there_tells_nothing():
    cache = cache_of()
    told = []
    cache.subscribe(told.append)
    cache.apply(Deleted(thing("x", 1)))
    cache.apply(Bookmark("12"))
    assert told == []


def test_a_parser_that_raises_costs_the_view_and_not_the_watch(caplog):
    cache = Cache(lambda value: 1 / value["zero"])
    with caplog.at_level(logging.CRITICAL):
        cache.apply(Put(thing("x", 1, zero=0)))
        cache.apply(Put(thing("y", 2, zero=1)))
    broken, sound = cache.get("a", "x"), cache.get("a", "y")
    assert broken is not None
    assert sound is not None
    assert (broken.view, broken.fault) == (None, "ZeroDivisionError: division by zero")
    assert (sound.view, sound.fault) == (1.0, "")


def test_a_subscriber_that_raises_harms_no_other():
    cache = cache_of()
    told = []
    cache.subscribe(lambda change: 1 / 0)
    cache.subscribe(told.append)
    cache.apply(Put(thing("x", 1)))
    assert len(told) == 1


def test_subscribers_see_the_cache_after_the_change():
    cache = cache_of()
    cache.index("owner", owners)
    seen = []
    cache.subscribe(lambda change: seen.append([entry.name for entry in cache.by("owner", "o")]))
    cache.apply(Put(thing("x", 1, owners=["o"])))
    cache.apply(Put(thing("x", 2, owners=["p"])))
    assert seen == [["x"], []]


def test_an_index_declared_late_holds_what_is_there():
    cache = cache_of(thing("x", 1, owners=["o", "o"]))
    cache.index("owner", owners)
    assert [entry.name for entry in cache.by("owner", "o")] == ["x"]
    assert cache.by("owner", "nobody") == []


names = st.sampled_from("xyz")
things = st.builds(
    lambda name, version, owned: thing(name, version, owners=owned),
    names,
    st.integers(1, 99),
    st.lists(st.sampled_from("opq"), max_size=3),
)
histories = st.lists(
    st.one_of(
        st.builds(Put, things),
        st.builds(Deleted, things),
        st.builds(lambda each: Replaced(tuple({t["metadata"]["name"]: t for t in each}.values()), "100"),
                  st.lists(things, max_size=3)),
    ),
    max_size=12,
)  # fmt: skip


@given(histories)
@settings(max_examples=200)
def test_cache_index_and_changes_agree_whatever_happens(history):
    cache = Cache(lambda value: value)
    cache.index("owner", owners)
    told: dict[str, dict] = {}

    def follow(change):
        if change.old is not None:
            assert told.pop(change.old.name) is change.old.object
        if change.new is not None:
            told[change.new.name] = change.new.object

    cache.subscribe(follow)
    for seen in history:
        cache.apply(seen)
        assert {entry.name: entry.object for entry in cache.all()} == told
        for key in "opq":
            found = {entry.name for entry in cache.by("owner", key)}
            assert found == {name for name, value in told.items() if key in value["owners"]}


VERSIONS = [
    ("equal", "7", "7", True),
    ("later", "10", "9", True),
    ("earlier", "9", "10", False),
    ("far beyond 64 bits", "1" + "0" * 40, "9" * 40, True),
    ("equal text", "abc", "abc", True),
    ("other text", "abc", "abd", None),
    ("a leading zero is no number", "010", "9", None),
    ("nothing", "", "9", None),
    ("digits of another script", "٣", "2", None),
]


@pytest.mark.parametrize(
    ("version", "other", "answer"), [v[1:] for v in VERSIONS], ids=[v[0] for v in VERSIONS]
)
def test_versions(version, other, answer):
    assert at_least(version, other) is answer


# our own writes

MINE = thing("x", 20)
WRITES = [
    ("before anything is told we are behind", [], False),
    ("an older state does not count", [Put(thing("x", 15))], False),
    ("our write itself", [Put(MINE)], True),
    ("a later write of another one", [Put(thing("x", 25))], True),
    ("it was deleted meanwhile", [Deleted(thing("x", 25))], True),
    ("it was replaced meanwhile", [Put(thing("x", 25, uid="other"))], True),
    ("an older object of that name", [Put(thing("x", 15, uid="older"))], False),
    ("another object of later", [Put(thing("y", 30))], True),
    ("another object of earlier", [Put(thing("y", 12))], False),
    ("a bookmark past it", [Bookmark("21")], True),
    ("a bookmark before it", [Bookmark("19")], False),
    ("a list past it without the object", [Replaced((), "30")], True),
    ("a list before it", [Replaced((thing("x", 15),), "16")], False),
    ("a restored etcd", [Replaced((thing("x", 2),), "3")], True),
]


@pytest.mark.parametrize(("told", "seen"), [w[1:] for w in WRITES], ids=[w[0] for w in WRITES])
def test_caught_up(told, seen):
    cache = cache_of(thing("x", 9))
    cache.wrote(MINE)
    for each in told:
        cache.apply(each)
    assert cache.caught_up("a", "x") is seen
    assert cache.caught_up("a", "other")


def test_a_write_that_was_told_before_its_answer_came_is_seen():
    cache = cache_of(thing("x", 9))
    cache.apply(Put(MINE))
    cache.wrote(MINE)
    assert cache.caught_up("a", "x")


OPAQUE = [
    ("our write itself", [Put(thing("x", "mine"))], True),
    ("another state", [Put(thing("x", "earlier"))], False),
    ("a deletion", [Deleted(thing("x", "later"))], True),
    ("a deletion of another object", [Deleted(thing("x", "later", uid="other"))], False),
    ("a whole list", [Replaced((thing("x", "later"),), "list")], True),
    ("our write and a later one", [Put(thing("x", "mine")), Put(thing("x", "later"))], True),
    ("one bookmark", [Bookmark("b1")], False),
    ("two bookmarks", [Bookmark("b1"), Bookmark("b2")], True),
]


@pytest.mark.parametrize(("told", "seen"), [w[1:] for w in OPAQUE], ids=[w[0] for w in OPAQUE])
def test_caught_up_where_versions_do_not_compare(told, seen):
    cache = cache_of(thing("x", "old"), version="start")
    cache.wrote(thing("x", "mine"))
    for each in told:
        cache.apply(each)
    assert cache.caught_up("a", "x") is seen


def test_a_write_that_was_told_before_its_answer_came_is_seen_by_its_text():
    cache = cache_of(thing("x", "old"), version="start")
    cache.apply(Put(thing("x", "mine")))
    cache.wrote(thing("x", "mine"))
    assert cache.caught_up("a", "x")


DELETIONS = [
    ("it is still there", [], False),
    ("it is gone", [Deleted(thing("x", 25))], True),
    ("another one has its name", [Put(thing("x", 25, uid="other"))], True),
    ("another object changed", [Put(thing("y", 99))], False),
]


@pytest.mark.parametrize(
    ("told", "seen"), [d[1:] for d in DELETIONS], ids=[d[0] for d in DELETIONS]
)
def test_caught_up_with_a_deletion(told, seen):
    cache = cache_of(thing("x", 9))
    cache.deleted("a", "x", "u-x")
    for each in told:
        cache.apply(each)
    assert cache.caught_up("a", "x") is seen


def test_an_object_that_a_finalizer_keeps_is_going():
    going = thing("x", 25)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cache = cache_of(thing("x", 9))
    cache.deleted("a", "x", "u-x")
    cache.apply(Put(going))
    assert cache.caught_up("a", "x")


def test_waiting_ends_when_the_write_is_told_or_the_time_is_over(virtually):
    cache = cache_of(thing("x", 9))

    async def body():
        loop = asyncio.get_running_loop()
        cache.wrote(MINE)
        loop.call_later(2, cache.apply, Put(thing("x", 15)))
        loop.call_later(3, cache.apply, Put(MINE))
        early = await cache.wait_caught_up("a", "x", within=2.5), loop.time()
        later = await cache.wait_caught_up("a", "x", within=9), loop.time()
        return early, later, await cache.wait_caught_up("a", "x", within=0)

    assert virtually(body()) == ((False, 2.5), (True, 3.0), True)


def test_the_written_object_is_not_put_into_the_cache():
    cache = cache_of(thing("x", 9))
    cache.wrote(MINE)
    entry = cache.get("a", "x")
    assert entry is not None
    assert entry.resource_version == "9"


def test_synced_waits_for_the_first_list(virtually):
    cache = Cache(lambda value: value)

    async def body():
        asyncio.get_running_loop().call_later(4, cache.apply, Replaced((), "1"))
        assert not cache.is_synced
        await cache.synced()
        return asyncio.get_running_loop().time()

    assert virtually(body()) == 4
