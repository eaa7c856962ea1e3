"""All that keeps a Rollout from being carried out.

In: a Rollout, what it refers to, the installed plugins. Out: the Problems of its InvalidSpec condition.
The controller calls it before each decision and puts the result into the snapshot.
"""

from __future__ import annotations

from gradatim.model.rollout import Rollout
from gradatim.plugin import Problem

from .plugins import Plugins
from .references import References, reference_problems
from .rollout import rollout_problems


def invalid_spec(rollout: Rollout, references: References, plugins: Plugins) -> tuple[Problem, ...]:
    """What the spec breaks or uses too early; only if that is nothing, what it refers to.

    Like the reference, which looks for no Service on behalf of a spec that cannot be right: the names in
    it may be what is wrong. For a Rollout with one fault the condition's message is the reference's.
    """
    found = tuple(rollout_problems(rollout, plugins))
    return found or tuple(reference_problems(rollout, references, plugins))
