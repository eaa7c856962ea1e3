"""What holds for every plugin: its module is sound and cheap to import, and its hooks validate well.

In: the plugin's module, a sound block and wrong ones. Out: test methods that pytest collects in a subclass.
Called by pytest, through the contracts of providers, routers and step plugins, which know which hooks to ask.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, ClassVar, Final

import pytest

from gradatim.plugin import (
    FieldPath,
    Json,
    MetricProvider,
    Problem,
    StepPlugin,
    TrafficRouter,
)
from gradatim.plugin.conformance import api_fault, class_faults, hook_faults, provided_faults

from .corpus import at, hostile_blocks, places, replaced

#: Imported at first use only: each costs the controller's start, and `gradatim --help`, 50 ms and more.
HEAVY: Final = (
    "aiohttp",
    "boto3",
    "google",
    "grpc",
    "httpx",
    "kubernetes",
    "numpy",
    "pandas",
    "requests",
)

#: Runs in a process of its own: audit hooks cannot be taken off again. Imports and hooks are watched both.
_WATCH: Final = """
import importlib, inspect, json, sys
wanted = json.loads(sys.stdin.read())
forbidden = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "urllib.", "http.client.")
seen = []
def audit(event, args):
    if event.startswith(forbidden) and event != "socket.__new__":
        seen.append(event)
sys.addaudithook(audit)
module = importlib.import_module(wanted["module"])
heavy = [name for name in wanted["heavy"] if name in sys.modules]
from gradatim.plugin import FieldPath
for hook in wanted["registering"]:
    list(getattr(module, hook)())
hook = getattr(module, wanted["validating"], None)
if hook:
    offered = {"key": wanted["key"], "config": wanted["config"], "path": FieldPath("spec")}
    hook(**{name: offered[name] for name in inspect.signature(hook).parameters})
