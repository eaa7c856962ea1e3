"""What an API server can answer instead of what was asked, as one tree of exceptions.

In: a status code and the Status body that came with it. Out: a `KubeError` of the fitting kind.
`client.py` and `watch.py` raise them; `apply` and `run/` tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradatim.errors import GradatimError

#: What the server says is cut here: enough to understand, too little to leak a document.
LONGEST_MESSAGE = 256


class KubeError(GradatimError):
    """A request that the API server did not carry out.

    `status` is the HTTP code, 0 where no answer came. `reason` is the Status object's own word.
    `retry_after` is in seconds, None where the server named no time.
    `causes` are the machine-readable reasons of `details.causes`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
        causes: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.causes = causes


class Conflict(KubeError):
    """409: the object changed since it was read, or a precondition does not hold."""


class AlreadyExists(KubeError):
    """409 on create: an object of that name is there."""


class NotFound(KubeError):
    """404: no such object, namespace or kind."""


class Gone(KubeError):
    """410: the resource version or the list's continue token is too old."""


class Forbidden(KubeError):
    """403: the account may not do this, or admission or quota refused it."""


class Unauthorized(KubeError):
    """401: the credentials are not, or no longer, accepted."""


class Invalid(KubeError):
    """400, 405, 413, 415, 422: the request is wrong, and would be wrong again."""


class Throttled(KubeError):
    """429: too many requests, or an eviction that a disruption budget forbids just now."""


class Unavailable(KubeError):
    """5xx: the server answered that it cannot, for now."""


class Unreachable(KubeError):
    """No answer came: refused, reset, timed out. A write may or may not have been done."""


_BY_STATUS: Mapping[int, type[KubeError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
}


def is_refusal(error: Exception) -> bool:
    """Whether somebody has to mend something before it can work: admission, quota, rights, a webhook that is down.

    The API server answers 500 and InternalError for a webhook that it cannot ask; what else is 500 and above passes.
    """
    if isinstance(error, Unavailable):
        return error.reason == "InternalError"
    return isinstance(error, (Forbidden, Invalid))


def error_of(
    request: str, status: int, headers: Mapping[str, str], body: Mapping[str, Any]
) -> KubeError:
    """The exception for an answer of 400 and above.

    `request` says what was asked: verb, resource, namespace/name. `body` is the Status object.
    """
    reason = _text(body.get("reason"))
    said = short(_text(body.get("message"))) or reason or f"status {status}"
    return _kind(status, reason)(
        f"{request}: {said}",
        status=status,
        reason=reason,
        retry_after=_retry_after(headers, body),
        causes=_causes(body),
    )


def short(text: str) -> str:
    """`text` on one line that can be written, of at most LONGEST_MESSAGE characters."""
    line = " ".join(text[: 4 * LONGEST_MESSAGE].encode(errors="replace").decode().split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def _kind(status: int, reason: str) -> type[KubeError]:
    if reason == "AlreadyExists":
        return AlreadyExists
    if reason == "Expired":
        return Gone
    if status >= 500:
        return Unavailable
    return _BY_STATUS.get(status, KubeError)


def _details(body: Mapping[str, Any]) -> Mapping[str, Any]:
    details = body.get("details")
    return details if isinstance(details, dict) else {}


def _causes(body: Mapping[str, Any]) -> frozenset[str]:
    causes = _details(body).get("causes")
    if not isinstance(causes, list):
        return frozenset()
    return frozenset(_text(cause.get("reason")) for cause in causes if isinstance(cause, dict))


def _retry_after(headers: Mapping[str, str], body: Mapping[str, Any]) -> float | None:
    """Seconds; the header first. The date form of Retry-After is not used by API servers."""
    for said in (headers.get("retry-after"), _details(body).get("retryAfterSeconds")):
        digits = str(said)
        if digits.isascii() and digits.isdecimal() and int(digits[:9]) > 0:
            return float(digits[:9])
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
