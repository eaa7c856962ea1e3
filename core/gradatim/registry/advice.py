"""What to tell somebody whose manifest uses a key that nobody serves.

In: the key, the keys that there are, and all plugins, also the failed and disabled ones. Out: one sentence.
Called by the registry. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from .plugin import PluginInfo

#: Keys that a distribution of this project serves.
OURS: Final = {
    "datadog": "gradatim-datadog",
    "prometheus": "gradatim-prometheus",
    "istio": "gradatim-istio",
}

#: The other blocks that Argo Rollouts' CRDs have.
KNOWN_TO_ARGO: Final = frozenset(
    {
        "alb",
        "ambassador",
        "apisix",
        "appMesh",
        "cloudWatch",
        "graphite",
        "influxdb",
        "kayenta",
        "newRelic",
        "nginx",
        "skywalking",
        "smi",
        "traefik",
        "wavefront",
        "web",
    }
)


def unserved(key: str, keys: Collection[str], plugins: Collection[PluginInfo]) -> str:
    """Why the key cannot be used, and what to do about it.

    A plugin that failed or is disabled cannot say its keys. By convention its entry point is called
    as its key, so the name is enough to find out whom to blame.
    """
    for info in plugins:
        if info.state != "loaded" and _may_serve(info, key):
            return _out_of_use(info)
    there = (
        f"installed plugins serve {', '.join(sorted(keys))}" if keys else "no plugin is installed"
    )
    failed = sorted(info.name for info in plugins if info.state == "failed")
    if failed:
        # one of them may be the owner under another name
        there += f"; cannot be used: {', '.join(failed)}"
    if key in OURS:
        return f"no installed plugin serves {key!r}: pip install {OURS[key]} ({there})"
    near = difflib.get_close_matches(key, [*keys, *OURS, *KNOWN_TO_ARGO], n=1)
    if key not in KNOWN_TO_ARGO and near:
        return f"no installed plugin serves {key!r}; did you mean {near[0]!r}? ({there})"
    return (
        f"no installed plugin serves {key!r}: install a package whose plugin has that key, "
        f"or write one, as the docstring of gradatim.plugin shows ({there})"
    )


def contested(key: str, owners: Iterable[PluginInfo]) -> str:
    """That more than one plugin claims the key."""
    names = " and ".join(str(info) for info in owners)
    return f"{key!r} is claimed by {names}: uninstall one of them, or name one in GRADATIM_DISABLE_PLUGINS"


def _out_of_use(info: PluginInfo) -> str:
    if info.state == "disabled":
        return f"{info} is disabled (GRADATIM_DISABLE_PLUGINS)"
    return f"{info} is installed and cannot be used: {info.cause} (see: gradatim plugins doctor)"


def _may_serve(info: PluginInfo, key: str) -> bool:
    names = {key, key.rpartition("/")[2]}
    return info.name in names or info.distribution in {f"gradatim-{name}" for name in names}
