"""YAML as Kubernetes reads it.

In: the text of one or more manifests. Out: plain JSON values.
Called by the facade and by the HTTP face for applied configurations.
"""

from __future__ import annotations

from typing import Any

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


#: libyaml's loader is six times as fast, and definitions are long
_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Reads a timestamp as the string that it is in JSON: `restartAt: 2026-01-01T00:00:00Z` needs no quotes.
_LOADER: Any = type("KubernetesLoader", (_FASTEST,), {})
_LOADER.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for letter, resolvers in _FASTEST.yaml_implicit_resolvers.items()
}


def documents(text: str | bytes) -> list[Any]:
    """Return the documents of a YAML text, without empty ones.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    return [found for found in yaml.load_all(text, Loader=_LOADER) if found is not None]
