"""What a plugin module must look like, as rules over the module alone.

In: an imported module, or what one of its hooks returned. Out: one sentence for each fault, none when it is sound.
Called by `gradatim.registry` when it loads a plugin, and by the contract suites in `gradatim.testing`.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from .metric import MetricProvider
from .spec import (
    API_VERSION,
    GROUP,
    gradatim_metric_providers,
    gradatim_step_plugins,
    gradatim_traffic_routers,
    gradatim_validate_metric,
    gradatim_validate_route,
    gradatim_validate_step,
)
from .step import StepPlugin
from .traffic import Capability, TrafficRouter

#: Every hook that there is, with its specification.
HOOKS: Final[dict[str, Callable[..., object]]] = {
    spec.__name__: spec
    for spec in (
        gradatim_metric_providers,
        gradatim_traffic_routers,
        gradatim_step_plugins,
        gradatim_validate_metric,
        gradatim_validate_route,
        gradatim_validate_step,
    )
}

#: The hooks that register classes, and what they register.
REGISTERING: Final[dict[str, type[MetricProvider] | type[TrafficRouter] | type[StepPlugin]]] = {
    "gradatim_metric_providers": MetricProvider,
    "gradatim_traffic_routers": TrafficRouter,
    "gradatim_step_plugins": StepPlugin,
}

_PREFIX: Final = f"{GROUP}_"
_FIELD: Final = re.compile(r"[a-z][A-Za-z0-9]*")
_SCOPED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION: Final = re.compile(r"(\d{1,6})\.(\d{1,6})")

#: Fields beside the blocks, under `provider:` or `trafficRouting:`, that can be nobody's key.
_RESERVED: Final = frozenset({"plugin", "plugins", "managedRoutes", "maxTrafficWeight"})


def api_fault(declared: object) -> str | None:
    """Why a plugin with this `GRADATIM_API` cannot be loaded by this controller, or None."""
    advice = f'write GRADATIM_API = "{API_VERSION}" in the plugin module'
    if declared is None:
        return f"it does not say which plugin API it was written for: {advice}"
    match = _VERSION.fullmatch(declared) if isinstance(declared, str) else None
    if match is None:
        return f"GRADATIM_API is {declared!r} and not a text of the form major.minor: {advice}"
    major, minor = (int(part) for part in match.groups())
    our_major, our_minor = (int(part) for part in API_VERSION.split("."))
    if major == our_major and minor <= our_minor:
        return None
    newer = (major, minor) > (our_major, our_minor)
    mend = "upgrade gradatim or install an older plugin" if newer else "install a newer plugin"
    return f"it was written for plugin API {declared}, this controller has {API_VERSION}: {mend}"


def key_fault(key: object) -> str | None:
    """Why this cannot be the key of a provider or a router, or None."""
    if not isinstance(key, str):
        return f"the key {key!r} is not a text"
    if key in _RESERVED:
        return f"the key {key!r} is a field of the manifest itself"
    if _FIELD.fullmatch(key) or _SCOPED.fullmatch(key):
        return None
    return f"the key {key!r} is neither a field of the manifest (datadog) nor of the form org/name"


def hook_faults(module: object) -> Iterator[str]:
    """What is wrong with the hooks that a module has at its top level.

    pluggy passes over a name that it does not know and over a function without `@hookimpl`; a plugin
    with such a slip would load, and its validation would silently never run.
    """
    for name, value in sorted(vars(module).items()):
        marked = getattr(value, f"{GROUP}_impl", None) is not None
        if name in HOOKS:
            yield from _implementation_faults(name, value, marked=marked)
        elif marked or (name.startswith(_PREFIX) and inspect.isfunction(value)):
            near = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.4)
            did_you_mean = f"; did you mean {near[0]}?" if near else ""
            yield f"{name} is not a hook{did_you_mean} There are: {', '.join(HOOKS)}"


def _implementation_faults(name: str, value: object, *, marked: bool) -> Iterator[str]:
    if inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value):
        yield f"{name} is async: hooks are plain functions and do no I/O"
    elif not callable(value):
        yield f"{name} is not a function"
    elif not marked:
        yield f"{name} lacks the decorator @hookimpl"


def provided_faults(hook: str, provided: object) -> Iterator[str]:
    """What is wrong with the answer of a registering hook, one of `REGISTERING`."""
    base = REGISTERING[hook]
    if isinstance(provided, str | type) or not isinstance(provided, Iterable):
        yield f"{hook} returned {_kind(provided)} and not a list of {base.__name__} classes"
        return
    for item in provided:
        if not (isinstance(item, type) and issubclass(item, base)):
            yield f"{hook} returned {_kind(item)} in its list, which is no subclass of {base.__name__}"
        else:
            yield from class_faults(item)


def class_faults(
    cls: type[MetricProvider] | type[TrafficRouter] | type[StepPlugin],
) -> Iterator[str]:
    """What is wrong with one class of a provider, a router or a step plugin."""
    name = cls.__name__
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        yield f"{name} is abstract: it does not define {missing}"
    if getattr(cls, "key", None) is None:
        yield f"{name} has no key"
    elif (fault := key_fault(cls.key)) is not None:
        yield f"{name}: {fault}"
    capabilities: object = getattr(cls, "capabilities", frozenset())
    if not isinstance(capabilities, frozenset) or not capabilities <= frozenset(Capability):
        yield f"{name}.capabilities is not a frozenset of Capability"
    if issubclass(cls, StepPlugin):
        for method in (cls.run, cls.terminate, cls.abort):
            if not inspect.iscoroutinefunction(method):
                yield f"{name}.{method.__name__} is not async"


def _kind(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return "None" if value is None else f"a value of type {type(value).__name__}"
