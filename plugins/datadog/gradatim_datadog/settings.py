"""What a sound `datadog:` block says: the settings of one query.

In: the block as JSON, arguments put in. Out: `Settings`, or the Secret that it names. Pure.
Called by the provider before each request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from gradatim.plugin import FieldPath, Json, ProviderError, SecretRef
from gradatim.plugin.duration import parse_duration
from gradatim.plugin.texts import excerpt

from .config import problems

#: The Secret in the controller's namespace where a block names none.
DEFAULT_SECRET: Final = SecretRef("datadog")
_DEFAULT_INTERVAL: Final = "5m"
_DEFAULT_TIMEOUT: Final = "10s"
_DEFAULT_AGGREGATOR: Final = "last"
#: What the reference calls a query that has no name. It shows up in Datadog's own error messages.
_ONLY: Final = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One query, ready to be sent.

    Attributes:
        version: of Datadog's API.
        queries: by name; exactly one for v1.
        formula: over the names of the queries; "" for none.
        aggregator: makes one number of each series.
        interval: seconds of the window, which ends at the moment of asking.
        timeout: seconds for one answer.
        secret: the only Secret to take the keys from. None: the environment, then the default one.
        question: the field that its author wrote the query into.
    """

    version: Literal["v1", "v2"]
    queries: Mapping[str, str]
    formula: str = ""
    aggregator: str = _DEFAULT_AGGREGATOR
    interval: int
    timeout: float
    secret: SecretRef | None = None
    question: Literal["query", "queries"] = "query"

    @property
    def asked(self) -> str:
        """The question in one text, for the record."""
        queries = "; ".join(
            query if name == _ONLY else f"{name} = {query}" for name, query in self.queries.items()
        )
        formula = f"{self.formula} with " if self.formula else ""
        return f"{formula}{queries} over {self.interval} s"


def settings(config: Json) -> Settings:
    """What the block says.

    Raises:
        ProviderError: it cannot be used, and why; `field` is the field at fault.
    """
    problem = next(problems(config, FieldPath()), None)
    if problem is not None:
        raise ProviderError(excerpt(str(problem)), field=str(next(iter(problem.path.parts), "")))
    return Settings(
        version="v2" if config.get("apiVersion") == "v2" else "v1",
        queries=config.get("queries") or {_ONLY: config["query"]},
        formula=config.get("formula") or "",
        aggregator=config.get("aggregator") or _DEFAULT_AGGREGATOR,
        interval=int(_seconds(config, "interval", _DEFAULT_INTERVAL)),
        timeout=_seconds(config, "requestTimeout", _DEFAULT_TIMEOUT),
        secret=named_secret(config),
        question="queries" if config.get("queries") else "query",
    )


def named_secret(config: object) -> SecretRef | None:
    """The Secret that a block names, whatever else is in it."""
    named = config.get("secretRef") if isinstance(config, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    if not isinstance(named, dict) or not isinstance(name, str) or not name:
        return None
    return SecretRef(name, in_run_namespace=named.get("namespaced") is True)


def _seconds(config: Json, name: str, default: str) -> float:
    try:
        return parse_duration(config.get(name) or default)
    except ValueError as error:  # an argument that was never put in passes validation
        raise ProviderError(f"{name}: {error}", field=name) from error
