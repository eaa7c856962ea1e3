"""Everything that a plugin imports. A plugin in four steps:

1. Write a class that extends `MetricProvider` (one method: `measure`) or `TrafficRouter` (one: `plan`).
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

3. Answer `gradatim_validate_metric` or `gradatim_validate_route` for your key, with one `Problem` for each
   wrong field, so that a mistake is found before a rollout and not in the middle of one.
4. Name the module in pyproject.toml: `[project.entry-points.gradatim]`, `constant = "my_module"`.

Rules: hooks do no I/O, and importing the module is cheap (heavy imports happen at first use). You get values,
never the controller, its cache or a Kubernetes client; Secrets come resolved in `Query.secrets`. Raise
`ProviderError` or `RouterError`; whatever else you raise is caught, named after you, and hurts only the objects that
use you. `gradatim.testing` has the contract suites to run your plugin against.

What most plugins need beside this: `gradatim.plugin.fields` (checks of a block's fields), `.duration`, `.http` (what an
HTTP answer means), `.texts` (numbers and excerpts for a status) and `.patches`.
"""

from __future__ import annotations

from .errors import ProviderError, RouterError
from .jobs import Jobs
from .metric import Json, Measurement, MetricProvider, Query, SecretRef, Verdict
from .problem import FieldPath, Problem
from .ratelimit import RateLimit
from .series import Series
from .spec import API_VERSION, hookimpl, hookspec
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
    "Capability",
    "Destination",
    "FieldPath",
    "HeaderRoute",
    "Jobs",
    "Json",
    "Measurement",
    "MetricProvider",
    "MirrorRoute",
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
    "Target",
    "TrafficRouter",
    "Verdict",
    "Wanted",
    "hookimpl",
    "hookspec",
]
