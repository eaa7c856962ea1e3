"""One plugin: imported, checked and asked for its classes, with everything that it may do wrong kept as a value.

In: an entry point. Out: a `Plugin` that is loaded, failed or disabled. Nothing that a plugin raises gets out.
Called by `load_registry`, once for each entry point.
"""

from __future__ import annotations

import inspect
import traceback as tracebacks
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType, TracebackType
from typing import Any, Final, Literal, Protocol

import pluggy

from ..plugin import MetricProvider, StepPlugin, TrafficRouter, spec
from ..plugin.conformance import HOOKS, REGISTERING, api_fault, hook_faults, provided_faults

_LONGEST_CAUSE: Final = 500
_LONGEST_TRACEBACK: Final = 20_000

State = Literal["loaded", "failed", "disabled"]


class EntryPoint(Protocol):
    """What is used of `importlib_metadata.EntryPoint`."""

    @property
    def name(self) -> str:
        """Name of the plugin."""
        ...

    @property
    def value(self) -> str:
        """The module."""
        ...

    @property
    def dist(self) -> Any:
        """The distribution that brought it, or None."""
        ...

    def load(self) -> Any:
        """Import it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """What there is to say about one plugin.

    Attributes:
        name: of its entry point.
        distribution: that brought it ("" when it is none).
        version: of the distribution.
        module: that the entry point names.
        api: plugin API that it was written for ("" when it does not say).
        metric_keys: keys of its providers.
        router_keys: keys of its routers.
        step_keys: keys of its step plugins.
        state: loaded, failed or disabled.
        cause: why it failed, in one line.
        traceback: of what it raised while it was loaded.
        conflicts: keys that another plugin claims as well, in a sentence each; nobody may use them.
    """

    name: str
    distribution: str = ""
    version: str = ""
    module: str = ""
    api: str = ""
    metric_keys: tuple[str, ...] = ()
    router_keys: tuple[str, ...] = ()
    step_keys: tuple[str, ...] = ()
    state: State = "loaded"
    cause: str = ""
    traceback: str = field(default="", repr=False)
    conflicts: tuple[str, ...] = ()

    def __str__(self) -> str:
        source = " ".join(part for part in (self.distribution, self.version) if part)
        return f"plugin {self.name} ({source})" if source else f"plugin {self.name}"

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing about it that somebody should mend."""
        return self.state != "failed" and not self.conflicts


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin with what it brought. `hooks` is None unless it is loaded."""

    info: PluginInfo
    hooks: pluggy.HookRelay | None = None
    providers: tuple[type[MetricProvider], ...] = ()
    routers: tuple[type[TrafficRouter], ...] = ()
    steps: tuple[type[StepPlugin], ...] = ()


class Fence:
    """Keeps what a plugin's code raises, so that it cannot end us: `with Fence() as fence: …`.

    `SystemExit` is kept as well: a plugin that calls `sys.exit` when it is imported must not end the
    controller. `KeyboardInterrupt` is the operator's, and goes through.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Fence:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self.error = error
        return error is not None and not isinstance(error, KeyboardInterrupt)


def described(error: BaseException) -> str:
    """An exception in one line, even when its own text cannot be made."""
    text = ""
    with Fence():
        text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text[:_LONGEST_CAUSE]}" if text else name


def load(entry_point: EntryPoint, *, disabled: bool) -> Plugin:
    """Load one plugin. Never raises; a disabled one is not even imported."""
    info = _info(entry_point)
    if disabled:
        return Plugin(replace(info, state="disabled"))
    with Fence() as fence:
        return _loaded(entry_point, info)
    return _failed(info, fence.error)


def _info(entry_point: EntryPoint) -> PluginInfo:
    distribution, version = "", ""
    with Fence():  # broken metadata of one distribution
        distribution = str(entry_point.dist.metadata["Name"] or "") if entry_point.dist else ""
        version = str(entry_point.dist.version or "") if entry_point.dist else ""
    return PluginInfo(
        name=entry_point.name,
        distribution=distribution,
        version=version,
        module=entry_point.value,
    )


def _loaded(entry_point: EntryPoint, info: PluginInfo) -> Plugin:
    module = entry_point.load()
    if not isinstance(module, ModuleType):
        return _refused(info, f"the entry point {entry_point.value} names no module")
    declared = getattr(module, "GRADATIM_API", None)
    info = replace(info, api=declared if isinstance(declared, str) else "")
    if (fault := api_fault(declared)) is not None:
        return _refused(info, fault)
    if faults := list(hook_faults(module)):
        return _refused(info, "; ".join(faults))
    # A manager of its own for each plugin: in a shared one, an implementation that raises hides the
    # answers of all others, and one failed registration leaves half of itself behind.
    manager = pluggy.PluginManager(spec.GROUP)
    manager.add_hookspecs(spec)
    manager.register(module, info.name)
    manager.check_pending()
    return _asked(info, manager.hook)


def _asked(info: PluginInfo, hooks: pluggy.HookRelay) -> Plugin:
    """The plugin with the classes that its hooks return."""
    brought: dict[str, list[Any]] = {hook: [] for hook in REGISTERING}
    for hook, classes in brought.items():
        for answer in _answers(hooks, hook):
            if faults := list(provided_faults(hook, answer)):
                return _refused(info, "; ".join(faults))
            classes += answer
    for classes in brought.values():
        keys = [cls.key for cls in classes]
        if twice := {key for key in keys if keys.count(key) > 1}:
            return _refused(info, f"it brings more than one class for {', '.join(sorted(twice))}")
    providers, routers, steps = (tuple(classes) for classes in brought.values())
    if not any(brought.values()):
        return _refused(info, f"it brings nothing: it has none of {', '.join(HOOKS)} to say what")
    info = replace(
        info,
        metric_keys=tuple(cls.key for cls in providers),
        router_keys=tuple(cls.key for cls in routers),
        step_keys=tuple(cls.key for cls in steps),
    )
    return Plugin(info, hooks, providers, routers, steps)


def _answers(hooks: pluggy.HookRelay, hook: str) -> Iterator[Any]:
    for answer in getattr(hooks, hook)():
        if inspect.iscoroutine(answer):
            answer.close()  # or Python warns that nobody awaited it
        if inspect.isgenerator(answer):
            yield list(answer)
        else:
            yield answer


def _refused(info: PluginInfo, cause: str) -> Plugin:
    return Plugin(replace(info, state="failed", cause=cause))


def _failed(info: PluginInfo, error: BaseException | None) -> Plugin:
    if error is None:  # pragma: no cover - the fence was left without an error by returning
        return _refused(info, "it could not be loaded")
    text = ""
    with Fence():
        text = "".join(tracebacks.format_exception(error))[-_LONGEST_TRACEBACK:]
    return Plugin(replace(info, state="failed", cause=described(error), traceback=text))
