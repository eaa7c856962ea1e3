"""`gradatim plugins`: which plugins there are, and what is wrong with them.

In: what is installed. Out: a table or JSON; `doctor` exits with 1 when a plugin cannot be used.
Called by the command line. Plugins and rich are imported when a command runs, so that `--help` is quick.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from ..registry import PluginInfo, Registry

#: Exit code of `doctor` when something is to be mended.
UNSOUND: Final = 1

_AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def plugins() -> None:
    """Metric providers, traffic routers and step plugins: pip packages that are found at start."""


@plugins.command("list")
@_AS_JSON
def list_plugins(as_json: bool) -> None:
    """List the installed plugins, with the keys that they serve."""
    registry = _registry()
    if as_json:
        _print_json([_row(registry, info) for info in registry.plugins()])
    else:
        _print_table(registry)


@plugins.command()
@_AS_JSON
@click.option(
    "--traceback", "with_traceback", is_flag=True, help="Show where each failure came from."
)
@click.option(
    "--templates",
    "with_templates",
    is_flag=True,
    help="Ask the providers of a cluster's templates whether they could be measured now.",
)
@click.option("-n", "--namespace", help="Templates of this namespace only.")
@click.option(
    "--controller-namespace",
    help="Where the controller's Secrets are.  [default: argo-rollouts]",
)
@click.option("--kubeconfig", help="Kubeconfig of the cluster.")
@click.option("--context", "cluster", help="Context of the kubeconfig.")
@click.pass_context
def doctor(
    context: click.Context,
    /,
    as_json: bool,
    with_traceback: bool,
    with_templates: bool,
    **where: Any,
) -> None:
    """Check every plugin; exit with 1 when one cannot be used.

    With --templates also each AnalysisTemplate and ClusterAnalysisTemplate of a cluster: are its
    Secrets there with all their keys, does the address answer, does it take the credentials and
    the query? Each provider is asked once; nothing is written, and no secret is printed.
    """
    registry = _registry()
    diagnoses = [(info, list(_faults(registry, info))) for info in registry.plugins()]
    if as_json:
        _print_json([_row(registry, info) | {"faults": faults} for info, faults in diagnoses])
    else:
        for info, faults in diagnoses:
            _print_diagnosis(info, faults, with_traceback=with_traceback)
    unsound = any(faults for _, faults in diagnoses)
    if with_templates:
        unsound |= _print_templates(registry, as_json=as_json, **where)
    if unsound:
        context.exit(UNSOUND)


def _print_templates(
    registry: Registry, *, as_json: bool, controller_namespace: str | None, **where: str | None
) -> bool:
    """Print what stands against measuring a cluster's templates; whether there is anything."""
    import asyncio

    from .run import controller_namespace as own
    from .templates import Where, template_problems

    about = Where(
        kubeconfig=where["kubeconfig"],
        context=where["cluster"],
        namespace=where["namespace"],
        controller_namespace=own(controller_namespace),
    )
    count, lines = asyncio.run(template_problems(registry, about))
    for line in lines:
        click.echo(json.dumps({"template": line}) if as_json else line, err=not as_json)
    if not lines and not as_json:
        click.echo(f"{count} template{'' if count == 1 else 's'}: ok")
    return bool(lines)


def _registry() -> Registry:
    from ..registry import load_registry

    return load_registry()


def _faults(registry: Registry, info: PluginInfo) -> Iterator[str]:
    """What is wrong with a plugin; also that one of its classes cannot be made."""
    from ..errors import PluginError

    if info.state == "failed":
        yield info.cause
    yield from info.conflicts
    makers: tuple[tuple[Callable[[str], object], set[str]], ...] = (
        (registry.metric_provider, set(info.metric_keys) & set(registry.metric_keys())),
        (registry.traffic_router, set(info.router_keys) & set(registry.router_keys())),
        (registry.step_plugin, set(info.step_keys) & set(registry.step_keys())),
    )
    for make, keys in makers:
        for key in sorted(keys):
            try:
                make(key)
            except PluginError as error:
                yield str(error)


def _row(registry: Registry, info: PluginInfo) -> dict[str, Any]:
    capabilities = {key: sorted(registry.capabilities(key)) for key in info.router_keys}
    readers = (*info.metric_keys, *info.step_keys)
    variables = {key: list(registry.variables(key)) for key in readers}
    return asdict(info) | {"capabilities": capabilities, "variables": variables}


def _print_json(rows: list[dict[str, Any]]) -> None:
    click.echo(json.dumps(rows, indent=2))


def _print_table(registry: Registry) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "PLUGIN", "DISTRIBUTION", "VERSION", "API", "METRICS", "ROUTERS", "STEPS", "STATE", box=None
    )
    for info in registry.plugins():
        table.add_row(
            info.name,
            info.distribution or "-",
            info.version or "-",
            info.api or "-",
            ", ".join(info.metric_keys) or "-",
            ", ".join(info.router_keys) or "-",
            ", ".join(info.step_keys) or "-",
            info.state if info.is_sound or info.state == "failed" else "conflict",
        )
    # Not cut where nobody looks at a terminal of 80 columns: in a pipe or a log.
    width = None if sys.stdout.isatty() else 1_000
    Console(width=width, markup=False, highlight=False).print(table)
    if not all(info.is_sound for info in registry.plugins()):
        click.echo("What is wrong: gradatim plugins doctor", err=True)


def _print_diagnosis(info: PluginInfo, faults: list[str], *, with_traceback: bool) -> None:
    if not faults:
        click.echo(f"{info}: {'ok' if info.state == 'loaded' else info.state}")
    for fault in faults:
        # A sentence of the registry may begin with the plugin already.
        click.echo(fault if fault.startswith(f"{info} ") else f"{info}: {fault}", err=True)
    if with_traceback and info.traceback:
        click.echo(info.traceback.rstrip(), err=True)
