"""Contract suites and fakes for plugin authors: `pip install gradatim[testing]`.

Subclass a contract in a test module, give it what is particular to your plugin, and pytest runs the rest:

    from gradatim.testing.metric_contract import MetricProviderContract

    class TestConstant(MetricProviderContract):
        module = "my_module"
        provider_class = Constant
        good_config = {"value": 1}
        wrong_configs = ({"value": "one"}, "value"), ({}, "value")

The basic sets are `MetricProviderContract`, `TrafficRouterContract` (in `router_contract`) and `StepPluginContract`
(in `step_contract`). A provider that asks over HTTP with httpx takes `HTTPProviderContract` (in `http_contract`)
instead, which holds it to all that services do: hang, refuse, throttle, answer garbage, half an answer or one without
end, redirect, and show secrets. It plays in time that takes none, so deadlines and pauses between two tries are waited
for at no cost. What a router's capabilities claim
is asked of it in the basic set; what it does not claim is skipped. The suites need pytest, and nothing here does
before one of their modules is imported.
"""

from __future__ import annotations

from gradatim.plugin.patches import PatchError, apply_patch, apply_patches

from .corpus import HOSTILE_BODIES, HOSTILE_VALUES, hostile_blocks
from .fakes import NOW, Answer, ScriptedServer, a_query, a_step_call, a_wanted

__all__ = [
    "HOSTILE_BODIES",
    "HOSTILE_VALUES",
    "NOW",
    "Answer",
    "PatchError",
    "ScriptedServer",
    "a_query",
    "a_step_call",
    "a_wanted",
    "apply_patch",
    "apply_patches",
    "hostile_blocks",
]
