"""What a status says of a ReplicaSet that the server would not create."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gradatim.decide.refusal import creation_refused
from gradatim.model.reading import Reader
from gradatim.model.status import read_status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_progressing_is_false_with_the_reason_and_all_else_stays() -> None:
    before = {
        "phase": "Healthy",
        "observedGeneration": "3",
        "conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            {"type": "Available", "status": "True", "reason": "AvailableReason", "message": ""},
        ],
    }
    after = creation_refused(read_status(Reader(before)), "denied", NOON)
    assert {k: v for k, v in after.items() if k != "conditions"} == {
        "phase": "Healthy",
        "observedGeneration": "3",
    }
    assert [c["type"] for c in after["conditions"]] == ["Available", "Progressing"]
    assert after["conditions"][1] == {
        "type": "Progressing",
        "status": "False",
        "reason": "ReplicaSetCreateError",
        "message": "denied",
        "lastUpdateTime": "2026-03-01T12:00:00Z",
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }


def test_said_once_it_is_not_said_again() -> None:
    first = creation_refused(read_status(Reader({})), "denied", NOON)
    again = creation_refused(read_status(Reader(first)), "denied", NOON + timedelta(seconds=9))
    assert again is not first
    assert again == first
