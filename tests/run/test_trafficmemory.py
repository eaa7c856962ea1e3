"""When traffic last changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gradatim.run.trafficmemory import TrafficMemory

KEY = ("default", "web")
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_what_is_seen_first_counts_as_changed_just_now() -> None:
    assert TrafficMemory().changed(KEY, "20 %", at(7)) == at(7)


def test_only_a_change_moves_the_instant() -> None:
    memory = TrafficMemory()
    memory.changed(KEY, "20 %", at(0))
    assert memory.changed(KEY, "20 %", at(5)) == at(0)
    assert memory.changed(KEY, "40 %", at(6)) == at(6)
    assert memory.changed(KEY, "40 %", at(9)) == at(6)
    assert memory.changed(("other", "web"), "40 %", at(10)) == at(10)


def test_our_own_write_counts_from_when_it_was_made() -> None:
    memory = TrafficMemory()
    memory.changed(KEY, "20 %", at(0))
    memory.touch(KEY, at(4))
    assert memory.changed(KEY, "20 %", at(5)) == at(4)
    # the cache tells of it later, and only then is it seen
    assert memory.changed(KEY, "40 %", at(6)) == at(6)
    memory.forget(KEY)
    assert memory.changed(KEY, "40 %", at(8)) == at(8)
    memory.touch(("new", "one"), at(9))
    assert memory.changed(("new", "one"), "x", at(10)) == at(10)
