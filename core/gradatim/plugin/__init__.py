"""Everything that a plugin imports. A plugin in four steps:

1. Write a class that extends `MetricProvider` (one method: `measure`), `TrafficRouter` (one: `plan`) or
   `StepPlugin` (one: `run`).
2. Return it from a module-level hook, and say which API it was written for:

       from gradatim.plugin import FieldPath, Measurement, MetricProvider, Problem, hookimpl

       GRADATIM_API = "1.0"

       class Constant(MetricProvider):
           key = "example.com/constant"

           async def measure(self, query):
               return Measurement(value=query.config["value"], text=str(query.config["value"]))

       @hookimpl
       def gradatim_metric_providers():
           return [Constant]

3. Answer `gradatim_validate_metric`, `gradatim_validate_route` or `gradatim_validate_step` for your key, with
   one `Problem` for each wrong field, so that a mistake is found before a rollout and not in the middle of one.
4. Name the module in pyproject.toml: `[project.entry-points.gradatim]`, `constant = "my_module"`.

Rules: hooks do no I/O, and importing the module is cheap (heavy imports happen at first use). You get values,
never the controller, its cache or a Kubernetes client; Secrets come resolved in `Query.secrets` and
`StepCall.secrets`. Raise `ProviderError`, `RouterError` or `StepError`; whatever else you raise is caught, named after
you, and hurts only the objects that use you. `gradatim.testing` has the contract suites to run your plugin against.

The three hooks that register classes are `gradatim_metric_providers`, `gradatim_traffic_routers` and
`gradatim_step_plugins`. Write in `GRADATIM_API` the least version that has what you use: 1.1 brought step plugins and
`Numbers`.

What most plugins need beside this: `gradatim.plugin.fields` (checks of a block's fields), `.duration`, `.http` (what an
HTTP answer means), `.texts` (numbers and excerpts for a status) and `.patches`.
"""

from __future__ import annotations

from .errors import ProviderError, RouterError, StepError
from .jobs import Jobs
from .metric import Json, Measurement, MetricProvider, Numbers, Query, SecretRef, Verdict
from .problem import FieldPath, Problem
from .ratelimit import RateLimit
from .series import Series
from .spec import API_VERSION, hookimpl, hookspec
from .step import LARGEST_STATE, StepCall, StepPhase, StepPlugin, StepResult
from .traffic import (
    Capability,
    Destination,
    HeaderRoute,
    MirrorRoute,
    ObjectRef,
    Observed,
    Patch,
    Target,
    TrafficRouter,
    Wanted,
)

__all__ = [
    "API_VERSION",
    "LARGEST_STATE",
    "Capability",
    "Destination",
    "FieldPath",
    "HeaderRoute",
    "Jobs",
    "Json",
    "Measurement",
    "MetricProvider",
    "MirrorRoute",
    "Numbers",
    "ObjectRef",
    "Observed",
    "Patch",
    "Problem",
    "ProviderError",
    "Query",
    "RateLimit",
    "RouterError",
    "SecretRef",
    "Series",
    "StepCall",
    "StepError",
    "StepPhase",
    "StepPlugin",
    "StepResult",
    "Target",
    "TrafficRouter",
    "Verdict",
    "Wanted",
    "hookimpl",
    "hookspec",
]
