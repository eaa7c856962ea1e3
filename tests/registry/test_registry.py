"""The registry: each plugin can fail alone, and what is wrong is said with its name, distribution and version."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import importlib_metadata
import pytest

from gradatim.errors import PluginError
from gradatim.plugin import Capability, FieldPath, Problem
from gradatim.registry import PluginInfo, Registry, load_registry

PATH = FieldPath("spec", "metrics", 0, "provider", "constant")

PROVIDER = """
from gradatim.plugin import *
GRADATIM_API = "1.0"
class Constant(MetricProvider):
    key = "constant"
    async def measure(self, query): return Measurement(value=1)
@hookimpl
def gradatim_metric_providers(): return [Constant]
@hookimpl
def gradatim_validate_metric(key, config, path):
    if key != "constant": return None
    return [] if config else [Problem(path, "is empty")]
"""

ROUTER = """
from gradatim.plugin import *
GRADATIM_API = "1.0"
class Mesh(TrafficRouter):
    key = "example.com/mesh"
    capabilities = frozenset({Capability.WEIGHT, Capability.VERIFY})
    def plan(self, wanted, objects): return ()
@hookimpl
def gradatim_traffic_routers(): return (cls for cls in [Mesh])
"""


STEP = """
from gradatim.plugin import *
GRADATIM_API = "1.1"
class Gate(StepPlugin):
    key = "example.com/gate"
    async def run(self, call): return StepResult(phase=StepPhase.SUCCESSFUL)
    def environment(self): return ["GATE"]
@hookimpl
def gradatim_step_plugins(): return [Gate]
@hookimpl
def gradatim_validate_step(key, config, path):
    if key != "example.com/gate": return None
    return [] if config else [Problem(path / "url", "is required")]
"""


class Plugins:
    """Writes plugin modules and loads them as if they were installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._points: list[Any] = []

    def add(self, name: str, source: str, distribution: str = "") -> "Plugins":
        module = f"plugin_{len(self._points)}_{self._folder.name.replace('-', '_')}"
        (self._folder / f"{module}.py").write_text(source, "utf-8")
        distribution = distribution or f"gradatim-{name}"
        dist = SimpleNamespace(name=distribution, version="3.1", metadata={"Name": distribution})
        point = importlib_metadata.EntryPoint(name, module, "gradatim")
        vars(point).update(dist=dist)
        self._points.append(point)
        return self

    def load(
        self, disabled: tuple[str, ...] = (), variable: str = "", skipped: str = ""
    ) -> Registry:
        environment = {"GRADATIM_DISABLE_PLUGINS": variable, "GRADATIM_SKIP_STEP_PLUGINS": skipped}
        return load_registry(self._points, disabled=disabled, builtins={}, environment=environment)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield Plugins(tmp_path)
    for name in set(sys.modules) - before:
        del sys.modules[name]


def failure(plugins: Plugins, source: str) -> PluginInfo:
    """The one plugin with this source, which must have failed while a sound one beside it works."""
    registry = plugins.add("broken", source).add("sound", PROVIDER).load()
    broken, sound = registry.plugins()
    assert (broken.state, sound.state) == ("failed", "loaded")
    assert registry.metric_keys() == ("constant",)
    assert not broken.is_sound
    assert sound.is_sound
    return broken


async def test_a_plugin_serves_its_keys(plugins: Plugins) -> None:
    registry = plugins.add("one", PROVIDER).add("two", ROUTER).load()
    assert registry.metric_keys() == ("constant",)
    assert registry.router_keys() == ("example.com/mesh",)
    assert registry.capabilities("example.com/mesh") == {Capability.WEIGHT, Capability.VERIFY}
    assert registry.metric_provider("constant") is registry.metric_provider("constant")
    assert registry.traffic_router("example.com/mesh").key == "example.com/mesh"
    assert [str(info) for info in registry.plugins()] == [
        "plugin one (gradatim-one 3.1)",
        "plugin two (gradatim-two 3.1)",
    ]
    assert registry.plugins()[0].metric_keys == ("constant",)
    assert registry.plugins()[1].router_keys == ("example.com/mesh",)
    assert registry.plugins()[0].api == "1.0"
    await registry.aclose()


