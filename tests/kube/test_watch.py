import asyncio
from contextlib import aclosing, suppress
from itertools import pairwise

import pytest

from gradatim.kube.cache import Cache
from gradatim.kube.client import Client
from gradatim.kube.reflector import Reflector
from gradatim.kube.resources import PODS, Selection
from gradatim.kube.retry import Retries
from gradatim.kube.watch import Bookmark, Deleted, Patience, Put, Replaced, Watch


def pod(name, version, **more):
    metadata = {"namespace": "a", "name": name, "uid": f"u-{name}", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **more}


def listing(version, *items):
    return 200, {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


def line(kind, value):
    return {"type": kind, "object": value}


def bookmark(version):
    return line("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(version)}})


def failed(code, **more):
    return {"kind": "Status", "code": code, "message": "no", **more}


EXPIRED = line("ERROR", failed(410, reason="Expired"))


def watch_of(transport, **patience):
    alone = Retries(attempts=1)

    async def sleep(seconds):
        await asyncio.sleep(seconds)

    return Watch(
        Client(transport, retries=alone),
        Selection(PODS, "a"),
        Patience(
            jitter=lambda: 0.0,
            clock=lambda: asyncio.get_running_loop().time(),
            sleep=sleep,
            **patience,
        ),
    )


@pytest.fixture
def follow(virtually):
    """Runs a watch for a while: what it said, each with its time."""

    def run(watch, seconds=60.0):
        said = []

        def note(*what):
            said.append(what)

        async def body():
            now = asyncio.get_running_loop().time
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds), aclosing(watch.changes()) as changes:
                    async for seen in changes:
                        note(now(), seen)
            return said

        return virtually(body())

    return run


def test_a_list_and_then_each_change(follow, scripted):
    lines = [
        line("ADDED", pod("y", 6)),
        line("MODIFIED", pod("x", 7, status={"phase": "Running"})),
        line("DELETED", pod("y", 8)),
        bookmark(9),
        line("FROM_THE_FUTURE", pod("z", 10)),
        float("inf"),
    ]
    transport = scripted(answers=[listing(5, pod("x", 4))], streams=[(200, lines)])
    watch = watch_of(transport)
    assert [seen for _, seen in follow(watch)] == [
        Replaced((pod("x", 4),), "5"),
        Put(pod("y", 6)),
        Put(pod("x", 7, status={"phase": "Running"})),
        Deleted(pod("y", 8)),
        Bookmark("9"),
    ]
    assert transport.opened[0] == {
        "resourceVersion": "5",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "300",
        "watch": "true",
    }
    assert transport.open_now == 0
    assert (watch.failures, watch.fault) == (0, "")


def test_after_a_clean_end_it_goes_on_from_the_last_bookmark(follow, scripted):
    transport = scripted(
        answers=[listing(5)], streams=[(200, [bookmark(9)]), (200, [float("inf")])]
    )
    follow(watch_of(transport))
    assert [query["resourceVersion"] for query in transport.opened] == ["5", "9"]
    assert len(transport.sent) == 1


CUTS = [
    ("a reset in mid-stream", ConnectionResetError("reset by peer")),
    ("half a line", OSError("the API server sent a line that is no JSON")),
    ("silence", 150.0),
]


@pytest.mark.parametrize("cut", [c[1] for c in CUTS], ids=[c[0] for c in CUTS])
def test_after_a_broken_stream_it_goes_on_without_a_new_list(follow, scripted, cut):
    streams = [
        (200, [line("ADDED", pod("x", 6)), cut]),
        (200, [line("MODIFIED", pod("x", 7)), float("inf")]),
    ]
    transport = scripted(answers=[listing(5)], streams=streams)
    said = follow(watch_of(transport), 160)
    assert [seen for _, seen in said] == [Replaced((), "5"), Put(pod("x", 6)), Put(pod("x", 7))]
    assert [query["resourceVersion"] for query in transport.opened[:2]] == ["5", "6"]
    assert said[2][0] - said[1][0] == pytest.approx(0.8 + (cut if isinstance(cut, float) else 0))


TOO_OLD = [
    ("an ERROR event of 410", (200, [EXPIRED])),
    ("a 410 instead of a stream", (410, [failed(410)])),
    ("an ERROR event of another kind", (200, [line("ERROR", failed(500))])),
    ("a version that the server does not have yet", (504, [failed(504, reason="Timeout")])),
    ("a line without an object", (200, [{"type": "ADDED"}])),
]


@pytest.mark.parametrize("stream", [c[1] for c in TOO_OLD], ids=[c[0] for c in TOO_OLD])
def test_when_the_version_is_no_good_it_lists_again(follow, scripted, stream):
    transport = scripted(
        answers=[listing(5, pod("x", 4)), listing(50, pod("y", 49))], streams=[stream]
    )
    watch = watch_of(transport)
    assert [seen for _, seen in follow(watch)] == [
        Replaced((pod("x", 4),), "5"),
        Replaced((pod("y", 49),), "50"),
    ]
    assert transport.opened[1]["resourceVersion"] == "50"


def test_pauses_double_up_to_half_a_minute_while_the_server_is_away(follow, scripted):
    transport = scripted(answers=[ConnectionRefusedError("refused")] * 40)
    watch = watch_of(transport)
    follow(watch, 120)
    times = [sent.at for sent in transport.sent]
    assert [round(b - a, 1) for a, b in pairwise(times)] == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
    assert watch.failures == 9
    assert watch.last_contact is None
    assert "list pods a: no answer from the API server: refused" in watch.fault


def test_a_server_that_lists_but_does_not_watch_is_not_flooded(follow, scripted):
    transport = scripted(answers=[listing(5)] * 30, streams=[(403, [failed(403)])] * 30)
    watch = watch_of(transport)
    said = follow(watch, 120)
    assert len(said) == 9
    assert watch.failures == 9
    assert watch.last_contact is not None


def test_a_server_that_ends_each_watch_at_once_is_not_flooded(follow, scripted):
    transport = scripted(answers=[listing(5)] * 30, streams=[(200, [])] * 30)
    watch = watch_of(transport)
    follow(watch, 120)
    assert len(transport.opened) == 9


def test_a_quiet_stream_that_ends_when_it_was_asked_to_is_no_fault(follow, scripted):
    transport = scripted(answers=[listing(5)], streams=[(200, [100.0])] * 3)
    watch = watch_of(transport)
    follow(watch, 310)
    assert len(transport.opened) == 4
    assert (watch.failures, watch.last_contact) == (0, 300.0)


def test_retry_after_is_heeded_and_the_version_kept(follow, scripted):
    throttled = (429, [failed(429, details={"retryAfterSeconds": 11})])
    transport = scripted(
        answers=[listing(5)], streams=[throttled, (200, [bookmark(6), float("inf")])]
    )
    said = follow(watch_of(transport))
    assert said[1] == (11.0, Bookmark("6"))
    assert len(transport.sent) == 1


def test_weeks_of_faults_do_not_overflow_the_pause():
    assert Patience(jitter=lambda: 0.5).pause(10**6, None) == 45.0


def test_managed_fields_do_not_come_in(follow, scripted):
    heavy = pod("x", 6)
    heavy["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    transport = scripted(
        answers=[listing(5)], streams=[(200, [line("ADDED", heavy), float("inf")])]
    )
    assert follow(watch_of(transport))[1][1] == Put(pod("x", 6))
    assert "managedFields" in heavy["metadata"]


def test_a_reflector_keeps_a_cache_and_tells_its_health(virtually, scripted):
    streams = [
        (200, [line("ADDED", pod("y", 6)), ConnectionResetError("gone")]),
        (200, [EXPIRED]),
    ]
    transport = scripted(
        answers=[listing(5, pod("x", 4)), listing(50, pod("y", 6), pod("z", 49))], streams=streams
    )
    cache = Cache(lambda value: value["metadata"]["name"])
    reflector = Reflector(watch_of(transport), cache)
    changes = []
    cache.subscribe(
        lambda change: changes.append(
            (change.old and change.old.view, change.new and change.new.view)
        )
    )

    async def body():
        before = reflector.health
        task = asyncio.create_task(reflector.run())
        await cache.synced()
        await asyncio.sleep(60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return before, reflector.health

    before, after = virtually(body())
    assert sorted(entry.name for entry in cache.all()) == ["y", "z"]
    assert changes == [(None, "x"), (None, "y"), ("x", None), (None, "z")]
    assert (before.is_synced, before.last_contact) == (False, None)
    assert (after.of, after.is_synced, after.failures) == ("pods a", True, 0)
    assert transport.open_now == 0
