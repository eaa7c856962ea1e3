import pytest

from gradatim.errors import GradatimError
from gradatim.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
    error_of,
)

KINDS = [
    ("400 is Invalid", 400, "BadRequest", Invalid),
    ("401 is Unauthorized", 401, "Unauthorized", Unauthorized),
    ("403 is Forbidden", 403, "Forbidden", Forbidden),
    ("404 is NotFound", 404, "NotFound", NotFound),
    ("409 is Conflict", 409, "Conflict", Conflict),
    ("409 with reason AlreadyExists is AlreadyExists", 409, "AlreadyExists", AlreadyExists),
    ("410 is Gone", 410, "Gone", Gone),
    ("an expired continue token is Gone", 410, "Expired", Gone),
    ("422 is Invalid", 422, "Invalid", Invalid),
    ("429 is Throttled", 429, "TooManyRequests", Throttled),
    ("500 is Unavailable", 500, "InternalError", Unavailable),
    ("504 is Unavailable", 504, "Timeout", Unavailable),
    ("a teapot is just a KubeError", 418, "", KubeError),
]


@pytest.mark.parametrize(
    ("status", "reason", "kind"), [k[1:] for k in KINDS], ids=[k[0] for k in KINDS]
)
def test_status_makes_the_kind(status, reason, kind):
    error = error_of("get pods a/b", status, {}, {"reason": reason, "message": "no"})
    assert type(error) is kind
    assert isinstance(error, GradatimError)
    assert (error.status, error.reason) == (status, reason)


def test_already_exists_is_no_conflict():
    assert not issubclass(AlreadyExists, Conflict)


def test_message_says_what_was_asked_and_what_the_server_said():
    error = error_of("patch rollouts.argoproj.io shop/web", 409, {}, {"message": "it\n  changed"})
    assert str(error) == "patch rollouts.argoproj.io shop/web: it changed"


def test_a_message_can_be_written_whatever_the_server_says() -> None:
    error = error_of("get", 422, {}, {"message": 'Invalid value: "\ud800"'})
    assert str(error).encode() == b'get: Invalid value: "?"'


def test_the_servers_message_is_cut():
    error = error_of("get", 500, {}, {"message": "x" * 10_000})
    assert len(str(error)) == len("get: ") + 256
    assert str(error).endswith("…")


@pytest.mark.parametrize(
    ("headers", "details", "seconds"),
    [
        ({"retry-after": "7"}, {}, 7.0),
        ({}, {"retryAfterSeconds": 3}, 3.0),
        ({"retry-after": "7"}, {"retryAfterSeconds": 3}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, {"retryAfterSeconds": 3}, 3.0),
        ({"retry-after": "0"}, {}, None),
        ({"retry-after": "-4"}, {}, None),
        ({"retry-after": "nan"}, {}, None),
        ({}, {"retryAfterSeconds": None}, None),
        ({"retry-after": "9" * 400}, {}, 999999999.0),
    ],
)
def test_retry_after(headers, details, seconds):
    assert error_of("get", 429, headers, {"details": details}).retry_after == seconds


@pytest.mark.parametrize(
    "body", [{}, {"details": "odd", "message": 7, "reason": []}, {"details": {"causes": 1}}]
)
def test_an_odd_body_is_no_second_fault(body):
    assert str(error_of("get x", 503, {}, body)) == "get x: status 503"


def test_causes_are_kept():
    body = {"details": {"causes": [{"reason": "DisruptionBudget"}, "odd"]}}
    assert error_of("evict", 429, {}, body).causes == {"DisruptionBudget"}
