"""Taking secrets out of texts before they are stored or told.

In: a text and the secrets that went into what it tells about. Out: the text with `*****` for each.
The measuring and the fence call it on everything that a provider says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "*****"

#: Scheme, host and port alone tell no secret, and a message without the address helps nobody.
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")
#: Shorter texts are no secrets, though a Secret may hold them: `1`, `eu`, `on`. In a message they are struck out where
#: they stand alone, and not out of the middle of every word; in values not even there.
_SHORTEST: Final = 4


class Redactor:
    """Replaces secrets, and the forms that they take in URLs and in JSON."""

    __slots__ = ("_all", "_long")

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = {text for text in secrets if text.strip() and not _ADDRESS.fullmatch(text)}
        self._all = _pattern(kept)
        self._long = _pattern({text for text in kept if len(text) >= _SHORTEST})

    def message(self, text: str) -> str:
        """A sentence for people, without any secret. Those shorter than four characters go as whole words only."""
        return self._all.sub(REDACTED, text) if self._all else text

    def value(self, text: str) -> str:
        """A measured value or a metadata entry, without secrets of four characters and more."""
        return self._long.sub(REDACTED, text) if self._long else text


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a secret may be a part of another one.
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(_found, longest_first))) if forms else None


def _found(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= _SHORTEST else rf"(?<!\w){escaped}(?!\w)"


def _forms(secret: str) -> set[str]:
    stripped = secret.strip()
    in_json = json.dumps(stripped)[1:-1]
    return {
        secret,
        stripped,
        in_json,
        quote(stripped, safe=""),
        quote(stripped),
        quote_plus(stripped),
    }