print(json.dumps({"heavy": heavy, "events": seen}))
"""


class PluginContract:
    """The part that all plugins share. Extend one of the three contracts, not this class.

    Attributes:
        module: name of the module that the entry point names.
        good_config: a sound block, with every field that the plugin knows.
        wrong_configs: blocks with one fault each, and the path of the Problem below the block
            ("" for the block itself; "headers[0].key").
        fixed_fields: paths of texts for which even an argument (`{{args.name}}`) is refused, because
            the CRD or the plugin must know the value beforehand.
        heavy: modules that importing the plugin must not import.
    """

    module: ClassVar[str]
    good_config: ClassVar[Json]
    wrong_configs: ClassVar[Sequence[tuple[Any, str]]]
    fixed_fields: ClassVar[frozenset[str]] = frozenset()
    heavy: ClassVar[Sequence[str]] = HEAVY

    #: Set by the three contracts.
    registering: ClassVar[str]
    validating: ClassVar[str]

    @classmethod
    def plugin_class(cls) -> type[MetricProvider] | type[TrafficRouter] | type[StepPlugin]:
        """The class under test."""
        raise NotImplementedError

    def problems(self, config: Any, key: str | None = None) -> list[Problem] | None:
        """What the plugin's validating hook says about a block."""
        hook = getattr(self._module(), self.validating, None)
        if hook is None:
            pytest.fail(f"{self.module} has no {self.validating}: its mistakes show mid-rollout")
        offered = {"key": key or self.plugin_class().key, "config": config, "path": BLOCK}
        answer = hook(**{name: offered[name] for name in inspect.signature(hook).parameters})
        if answer is not None and not isinstance(answer, list):
            pytest.fail(f"{self.validating} returned a {type(answer).__name__}, not a list or None")
        return answer

    def test_it_says_which_plugin_api_it_was_written_for(self) -> None:
        _none_of([api_fault(getattr(self._module(), "GRADATIM_API", None))])

    def test_every_hook_has_a_name_that_exists_and_is_marked(self) -> None:
        _none_of(hook_faults(self._module()))

    def test_the_class_is_sound_and_registered(self) -> None:
        provided = getattr(self._module(), self.registering)()
        _none_of(provided_faults(self.registering, provided))
        _none_of(class_faults(self.plugin_class()))
        if self.plugin_class() not in provided:
            pytest.fail(f"{self.registering} does not return {self.plugin_class().__name__}")

    def test_the_class_is_made_without_arguments(self) -> None:
        instance = self.plugin_class()()
        if not isinstance(instance, MetricProvider | TrafficRouter | StepPlugin):
            pytest.fail(f"{self.plugin_class().__name__}() made something else")

    def test_importing_is_light_and_hooks_do_no_io(self) -> None:
        offered = {
            "module": self.module,
            "heavy": list(self.heavy),
            "registering": [self.registering],
            "validating": self.validating,
            "key": self.plugin_class().key,
            "config": self.good_config,
        }
        run = subprocess.run(  # noqa: S603 - our own interpreter, and a script that is written above
            [sys.executable, "-c", _WATCH],
            input=json.dumps(offered),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if run.returncode:
            pytest.fail(run.stderr)
        seen = json.loads(run.stdout.splitlines()[-1])
        if seen["heavy"]:
            pytest.fail(f"importing {self.module} imports {seen['heavy']}: do so at first use")
        if seen["events"]:
            pytest.fail(f"a hook, or the import of {self.module}, did I/O: {seen['events']}")

    def test_a_foreign_key_is_left_to_others(self) -> None:
        if self.problems(self.good_config, key="example.com/of-nobody") is not None:
            pytest.fail(f"{self.validating} must return None for a key that is not its own")

    def test_a_sound_block_has_no_problems(self) -> None:
        problems = self.problems(self.good_config)
        if problems is None:
            pytest.fail(f"{self.validating} returned None for its own key")
        _none_of(problems)

    def test_each_wrong_block_is_refused_under_the_right_path(self) -> None:
        for config, where in self.wrong_configs:
            found = [str(problem.path) for problem in self.problems(config) or ()]
            expected = str(BLOCK) + (f".{where}" if where and not where.startswith("[") else where)
            if expected not in found:
                pytest.fail(f"{config!r:.300}: expected a Problem at {expected}, got {found}")

    def test_an_argument_may_stand_for_any_text(self) -> None:
        for place in places(self.good_config):
            path = _path(place)
            if path in self.fixed_fields or not isinstance(at(self.good_config, place), str):
                continue
            problems = self.problems(replaced(self.good_config, place, "{{args.any}}"))
            if problems:
                pytest.fail(f"{path} is refused as an argument: {problems[0]}; see fixed_fields")

    def test_validation_survives_any_json_and_names_a_place_in_the_block(self) -> None:
        for config in hostile_blocks(self.good_config):
            try:
                problems = self.problems(config)
            except Exception as error:
                told = f"{self.validating} raised {error!r:.300} for {config!r:.300}"
                raise pytest.fail.Exception(told) from error
            for problem in problems or ():
                check_problem(problem, config)

    def test_validation_changes_nothing(self) -> None:
        before = copy.deepcopy(self.good_config)
        self.problems(self.good_config)
        if self.good_config != before:
            pytest.fail("the block is shared with the whole controller: never change it")

    def _module(self) -> ModuleType:
        return importlib.import_module(self.module)


#: Where the contracts pretend that the block stands.
BLOCK: Final = FieldPath("spec", "block")


def check_problem(problem: object, config: object) -> None:
    """Fail where this is no Problem of one line, or none of the block at `BLOCK`."""
    if not isinstance(problem, Problem):
        pytest.fail(f"{problem!r:.300} is no Problem, for {config!r:.300}")
    if problem.path.parts[: len(BLOCK.parts)] != BLOCK.parts:
        pytest.fail(f"the path {problem.path} is not below the one that was given")
    if not problem.message or "\n" in problem.message or len(problem.message) > 1_000:
        pytest.fail(f"not a message of one line: {problem.message!r:.300}, for {config!r:.300}")


def _path(place: tuple[str | int, ...]) -> str:
    return str(FieldPath(*place))


def _none_of(faults: Iterable[object]) -> None:
    found = [str(fault) for fault in faults if fault is not None]
    if found:
        pytest.fail("; ".join(found))


def check_secret_free(text: str, secrets: Iterable[str], where: str) -> None:
    """Fail when a secret stands in a text."""
    for secret in secrets:
        if secret in text:
            pytest.fail(f"a secret stands in {where}: {text.replace(secret, '<SECRET>'):.500}")