def test_the_owner_validates_its_blocks(plugins: Plugins) -> None:
    registry = plugins.add("one", PROVIDER).add("two", ROUTER).load()
    assert registry.validate_metric("constant", {"value": 1}, PATH) == []
    assert registry.validate_metric("constant", {}, PATH) == [Problem(PATH, "is empty")]
    assert registry.validate_route("example.com/mesh", {}, PATH) == []


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        pytest.param("import nowhere_at_all", "ModuleNotFoundError: No module", id="import"),
        pytest.param("def f(:", "SyntaxError: ", id="syntax"),
        pytest.param("raise SystemExit(3)", "SystemExit: 3", id="sys.exit at import"),
        pytest.param("raise BaseException()", "BaseException", id="no text"),
        pytest.param(
            "class E(Exception):\n  def __str__(self): raise ValueError\nraise E",
            "E",
            id="text fails",
        ),
        pytest.param(
            PROVIDER.replace("GRADATIM_API =", "API ="), 'write GRADATIM_API = "1.1"', id="no API"
        ),
        pytest.param(PROVIDER.replace('"1.0"', "1.0"), "not a text of the form", id="API a number"),
        pytest.param(
            PROVIDER.replace('"1.0"', '"1.9"'), "upgrade gradatim", id="API of a later minor"
        ),
        pytest.param(
            PROVIDER.replace('"1.0"', '"2.0"'), "upgrade gradatim", id="API of a later major"
        ),
        pytest.param(
            PROVIDER.replace('"1.0"', '"0.9"'), "install a newer plugin", id="API too old"
        ),
        pytest.param(
            PROVIDER.replace("validate_metric(", "validate_metrics("),
            "gradatim_validate_metrics is not a hook; did you mean gradatim_validate_metric?",
            id="misspelt hook",
        ),
        pytest.param(
            PROVIDER.replace("gradatim_validate_metric(", "check("),
            "check is not a hook",
            id="no hook at all",
        ),
        pytest.param(
            PROVIDER.replace("@hookimpl\ndef gradatim_val", "def gradatim_val"),
            "gradatim_validate_metric lacks the decorator @hookimpl",
            id="unmarked hook",
        ),
        pytest.param(
            PROVIDER.replace("def gradatim_m", "async def gradatim_m"), "is async", id="async hook"
        ),
        pytest.param(
            PROVIDER.replace("(key, config, path)", "(key, conf)"),
            "PluginValidationError",
            id="arguments",
        ),
        pytest.param(
            PROVIDER.replace("[Constant]", "Constant"), "returned the class Constant", id="no list"
        ),
        pytest.param(PROVIDER.replace("[Constant]", "None"), "it brings nothing", id="nothing"),
        pytest.param(
            PROVIDER.replace("[Constant]", "7"),
            "returned a value of type int and not",
            id="a number",
        ),
        pytest.param(
            PROVIDER.replace("[Constant]", "[Constant()]"), "no subclass of", id="instance"
        ),
        pytest.param(
            PROVIDER.replace("[Constant]", "[Query]"), "the class Query in its list", id="class"
        ),
        pytest.param(
            PROVIDER.replace("[Constant]", "[Constant] * 2"), "more than one class", id="twice"
        ),
        pytest.param(PROVIDER.replace('key = "constant"', ""), "Constant has no key", id="no key"),
        pytest.param(
            PROVIDER.replace('key = "constant"', "key = 7"), "the key 7 is not a text", id="key 7"
        ),
        pytest.param(
            PROVIDER.replace('"constant"', '"A b"'), "nor of the form org/name", id="key form"
        ),
        pytest.param(
            PROVIDER.replace('"constant"', '"plugin"'), "a field of the manifest", id="reserved"
        ),
        pytest.param(
            PROVIDER.replace("def measure", "def ask"),
            "abstract: it does not define measure",
            id="abc",
        ),
        pytest.param(
            PROVIDER.replace("return [Constant]", "raise OSError('no')"), "OSError: no", id="raises"
        ),
        pytest.param(
            PROVIDER.replace("return [Constant]", "yield 7"),
            "returned a value of type int in its",
            id="generator",
        ),
        pytest.param(
            ROUTER.replace("frozenset({Capability.WEIGHT, Capability.VERIFY})", "{'weight'}"),
            "Mesh.capabilities is not a frozenset of Capability",
            id="capabilities",
        ),
        pytest.param(
            STEP.replace("async def run", "def run"), "Gate.run is not async", id="run not async"
        ),
        pytest.param(
            STEP.replace("async def run(self, call):", "async def ran(self, call):"),
            "Gate is abstract: it does not define run",
            id="no run",
        ),
        pytest.param(
            STEP.replace('"example.com/gate"\n', '"a/b/c"\n', 1),
            "neither a field of",
            id="step key",
        ),
        pytest.param(
            STEP.replace("def gradatim_step_plugins", "def gradatim_step_plugin"),
            "did you mean gradatim_step_plugins?",
            id="step hook misspelt",
        ),
        pytest.param(
            STEP.replace("def gradatim_validate_step", "def gradatim_validate_steps"),
            "did you mean gradatim_validate_step?",
            id="step validation misspelt",
        ),
    ],
)
def test_a_broken_plugin_fails_alone_and_says_why(
    plugins: Plugins, source: str, cause: str
) -> None:
    assert cause in failure(plugins, source).cause


