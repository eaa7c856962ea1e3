import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.kube.client import Client
from gradatim.kube.correlator import COMBINED, Correlator, Event, Subject, event_name
from gradatim.kube.events import EventRecorder, document
from gradatim.kube.retry import Retries

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WEB = Subject("argoproj.io/v1alpha1", "Rollout", "shop", "web", "u-1", "7")
ABOUT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"namespace": "shop", "name": "web", "uid": "u-1", "resourceVersion": "7"},
}
PAUSED = Event(WEB, "Normal", "RolloutPaused", "Rollout is paused")
EVENTS_PATH = "/api/v1/namespaces/shop/events"


def test_an_equal_event_is_counted_under_the_first_ones_name():
    correlator = Correlator()
    first = correlator.record(PAUSED, NOON)
    again = correlator.record(PAUSED, NOON + SECOND)
    assert first is not None
    assert again == replace(first, count=2, last=NOON + SECOND)


APART = [
    ("another message", replace(PAUSED, message="other")),
    ("another reason", replace(PAUSED, reason="RolloutResumed")),
    ("another type", replace(PAUSED, type="Warning")),
    ("another object", replace(PAUSED, subject=replace(WEB, name="api"))),
    ("a new object of the same name", replace(PAUSED, subject=replace(WEB, uid="u-2"))),
]


@pytest.mark.parametrize("other", [a[1] for a in APART], ids=[a[0] for a in APART])
def test_a_different_event_is_its_own(other):
    correlator = Correlator()
    correlator.record(PAUSED, NOON)
    record = correlator.record(other, NOON)
    assert record is not None
    assert (record.count, record.event) == (1, other)


def test_a_newer_version_of_the_object_is_the_same_object():
    correlator = Correlator()
    correlator.record(PAUSED, NOON)
    record = correlator.record(replace(PAUSED, subject=replace(WEB, resource_version="8")), NOON)
    assert record is not None
    assert record.count == 2


def _messages(correlator, count, start=NOON, pause=SECOND):
    events = [replace(PAUSED, message=f"step {n}") for n in range(count)]
    return [correlator.record(event, start + n * pause) for n, event in enumerate(events)]


def test_from_the_tenth_message_on_similar_events_are_one():
    records = _messages(Correlator(), 14)
    assert [record.event.message for record in records[:9]] == [f"step {n}" for n in range(9)]
    assert [record.event.message for record in records[9:]] == [
        f"{COMBINED}step {n}" for n in range(9, 14)
    ]
    assert len({record.name for record in records}) == 10
    assert [record.count for record in records[9:]] == [1, 2, 3, 4, 5]


def test_ten_quiet_minutes_end_the_combining():
    correlator = Correlator()
    _messages(correlator, 12)
    quiet = NOON + 11 * SECOND + timedelta(minutes=10)
    assert (
        correlator.record(replace(PAUSED, message="new"), quiet).event.message == COMBINED + "new"
    )
    later = correlator.record(
        replace(PAUSED, message="newer"), quiet + timedelta(minutes=10, seconds=1)
    )
    assert later.event.message == "newer"


def test_an_object_that_says_too_much_is_cut_off_and_slowly_heard_again():
    correlator = Correlator()
    written = [correlator.record(PAUSED, NOON) for _ in range(30)]
    assert [record is not None for record in written] == [True] * 25 + [False] * 5
    assert correlator.record(PAUSED, NOON + timedelta(minutes=4, seconds=59)) is None
    heard = correlator.record(PAUSED, NOON + timedelta(minutes=5, seconds=1))
    assert heard is not None
    assert heard.count == 32  # what was not written is counted all the same
    # Warnings have a limit of their own, so that an abort is told after a long release
    assert correlator.record(replace(PAUSED, type="Warning"), NOON) is not None
    assert correlator.record(replace(PAUSED, subject=replace(WEB, name="api")), NOON) is not None


def test_warnings_and_other_events_of_one_object_are_counted_and_limited_apart():
    correlator = Correlator()
    kinds = ["Normal", "Warning"]
    records = [correlator.record(replace(PAUSED, type=kinds[n % 2]), NOON) for n in range(54)]
    assert [record.count for record in records[:4]] == [1, 1, 2, 2]
    assert [record is not None for record in records] == [True] * 50 + [False] * 4


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400)), max_size=120))
def test_no_history_gives_more_than_the_burst_and_its_refill(history):
    correlator, now, written = Correlator(), NOON, 0
    for message, pause in history:
        now += pause * SECOND
        written += correlator.record(replace(PAUSED, message=str(message)), now) is not None
        assert written <= 25 + (now - NOON).total_seconds() / 300 + 1e-6


