"""Metric providers: what they are asked, what they answer, and the class they extend.

In: a `Query` with the provider's own block, arguments and Secrets already resolved. Out: a `Measurement`.
Called by the controller's measuring loop, by `gradatim measure` and by the contract suite in `gradatim.testing`.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from .jobs import Jobs
from .problem import FieldPath, Problem
from .ratelimit import RateLimit
from .series import Series

#: A JSON object: `str` keys, and values of `None, bool, int, float, str, list, dict`. Never mutate one.
Json: TypeAlias = dict[str, Any]


class Verdict(enum.StrEnum):
    """What a provider found out by itself, where it does not leave judging to the conditions."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A Secret that a provider wants to read.

    Attributes:
        name: the Secret's name.
        in_run_namespace: True: in the namespace of the AnalysisRun. False: in the controller's.
    """

    name: str
    in_run_namespace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question to a provider.

    Attributes:
        config: the provider's block of the metric, with every `{{args.…}}` put in.
        metric: the metric's name.
        namespace: the AnalysisRun's namespace.
        run: the AnalysisRun's name ("" when there is none, as for `gradatim measure`).
        run_uid: its uid.
        now: the moment of asking, aware and UTC. Windows of time end here.
        secrets: the Secrets that `MetricProvider.secrets` asked for. A value of None: no such Secret.
            Values are decoded text.
        secret_namespaces: where each of them was looked for, for messages.
        environment: the controller's environment variables.
        times: the points of time that `MetricProvider.times` asked for, aware, under the same paths.
        metadata: of the earlier measurement, for `resume` and `terminate`.
        number: how many measurements of this metric were begun before this one.
        jobs: the Jobs of the run, for providers that say `uses_jobs`; None for others, and where there is no
            cluster.
    """

    config: Json
    metric: str
    namespace: str
    now: datetime
    run: str = ""
    run_uid: str = ""
    secrets: Mapping[SecretRef, Mapping[str, str] | None] = field(default_factory=dict, repr=False)
    secret_namespaces: Mapping[SecretRef, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    metadata: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    jobs: Jobs | None = field(default=None, repr=False)
    times: Mapping[FieldPath, datetime] = field(default_factory=dict)


class Numbers(list[float]):
    """A value that is a list of floats whatever was measured, as a Prometheus vector is.

    Conditions are checked against that: `result[0] == "1"` is an error then, as in Argo Rollouts, and not false.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What came of a query: a value for the core to judge, a verdict, or still running.

    Attributes:
        value: the JSON value that the conditions see as `result`; `Numbers` for a list of floats. With `no_data` None,
            or an empty list where the conditions may ask for its length.
        text: how the value is kept in the status; the tools of users read it there.
        verdict: set when the provider judged by itself; the conditions are then not evaluated.
        running: the provider needs more time; `resume` is called at `resume_at`.
        resume_at: earliest moment of the next `resume` (None: as soon as possible).
        message: a sentence for the status, without secrets.
        metadata: short strings to keep with the measurement; they come back in `Query.metadata`.
        no_data: the provider answered, and there is nothing there to judge.
        rate_limit: what the reply said of the service's rate limit.
        query: the question as it was asked, in one text, for the record of the measurement. "": the
            core keeps the block.
        samples: the raw samples that the value was made of, as JSON, for the record. None: the core
            keeps the value. The core bounds what it keeps of both, and takes secrets out.
        series: the answer's series with their labels, where it has any. A metric that is judged by
            comparison (`gradatim.dev/judge`) finds baseline and canary among them.
    """

    value: object = None
    text: str = ""
    verdict: Verdict | None = None
    running: bool = False
    resume_at: datetime | None = None
    message: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    no_data: bool = False
    rate_limit: RateLimit | None = None
    query: str = ""
    samples: object = None
    series: tuple[Series, ...] = ()


class MetricProvider(ABC):
    """Answers queries of one kind. One instance serves the whole controller, concurrently.

    Subclasses are constructed without arguments, at first use. Only `measure` must be written. The
    base class grows by methods with defaults, never by another abstract one.
    """

    #: The provider's key: the CRD's own field (`datadog`), or `org/name` for one under `plugin:`.
    key: ClassVar[str]

    #: Whether it measures by running Kubernetes Jobs, which it then finds in `Query.jobs`.
    uses_jobs: ClassVar[bool] = False

    @abstractmethod
    async def measure(self, query: Query) -> Measurement:
        """Ask once.

        The core bounds the time of each call, so there is no need for a deadline over all retries.

        Raises:
            ProviderError: there was no answer, or none that could be read.
        """

    async def resume(self, query: Query, measurement: Measurement) -> Measurement:
        """Ask again about a measurement that was still running. By default: it stays so."""
        del query
        return measurement

    async def terminate(self, query: Query, measurement: Measurement) -> Measurement:
        """Stop a measurement that is still running. By default: it ends Inconclusive."""
        del query
        return Measurement(
            verdict=Verdict.INCONCLUSIVE, text=measurement.text, metadata=measurement.metadata
        )

    def secrets(self, config: Json) -> Iterable[SecretRef]:
        """The Secrets that a query with this block needs. They come in `Query.secrets`. No I/O."""
        del config
        return ()

    def times(self, config: Json) -> Mapping[FieldPath, str]:
        """Fields of the block that hold the expression of a point of time, such as `now() - duration("5m")`.

        By their path below the block. The core refuses a manifest in which one cannot be read, and puts what they
        give at `Query.now` into `Query.times`: a plugin need not know the language. No I/O; any JSON must do.
        """
        del config
        return {}

    def environment(self) -> Iterable[str]:
        """Names of the environment variables it reads, for `gradatim plugins list`. No I/O."""
        return ()

    def result_metadata(self, query: Query) -> Mapping[str, str]:
        """Short strings to keep once for the metric, such as the resolved query. No I/O."""
        del query
        return {}

    async def probe(self, query: Query, path: FieldPath) -> list[Problem]:
        """Would this query work now? Credentials, address, syntax; no rollout needed.

        `path` is the path of the provider's block, for the Problems.
        """
        del query, path
        return []

    def identity(self, query: Query) -> Hashable | None:
        """Queries of equal identity in one window may share one answer. None: never. No I/O."""
        del query
        return None

    def account(self, query: Query) -> Hashable | None:
        """Whose rate limit the query uses: a credential and an address. Queries of equal account share one.

        Never the credential itself, but a keyed hash of it. None: unknown; the core takes the address that
        the block names. No I/O.
        """
        del query
        return None

    async def garbage_collect(self, query: Query, keep: int) -> None:
        """Remove what earlier measurements left behind, but for the newest `keep` of them."""
        del query, keep

    async def aclose(self) -> None:
        """Release connections, at the end of the controller."""
        return
