"""`gradatim run`: the controller on a cluster.

In: the flags that Argo Rollouts' controller has, as far as they apply, and a few of our own. Out: a running controller.
It ends with 0 on SIGTERM and SIGINT, and with one line and 2 when it cannot begin.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from ..registry.plugin import PluginInfo

log = logging.getLogger("gradatim.run")

F = TypeVar("F", bound=Callable[..., Any])

_ACCOUNT_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

#: The API group of Istio's objects, of which a flag names the version.
_ISTIO: Final = "networking.istio.io"

#: Levels that the reference has and we have not.
_LEVELS: Final = {"trace": "debug", "warn": "warning", "fatal": "error", "panic": "error"}

#: Flags of the reference that mean nothing here; they are taken, so that existing arguments keep working.
_IGNORED: Final = (
    "--kloglevel",
    "--metricsPort",
    "--metricsport",
    "--service-threads",
    "--ingress-threads",
    "--ephemeral-metadata-threads",
    "--ephemeral-metadata-update-pod-retries",
    "--ambassador-api-version",
    "--traffic-split-api-version",
    "--traefik-api-group",
    "--traefik-api-version",
    "--ingress-api-version",
    "--appmesh-crd-version",
    "--aws-target-group-binding-api-version",
    "--alb-tag-key-resource-id",
    "--alb-ingress-classes",
    "--nginx-ingress-classes",
    "--aws-verify-target-group",
    "--alb-verify-weight",
    "--self-service-notification-enabled",
    "--enable-pprof-address",
)


def go_flag(name: str, default: bool, text: str) -> Callable[[F], F]:
    """A boolean flag that also takes `=true` and `=false`, as Go's do."""
    return click.option(
        name,
        type=click.BOOL,
        is_flag=False,
        flag_value=True,
        default=default,
        show_default=True,
        help=text,
    )


def _parameter(flag: str) -> str:
    """The name of a parameter, another one for each flag: `--metricsPort` and `--metricsport` are two."""
    return flag.strip("-").replace("-", "_").lower() + ("_" if flag.islower() else "_camel")


def ignored_flags(command: F) -> F:
    """Take the flags of the reference that mean nothing here."""
    for name in _IGNORED:
        option = click.option(
            name,
            _parameter(name),
            hidden=True,
            multiple=True,
            is_flag=False,
            flag_value="true",
            expose_value=True,
        )
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What the command line said."""

    kubeconfig: str | None
    context: str | None
    namespace: str | None
    namespaced: bool
    instance_id: str
    rollout_resync: float
    healthz_port: int
    qps: float
    burst: int
    rollout_threads: int
    experiment_threads: int
    analysis_threads: int
    leader_elect: bool
    propagation_delay: timedelta
    probe_templates: bool
    istio_api_version: str
    controllers: tuple[str, ...]


class ApiVersion(click.ParamType[str]):
    """A version of an API group: `v1`, `v1alpha3`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take it as it is, if it is one."""
        if not re.fullmatch(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?", str(value)):
            self.fail(f"{value!r} is no version such as v1 or v1alpha3", param, ctx)
        return str(value)


class GoDuration(click.ParamType[timedelta]):
    """A duration as manifests write it: `5s`, `1m30s`."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Parse it."""
        from ..model.duration import DurationError, duration_seconds

        if isinstance(value, timedelta):
            return value
        try:
            seconds = duration_seconds(str(value))
        except DurationError as error:
            self.fail(str(error), param, ctx)
        if seconds < 0:
            self.fail("must not be negative", param, ctx)
        return timedelta(seconds=seconds)


@click.command("run")
@click.option(
    "--kubeconfig",
    help="Path of a kubeconfig; default $KUBECONFIG, ~/.kube/config, the pod's account.",
)
@click.option("--context", help="Context of the kubeconfig.")
@click.option(
    "-n",
    "--namespace",
    help="The controller's namespace; with --namespaced the one it looks after.",
)
@go_flag("--namespaced", False, "Look after one namespace only.")
@click.option("--instance-id", default="", help="Look after objects with this instance id only.")
@click.option(
    "--rollout-resync",
    default=900.0,
    show_default=True,
    help="Seconds between two passes without reason.",
)
@click.option(
    "--loglevel",
    default="info",
    show_default=True,
    help="debug, info, warning or error; the reference's others mean the next of these.",
    type=click.Choice(["debug", "info", "warning", "error", *_LEVELS], case_sensitive=False),
)
@click.option("--logformat", default="text", show_default=True, type=click.Choice(["text", "json"]))
@click.option(
    "--healthzPort",
    "--healthz-port",
    "healthz_port",
    default=8080,
    show_default=True,
    help="Port of /healthz; 0: any free one.",
    type=click.IntRange(0, 65535),
)
@click.option(
    "--qps",
    default=40.0,
    show_default=True,
    help="Requests a second to the API server; 0: no limit.",
)
@click.option("--burst", default=80, show_default=True, help="Requests at once after a pause.")
@click.option(
    "--rollout-threads",
    default=10,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Rollouts worked on at the same time.",
)
@click.option(
    "--experiment-threads",
    default=10,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Experiments worked on at the same time.",
)
@click.option(
    "--analysis-threads",
    default=30,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="AnalysisRuns worked on at the same time.",
)
@go_flag(
    "--leader-elect", True, "Work only while holding the Lease; several controllers may then run."
)
@click.option(
    "--traffic-propagation-delay",
    "propagation_delay",
    default="5s",
    show_default=True,
    type=GoDuration(),
    help="How long a change of traffic takes to reach every proxy.",
)
@click.option(
    "--istio-api-version",
    default="v1alpha3",
    show_default=True,
    type=ApiVersion(),
    help="Version of Istio's objects; where it is not served, one that is.",
)
@go_flag(
    "--probe-templates", False, "Ask at the start whether each template could be measured now."
)
@click.option(
    "--controllers",
    multiple=True,
    type=click.Choice(["analysis"]),
    help="Run this part alone: `analysis` measures AnalysisRuns, whoever makes them.",
)
@ignored_flags
def run_command(loglevel: str, logformat: str, **given: Any) -> None:
    """Run the controller.

    Flags of Argo Rollouts' controller that mean nothing here are taken and named in the log.
    """
    from .logs import configure

    configure(_LEVELS.get(loglevel, loglevel), "json" if logformat == "json" else "text")
    wanted = {name: given.pop(name) for name in Flags.__dataclass_fields__}
    without_effect = sorted(flag for flag in _IGNORED if given[_parameter(flag)])
    if without_effect:
        log.info("flags without effect here: %s", ", ".join(without_effect))
    asyncio.run(_run(Flags(**wanted)))


