"""Reads an answer: the value that the jsonPath finds in a body, and how it stands in the status.

In: a body, the parts of a jsonPath, and what to do with plain text. Out: a `Measurement`, or a `ProviderError`.
Called by `provider`. Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

from gradatim.plugin import Measurement, ProviderError

from . import gojson
from .jsonpath import JSONPathError, Path
from .jsonwalk import first_value

#: What is read of a body, in bytes.
MAX_BODY: Final = 1_048_576
#: What is shown of a body in a message, in characters.
SHOWN_BODY: Final = 256
#: What is kept of a value in the status, in characters: ten of them stand in one object.
MAX_TEXT: Final = 16_384


class PlainText(enum.StrEnum):
    """What a body that is no JSON means.

    Argo Rollouts up to 1.10 took any such answer for a success, without looking at the conditions
    (argoproj/argo-rollouts#4535); its master makes the text the `result` and judges that.
    """

    ERROR = "error"
    RESULT = "result"


def measurement(
    body: bytes, json_path: tuple[Path, ...], plain_text: PlainText, secrets: Iterable[str]
) -> Measurement:
    """The value of an answer with a 2xx status.

    Raises:
        ProviderError: there is no such value in it.
    """
    try:
        document = gojson.loads(body)
    except ValueError:
        text = body.decode("utf-8", "replace")
        if plain_text is PlainText.RESULT:
            return Measurement(value=text, text=_kept(text, secrets))
        raise ProviderError(_no_json(text, secrets)) from None
    try:
        found, value = first_value(json_path, document)
        text = gojson.dumps(value)
    except JSONPathError as error:
        raise ProviderError(f"the jsonPath does not fit the answer: {error}") from None
    except RecursionError:
        raise ProviderError("the answer is nested too deeply") from None
    if not found:
        raise ProviderError("the jsonPath finds no value in the answer")
    return Measurement(value=value, text=_kept(text, secrets))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret struck out, longer ones first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "*****")
    return text


def _kept(text: str, secrets: Iterable[str]) -> str:
    text = redacted(text, secrets)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def _no_json(text: str, secrets: Iterable[str]) -> str:
    shown = " ".join(redacted(text, secrets).split())[:SHOWN_BODY]
    body = f"the text {gojson.dumps(shown)}" if shown else "an empty body"
    return f"the answer is {body}, and not JSON"
