"""How Istio's objects and hosts are named in a block and in routes.

In: text as an author wrote it. Out: its parts. Pure.
Called by `config`, `block_problems` and `routes`.
"""

from __future__ import annotations


def split_name(configured: str) -> tuple[str, str]:
    """`name`, `name.namespace` or `name.namespace.svc.cluster.local` as (name, namespace or "").

    Names of VirtualServices may hold dots, so it is the last segment that is the namespace.
    """
    plain = configured.removesuffix(".cluster.local")
    if plain != configured and plain.count(".") > 1:
        plain = plain.removesuffix(".svc")
    name, dot, namespace = plain.rpartition(".")
    return (name, namespace) if dot else (plain, "")


def short_host(host: str) -> str:
    """What stands before the first dot: a Service's name, however fully its host is written out."""
    return host.partition(".")[0]
