"""A kubeconfig for the embedded cluster.

In: the server's URL. Out: the text of a kubeconfig, or the file.
Called by `gradatim sim` and by tests that run kubectl.
"""

from __future__ import annotations

from pathlib import Path

import yaml

_NAME = "gradatim-sim"


def kubeconfig(server: str, namespace: str = "default") -> str:
    """Return a kubeconfig for the cluster at `server`. It holds no secret: the embedded cluster knows no users."""
    context = {"cluster": _NAME, "user": _NAME, "namespace": namespace}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": _NAME,
            "clusters": [{"name": _NAME, "cluster": {"server": server}}],
            "users": [{"name": _NAME, "user": {}}],
            "contexts": [{"name": _NAME, "context": context}],
        },
        sort_keys=False,
    )


def write_kubeconfig(path: Path, server: str) -> None:
    """Write a kubeconfig to `path`; folders on the way are made.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(kubeconfig(server), encoding="utf-8")
