"""A circuit breaker: a service that does not answer is left alone for a while.

In: whether each call to an address was an outage, and a clock. Out: whether the next call may be made.
The fence has one for each provider and address.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

_MOST_CIRCUITS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit opens.

    Attributes:
        outages: this many in a row open it.
        open_seconds: how long it stays open, unless the service named a time. As long as a metric waits after an
            error, so that no run loses a retry that Argo Rollouts would have made.
        longest_seconds: what a service can ask for at most.
    """

    outages: int = 5
    open_seconds: float = 10.0
    longest_seconds: float = 300.0


@dataclass(slots=True)
class _Circuit:
    outages: int = 0
    opens_again: float = 0.0
    on_trial: bool = False


class Breaker:
    """The circuits of all addresses. Closed ones take no memory."""

    def __init__(self, clock: Callable[[], float], policy: BreakerPolicy | None = None) -> None:
        self._clock = clock
        self._policy = policy or BreakerPolicy()
        self._circuits: OrderedDict[Hashable, _Circuit] = OrderedDict()

    def wait_of(self, key: Hashable) -> float:
        """Seconds until a call may be made; 0: now, and if the circuit was open, this call is its trial."""
        circuit = self._circuits.get(key)
        if circuit is None or circuit.outages < self._policy.outages:
            return 0.0
        left = circuit.opens_again - self._clock()
        if left > 0:
            return left
        if circuit.on_trial:
            return self._policy.open_seconds
        circuit.on_trial = True
        return 0.0

    def answered(self, key: Hashable) -> None:
        """The service answered, whatever it said: the circuit is closed."""
        self._circuits.pop(key, None)

    def failed(self, key: Hashable, retry_after: float | None = None) -> None:
        """The service did not answer. `retry_after`: seconds that it asked for."""
        circuit = self._circuits.setdefault(key, _Circuit())
        circuit.outages += 1
        circuit.on_trial = False
        wait = max(self._policy.open_seconds, retry_after or 0.0)
        circuit.opens_again = self._clock() + min(wait, self._policy.longest_seconds)
        self._circuits.move_to_end(key)
        while len(self._circuits) > _MOST_CIRCUITS:
            self._circuits.popitem(last=False)

    def gave_up(self, key: Hashable) -> None:
        """The call ended without telling anything about the service, such as when we are stopped."""
        if circuit := self._circuits.get(key):
            circuit.on_trial = False

    def open_circuits(self) -> list[Hashable]:
        """The keys whose service is left alone at present."""
        most = self._policy.outages
        return [key for key, circuit in self._circuits.items() if circuit.outages >= most]