def test_the_traceback_of_a_failed_import_is_kept(plugins: Plugins) -> None:
    info = failure(plugins, "def deep():\n    raise RuntimeError('far down')\ndeep()")
    assert "in deep" in info.traceback
    assert "far down" in info.traceback


def test_an_entry_point_that_names_no_module_is_refused() -> None:
    point = importlib_metadata.EntryPoint("odd", "gradatim.plugin:FieldPath", "gradatim")
    (info,) = load_registry([point], builtins={}, environment={}).plugins()
    assert info.cause == "the entry point gradatim.plugin:FieldPath names no module"
    assert str(info) == "plugin odd"


def test_keyboard_interrupt_is_the_operators(plugins: Plugins) -> None:
    with pytest.raises(KeyboardInterrupt):
        plugins.add("one", "raise KeyboardInterrupt").load()


def test_two_owners_of_a_key_lose_it_both_and_are_both_named(plugins: Plugins) -> None:
    more = PROVIDER.replace("[Constant]", "[Constant, Other]").replace(
        "@hookimpl", 'class Other(Constant):\n    key = "other"\n@hookimpl', 1
    )
    registry = plugins.add("a", PROVIDER, "acme-a").add("b", more, "acme-b").load()
    (problem,) = registry.validate_metric("constant", {"value": 1}, PATH)
    assert problem.path == PATH
    for owner in ("plugin a (acme-a 3.1)", "plugin b (acme-b 3.1)"):
        assert owner in problem.message
    with pytest.raises(PluginError, match="claimed by plugin a"):
        registry.metric_provider("constant")
    assert registry.metric_keys() == ("other",)
    assert registry.metric_provider("other").key == "other"
    for info in registry.plugins():
        assert info.state == "loaded"
        assert not info.is_sound
        assert "'constant' is claimed by" in info.conflicts[0]


@pytest.mark.parametrize(
    "off",
    [
        {"disabled": ("a",)},
        {"variable": " a , x"},
        {"variable": "acme-a:a"},
        {"disabled": ("acme-a:a",)},
    ],
)
def test_a_disabled_plugin_is_not_even_imported(plugins: Plugins, off: dict[str, Any]) -> None:
    plugins.add("a", "raise RuntimeError", "acme-a").add("b", PROVIDER, "acme-b")
    registry = plugins.load(**off)
    assert [info.state for info in registry.plugins()] == ["disabled", "loaded"]
    assert registry.plugins()[0].is_sound
    (problem,) = registry.validate_metric("acme/a", {}, PATH)
    assert problem.message == "plugin a (acme-a 3.1) is disabled (GRADATIM_DISABLE_PLUGINS)"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("datadog", "no installed plugin serves 'datadog': pip install gradatim-datadog"),
        (
            "newRelic",
            "no installed plugin serves 'newRelic': install a package whose plugin has that key, or write one, "
            "as the docstring of gradatim.plugin shows "
            "(installed plugins serve constant; cannot be used: broken)",
        ),
        ("constants", "did you mean 'constant'?"),
        ("prometeus", "did you mean 'prometheus'?"),
        ("example.com/x", "no installed plugin serves 'example.com/x': install a package whose"),
        ("broken", "plugin broken (acme 3.1) is installed and cannot be used: SystemExit: 1"),
        ("org/broken", "plugin broken (acme 3.1) is installed and cannot be used"),
    ],
)
def test_a_key_that_nobody_serves_comes_with_advice(
    plugins: Plugins, key: str, message: str
) -> None:
    registry = plugins.add("one", PROVIDER).add("broken", "raise SystemExit(1)", "acme").load()
    (problem,) = registry.validate_metric(key, {}, PATH)
    assert problem.path == PATH
    assert message in problem.message
    with pytest.raises(PluginError):
        registry.metric_provider(key)


