"""What is kept with a measurement, so that it can be looked at afterwards.

In: an answer, the block that was asked with, seconds, and who answered. Out: metadata, in bounds.
The measuring calls it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gradatim.plugin import Json, Measurement

QUERY: Final = "gradatim.dev/query"
LATENCY: Final = "gradatim.dev/latency"
PLUGIN: Final = "gradatim.dev/plugin"
SAMPLES: Final = "gradatim.dev/samples"
#: The keys, the first to go where an object grows too large at the beginning.
RECORD: Final = (SAMPLES, QUERY, PLUGIN, LATENCY)

_LONGEST_QUERY: Final = 1_024
_LONGEST_SAMPLES: Final = 2_048
_LONGEST_CLEARED: Final = 65_536
_MOST_SAMPLES: Final = 100
#: Parts of a block that ask nothing, and may hold what nobody should read.
_UNASKED: Final = frozenset({"authentication", "headers", "secretRef"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How a measurement was made.

    Attributes:
        block: the provider's, as it was asked with.
        seconds: that the answer took.
        plugin: distribution and version of who asked.
        clear: takes secrets out of a text.
    """

    block: Json
    seconds: float
    plugin: str
    clear: Callable[[str], str] = str


def record(answer: Measurement, made: Circumstances) -> dict[str, str]:
    """The metadata of a record. An answer that is still to come has none."""
    if answer.running:
        return {}
    query = str(answer.query or "") or _written(_question(made.block))
    samples = answer.samples if answer.samples is not None else answer.value
    found = {
        QUERY: _kept(query, _LONGEST_QUERY, made),
        LATENCY: f"{max(0.0, made.seconds):.3f}s",
        PLUGIN: made.plugin,
        SAMPLES: "" if samples is None else _kept(_sampled(samples), _LONGEST_SAMPLES, made),
    }
    return {key: text for key, text in found.items() if text}


def _kept(text: str, longest: int, made: Circumstances) -> str:
    # cleared before it is cut: half of a secret would not be found
    text = made.clear(text[:_LONGEST_CLEARED])
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _question(block: Json) -> Json:
    return {key: value for key, value in block.items() if key not in _UNASKED}


def _sampled(samples: object) -> str:
    """JSON of the newest samples, which come last."""
    newest = list(samples)[-_MOST_SAMPLES:] if isinstance(samples, list | tuple) else samples
    return _written(newest)


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (ValueError, TypeError, RecursionError):
        return ""


def without_record(metadata: Mapping[str, str], *keys: str) -> dict[str, str]:
    """The metadata without these parts of the record."""
    return {key: value for key, value in metadata.items() if key not in keys}
