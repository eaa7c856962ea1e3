"""The disruption controller: the status of PodDisruptionBudgets.

In: the change feed of budgets and pods. Out: the budgets' status.
One of the cluster's own controllers; `disruption.py` does the counting.
"""

from __future__ import annotations

from gradatim.sim.agenda import Agenda
from gradatim.sim.disruption import budget_status
from gradatim.sim.store import Event
from gradatim.sim.verbs import Target, Verbs


class Budgets:
    """Keeps the status of each budget."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue["poddisruptionbudgets.policy"]
        verbs.store.subscribe([self._resource.name, "pods"], self._changed)

    def _changed(self, event: Event) -> None:
        namespace = event.new["metadata"]["namespace"]
        for budget in self._verbs.store.listed(self._resource.name, namespace):
            name = budget["metadata"]["name"]
            self._look(namespace, name)

    def _look(self, namespace: str, name: str) -> None:
        self._agenda.now(("budget", namespace, name), lambda: self.reconcile(namespace, name))

    def reconcile(self, namespace: str, name: str) -> None:
        """Write the status of one budget."""
        target = Target(self._resource, namespace, name)
        budget = self._verbs.find(target)
        if budget is not None:
            self._verbs.set_status(target, budget_status(self._verbs, budget))
