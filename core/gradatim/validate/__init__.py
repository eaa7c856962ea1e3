"""What is wrong with objects, said before anything is done with them: Problems, each with the path of its field.

In: views and JSON, what they refer to, and the installed plugins. Out: Problems, and Advice that fails nothing.
The InvalidSpec condition, the admission webhook and `gradatim validate` call the same functions. Pure.
"""

from __future__ import annotations

from .advice import Advice
from .experiments import experiment_problems
from .habits import rollout_advice
from .invalid_spec import invalid_spec
from .plugins import Plugins
from .references import References, Routed, reference_problems
from .rollout import rollout_problems
from .templates import run_advice, run_problems, template_advice, template_problems

__all__ = [
    "Advice",
    "Plugins",
    "References",
    "Routed",
    "experiment_problems",
    "invalid_spec",
    "reference_problems",
    "rollout_advice",
    "rollout_problems",
    "run_advice",
    "run_problems",
    "template_advice",
    "template_problems",
]
