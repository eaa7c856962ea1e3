"""`gradatim measure`: what a template's metrics say now, asked of the real providers.

In: a file with a template or an AnalysisRun, arguments and Secrets. Out: query, value, verdict and why, of each metric.
It ends with 0 when all are successful, 1 when one failed or is inconclusive, 2 when it could not be asked.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

_STDIN: Final = "-"


@click.command("measure")
@click.argument("file", metavar="FILE")
@click.option("--object", "name", default="", help="Name of the object, if FILE has several.")
@click.option("--metric", "metrics", multiple=True, help="Only this metric; may be repeated.")
@click.option(
    "--arg", "args", multiple=True, metavar="NAME=VALUE", help="An argument; may be repeated."
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME.KEY=@FILE",
    help="A key of a Secret, read from a file (- for standard input); may be repeated.",
)
@click.option("--watch", is_flag=True, help="Measure at the intervals, and judge as a run would.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each measurement.")
@click.option("-n", "--namespace", default="", help="The run's namespace.  [default: the object's]")
@click.option(
    "--controller-namespace",
    default="",
    help="Where the controller's Secrets are.  [default: argo-rollouts]",
)
@click.option(
    "--kubeconfig", help="Kubeconfig of the cluster to read Secrets from, and to run Jobs on."
)
@click.option("--context", help="Context of the kubeconfig.")
@click.pass_context
def measure_command(
    context: click.Context,
    /,
    file: str,
    watch: bool,
    as_json: bool,
    kubeconfig: str | None,
    **given: object,
) -> None:
    """Ask the providers of a template's metrics, once or with --watch like a run.

    FILE is a file of YAML or JSON with an AnalysisTemplate, a ClusterAnalysisTemplate or an
    AnalysisRun, or - for standard input. Templates that it refers to are looked for in the same
    file. Secrets come from --secret, else from the cluster of the kubeconfig; a provider's
    environment variables, such as DD_API_KEY, from this environment. No secret is printed.

    Exits with 0 when all is successful, 1 when something failed or is inconclusive, 2 when it
    could not be asked.
    """
    from .manifest import Wanted, pairs, run_of
    from .report import Report
    from .secrets import Cluster, Secrets, given_secrets
    from .trial import Trial

    text = sys.stdin.read() if file == _STDIN else _text(file)
    wanted = Wanted(
        name=_one(given["name"]),
        metrics=_many(given["metrics"]),
        args=pairs(_many(given["args"])),
        namespace=_one(given["namespace"]),
        as_run=watch,
    )
    run = run_of(text, wanted, "standard input" if file == _STDIN else file)
    cluster = Cluster(kubeconfig, _one(given["context"]) or None)
    trial = Trial(
        run=run,
        secrets=Secrets(given_secrets(_many(given["secrets"])), cluster),
        controller_namespace=_one(given["controller_namespace"]),
        report=Report(run, as_json=as_json, as_run=watch),
    )
    context.exit(trial.carried_out())


def _text(file: str) -> str:
    from ...errors import SetupError

    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise SetupError(f"{file}: cannot be read: {reason}") from error


def _one(value: object) -> str:
    return value if isinstance(value, str) else ""


def _many(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()