def test_without_any_plugin_that_is_said(plugins: Plugins) -> None:
    registry = plugins.load()
    (problem,) = registry.validate_route("istio", {}, PATH)
    assert problem.message.endswith("pip install gradatim-istio (no plugin is installed)")
    assert registry.capabilities("istio") == frozenset()
    assert registry.variables("istio") == ()
    assert registry.times("istio", {}) == {}


@pytest.mark.parametrize(
    ("body", "times"),
    [
        pytest.param(
            "return {FieldPath('a'): 'now()', 'b': 'now()', FieldPath('c'): 5}",
            {FieldPath("a"): "now()"},
            id="what is no path, or no text, is left out",
        ),
        pytest.param("return None", {}, id="nothing"),
        pytest.param("raise KeyError('x')", {}, id="raises"),
        pytest.param("raise SystemExit", {}, id="ends the process"),
    ],
)
def test_the_points_of_time_of_a_block(plugins: Plugins, body: str, times: object) -> None:
    source = PROVIDER + f"    def times(self, config): {body}\nConstant.times = times\n".replace(
        "    def", "def", 1
    )
    assert plugins.add("one", source).load().times("constant", {}) == times


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('x')", "failed in gradatim_validate_metric: KeyError: 'x'"),
        ("raise SystemExit", "failed in gradatim_validate_metric: SystemExit"),
        ("return ['wrong']", "validated with a list, and not with a list of Problems"),
        ("return True", "validated with a bool, and not"),
        ("return one()", "validated with a coroutine, and not"),
    ],
)
def test_a_validator_that_breaks_is_a_problem_with_its_name(
    plugins: Plugins, body: str, message: str
) -> None:
    source = (
        PROVIDER.replace("    if key !=", f"    {body}\n    if key !=") + "\nasync def one(): ..."
    )
    (problem,) = plugins.add("one", source).load().validate_metric("constant", {}, PATH)
    assert problem.path == PATH
    assert problem.message.startswith("plugin one (gradatim-one 3.1) ")
    assert message in problem.message


def test_a_provider_that_cannot_be_made_is_a_plugin_error(plugins: Plugins) -> None:
    source = PROVIDER.replace("    async def", "    def __init__(self): 1 / 0\n    async def")
    registry = plugins.add("one", source).load()
    with pytest.raises(PluginError, match="cannot make Constant: ZeroDivisionError") as caught:
        registry.metric_provider("constant")
    error = caught.value
    assert (error.plugin, error.distribution, error.version) == ("one", "gradatim-one", "3.1")
    assert isinstance(error.__cause__, ZeroDivisionError)


async def test_one_that_fails_to_close_stops_no_other(
    plugins: Plugins, caplog: pytest.LogCaptureFixture
) -> None:
    failing = PROVIDER.replace("    async def", "    async def aclose(self): 1 / 0\n    async def")
    closing = ROUTER.replace(
        "    def plan", "    async def aclose(self): self.closed = True\n    def plan"
    )
    registry = plugins.add("a", failing).add("b", closing).load()
    registry.metric_provider("constant")
    router = registry.traffic_router("example.com/mesh")
    with caplog.at_level(logging.WARNING):
        await registry.aclose()
    assert vars(router)["closed"] is True
    assert "constant failed to close: ZeroDivisionError" in caplog.text