async def _run(flags: Flags) -> None:
    from ..kube.client import Client
    from ..kube.cluster import Pace
    from ..kube.credentials import KubeconfigText
    from ..kube.lease import Election
    from ..kube.login import LoginOptions, login
    from ..kube.resources import LEASES
    from ..registry import load_registry
    from ..run.controller import Controller, Settings
    from ..run.health import HealthServer
    from ..run.otherclusters import other_clusters
    from ..run.rights import check_rights
    from ..run.world import Scope, World

    registry = load_registry()
    for plugin in registry.plugins():
        _tell(plugin)
    if registry.skipped_steps:
        skipped = ", ".join(sorted(registry.skipped_steps))
        log.warning("steps of these plugins are passed over: %s", skipped)
    own = controller_namespace(flags.namespace)
    scope = Scope(
        own if flags.namespaced else None,
        flags.instance_id,
        is_analysis_only="analysis" in flags.controllers,
    )
    pace = Pace(qps=flags.qps, burst=flags.burst)
    transport = await login(LoginOptions(flags.kubeconfig, flags.context, pace))
    client = Client(transport)
    stop = _stopped_by_signals()
    # a candidate that waits for the Lease is healthy
    leads = asyncio.Event()
    health = HealthServer(lambda: controller.faults if leads.is_set() else [])
    try:
        await check_rights(client, (selection for _, selection in World().selections(scope)))
        settings = Settings(
            scope=scope,
            namespace=own,
            rollout_workers=flags.rollout_threads,
            experiment_workers=flags.experiment_threads,
            analysis_workers=flags.analysis_threads,
            resync=flags.rollout_resync,
            propagation_delay=flags.propagation_delay,
            probe_templates=flags.probe_templates,
            api_versions={_ISTIO: flags.istio_api_version},
        )

        async def elsewhere(kubeconfig: str) -> Client:
            inside = {k: v for k, v in os.environ.items() if k.startswith("KUBERNETES_")}
            if kubeconfig == "in-cluster":
                return Client(await login(LoginOptions(pace=pace), {**inside, "HOME": "/nowhere"}))
            return Client(await login(LoginOptions(kubeconfig, pace=pace)))

        async def by_text(text: str, named: str) -> Client:
            source = KubeconfigText(text, named)
            return Client(await login(LoginOptions(pace=pace, source=source)))

        clusters = await other_clusters(client, own, registry.cluster_secrets(), by_text)
        controller = Controller(client, registry, settings, connect=elsewhere, clusters=clusters)
        port = await health.start("", flags.healthz_port)
        log.info("gradatim: /healthz on port %d, namespace %s", port, own)

        async def work() -> None:
            leads.set()
            await controller.run(stop)

        if flags.leader_elect:
            name = "argo-rollouts-controller-lock" + (
                f"-{flags.instance_id}" if flags.instance_id else ""
            )
            identity = f"{socket.gethostname()}_{uuid.uuid4()}"
            election = Election(transport.unpaced, LEASES.at(own, name), identity)
            log.info("waiting for the lease %s/%s", own, name)
            await _lead(election.lead(work), stop, leads)
        else:
            await work()
        log.info("stopped")
    finally:
        await health.aclose()
        await registry.aclose()
        await client.aclose()


def _tell(plugin: PluginInfo) -> None:
    """One line for a plugin, or one for each thing that is wrong with it."""
    if plugin.is_sound:
        log.info("%s", plugin)
    for fault in filter(None, (plugin.cause, *plugin.conflicts)):
        log.error("%s: %s", plugin, fault)


async def _lead(
    leading: Coroutine[Any, Any, None], stop: asyncio.Event, leads: asyncio.Event
) -> None:
    """Lead until the work ends; a candidate that never led just goes when it is told to stop."""
    task = asyncio.create_task(leading)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not leads.is_set():
        task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _stopped_by_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def controller_namespace(given: str | None) -> str:
    """The controller's own namespace: as given, the pod's, or the one that Argo Rollouts is installed in."""
    if given:
        return given
    if os.environ.get("POD_NAMESPACE"):
        return os.environ["POD_NAMESPACE"]
    try:
        return _ACCOUNT_NAMESPACE.read_text().strip() or "argo-rollouts"
    except OSError:
        return "argo-rollouts"