def test_memory_is_bounded():
    correlator = Correlator(largest=8)
    for n in range(100):
        correlator.record(replace(PAUSED, subject=replace(WEB, name=f"web-{n}")), NOON)
    assert {len(m) for m in (correlator._records, correlator._similar, correlator._buckets)} == {8}


def test_events_of_one_moment_have_different_names():
    names = {record.name for record in _messages(Correlator(), 9, pause=timedelta(0))}
    assert len(names) == 9
    assert f"web.{int(NOON.timestamp()) * 10**9:x}" in names


def test_a_name_that_would_be_too_long_is_a_uuid():
    assert event_name("web", 255) == "web.ff"
    assert len(event_name("w" * 250, 2**60)) == 36


def test_the_document_is_what_argo_rollouts_writes():
    record = Correlator().record(PAUSED, NOON)
    assert record is not None
    assert document(record) == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "shop", "name": record.name},
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "namespace": "shop",
            "name": "web",
            "uid": "u-1",
            "resourceVersion": "7",
        },
        "type": "Normal",
        "reason": "RolloutPaused",
        "message": "Rollout is paused",
        "firstTimestamp": "2026-03-01T12:00:00Z",
        "lastTimestamp": "2026-03-01T12:00:00Z",
        "count": 1,
        "source": {"component": "rollouts-controller"},
        "reportingComponent": "rollouts-controller",
        "reportingInstance": "",
    }


@pytest.fixture
def write(virtually, store):
    """Emits events, lets the recorder write for a while, and gives it back."""

    def run(*messages, seconds=60.0, before=None):
        async def body():
            loop = asyncio.get_running_loop()
            client = Client(store, retries=Retries(attempts=1))
            recorder = EventRecorder(
                client, now=lambda: NOON + loop.time() * SECOND, jitter=lambda: 0.5
            )
            for message in messages:
                recorder.emit(ABOUT, "Normal", "RolloutPaused", message)
            if before is not None:
                before(loop)
            task = asyncio.create_task(recorder.run())
            flushed = await recorder.flushed(seconds)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            return recorder, flushed

        return virtually(body())

    return run


def test_the_recorder_creates_and_then_patches(write, store):
    recorder, flushed = write("a", "a", "b")
    assert [(method, path.count("/")) for method, path in store.requests] == [
        ("POST", 5),
        ("PATCH", 6),
        ("POST", 5),
    ]
    assert [event["count"] for event in store.objects.values()] == [2, 1]
    assert (recorder.dropped, flushed) == (0, True)


def test_an_event_that_the_server_forgot_is_written_anew(virtually, store):
    async def body():
        recorder = EventRecorder(Client(store), now=lambda: NOON)
        task = asyncio.create_task(recorder.run())
        for _ in range(2):
            recorder.emit(ABOUT, "Normal", "RolloutPaused", "a")
            await recorder.flushed(1)
            forgotten = dict(store.objects)
            store.objects.clear()
        task.cancel()
        return forgotten

    assert [event["count"] for event in virtually(body()).values()] == [2]
    assert [method for method, _ in store.requests] == ["POST", "PATCH", "POST"]


def test_a_server_that_is_away_is_waited_for(write, store):
    store.refuse["POST"] = 503
    recorder, flushed = write("a", before=lambda loop: loop.call_later(7, store.refuse.clear))
    assert [method for method, _ in store.requests] == ["POST"] * 3  # at 0 s, 5 s and 15 s
    assert (len(store.objects), recorder.dropped, flushed) == (1, 0, True)


def test_a_server_that_stays_away_costs_the_event(write, store):
    store.refuse["POST"] = 503
    recorder, flushed = write("a", seconds=600)
    assert len(store.requests) == 12
    assert (recorder.dropped, flushed) == (1, True)


def test_a_refused_event_is_dropped_and_the_next_one_written(write, store, caplog):
    store.refuse["POST"] = 403
    recorder, _ = write("a", before=lambda loop: loop.call_soon(lambda: None))
    assert (len(store.requests), recorder.dropped) == (1, 1)
    assert "event dropped: create events shop/web." in caplog.text


def test_a_full_queue_drops_and_never_blocks(write, store):
    recorder, _ = write(*[str(n) for n in range(1003)])
    assert recorder.dropped == 3


def test_flushing_gives_up_in_time(write, store):
    store.hang.add("POST")
    assert write("a", seconds=3)[1] is False


def test_a_long_message_is_cut_to_what_the_server_takes(write, store):
    write("x" * 5000)
    (event,) = store.objects.values()
    assert len(event["message"]) == 1024