async def test_one_that_hangs_at_closing_is_left(
    plugins: Plugins, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradatim.registry.registry._CLOSING", 0.01)
    hanging = "import asyncio\n" + PROVIDER.replace(
        "    async def", "    async def aclose(self): await asyncio.Event().wait()\n    async def"
    )
    registry = plugins.add("a", hanging).load()
    registry.metric_provider("constant")
    await registry.aclose()
    assert "did not close in" in caplog.text


def test_the_variables_of_a_provider(plugins: Plugins) -> None:
    source = PROVIDER.replace(
        "    async def", "    def environment(self): return ['A']\n    async def"
    )
    assert plugins.add("a", source).load().variables("constant") == ("A",)


def test_the_built_in_web_is_a_plugin_as_any_other() -> None:
    registry = load_registry(environment={})
    assert "web" in registry.metric_keys()
    assert [info.name for info in registry.plugins()].count("web") == 1
    assert registry.validate_metric("web", {}, PATH) == [Problem(PATH / "url", "is missing")]
    assert registry.variables("web") == ("GRADATIM_WEB_PLAIN_TEXT",)


STEP_PATH = FieldPath("spec", "strategy", "canary", "steps", 2, "plugin")


async def test_a_step_plugin_is_served_and_its_config_validated(plugins: Plugins) -> None:
    registry = plugins.add("one", STEP).add("two", PROVIDER).load()
    assert registry.step_keys() == ("example.com/gate",)
    assert registry.plugins()[0].step_keys == ("example.com/gate",)
    plugin = registry.step_plugin("example.com/gate")
    assert plugin is registry.step_plugin("example.com/gate")
    assert registry.variables("example.com/gate") == ("GATE",)
    assert registry.validate_step("example.com/gate", {"url": "x"}, STEP_PATH) == []
    (problem,) = registry.validate_step("example.com/gate", {}, STEP_PATH)
    assert str(problem) == "spec.strategy.canary.steps[2].plugin.config.url: is required"
    await registry.aclose()


def test_an_unknown_step_plugin_is_a_problem_of_its_name_and_says_what_there_is(
    plugins: Plugins,
) -> None:
    registry = plugins.add("one", STEP).add("broken", "raise SystemExit(1)", "acme").load()
    (problem,) = registry.validate_step("example.com/gates", {}, STEP_PATH)
    assert str(problem) == (
        "spec.strategy.canary.steps[2].plugin.name: no installed plugin serves 'example.com/gates'; "
        "did you mean 'example.com/gate'? (installed plugins serve example.com/gate; cannot be used: broken)"
    )
    with pytest.raises(PluginError):
        registry.step_plugin("example.com/gates")


def test_two_owners_of_a_step_plugin_lose_it_both(plugins: Plugins) -> None:
    registry = plugins.add("a", STEP, "acme-a").add("b", STEP, "acme-b").load()
    (problem,) = registry.validate_step("example.com/gate", {}, STEP_PATH)
    assert "is claimed by plugin a (acme-a 3.1) and plugin b (acme-b 3.1)" in problem.message
    assert not any(info.is_sound for info in registry.plugins())
    assert registry.step_keys() == ()


def test_steps_that_an_operator_skips_need_no_plugin(plugins: Plugins) -> None:
    registry = plugins.load(skipped=" example.com/gone, ,example.com/gate")
    assert registry.skipped_steps == {"example.com/gone", "example.com/gate"}
    assert registry.validate_step("example.com/gone", {"any": 1}, STEP_PATH) == []
    assert len(registry.validate_step("example.com/other", {}, STEP_PATH)) == 1


def test_a_step_plugin_that_could_not_be_made_is_made_anew_and_never_used_half_made(
    plugins: Plugins,
) -> None:
    # argo-rollouts #4762: one whose start had failed was used as if it had succeeded
    source = STEP.replace(
        "    async def",
        "    tries = []\n    def __init__(self):\n        self.tries.append(1)\n"
        "        if len(self.tries) == 1: raise OSError('no disk')\n    async def",
        1,
    )
    registry = plugins.add("one", source).load()
    with pytest.raises(PluginError, match="cannot make Gate: OSError: no disk"):
        registry.step_plugin("example.com/gate")
    made = registry.step_plugin("example.com/gate")
    assert made is registry.step_plugin("example.com/gate")
