"""The command line: one module a command, imported only when that command is used.

In: arguments. Out: text, and an exit code: 0 fine, 1 what was asked about is not fine, 2 it could not be asked.
`gradatim` on the PATH is `main`.
"""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from ..errors import GradatimError, SetupError

#: name: (module, attribute, one line of help). The line stands here so that `--help` imports nothing.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "crds": ("crds", "crds_command", "Print the CustomResourceDefinitions."),
    "demo": ("demo", "demo_command", "Tell two stories of a release, on a cluster of its own."),
    "eval": ("eval_", "eval_command", "Try a condition on a result."),
    "measure": ("measure", "measure_command", "Ask a template's providers, now."),
    "plugins": ("plugins", "plugins", "List the plugins, and find what is wrong with them."),
    "run": ("run", "run_command", "Run the controller on a cluster."),
    "sim": ("sim", "sim_command", "Serve an embedded Kubernetes on loopback."),
    "validate": ("validate", "validate_command", "Say what is wrong with manifests."),
}


class LateCommands(click.Group):
    """A group that knows its commands by name and imports the one that is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        del ctx
        known = COMMANDS.get(cmd_name)
        if known is None:
            return None
        module, attribute, _ = known
        command = getattr(importlib.import_module(f"gradatim.cli.{module}"), attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, and the rest of them."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in `--help`, without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])


@click.group(cls=LateCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gradatim", prog_name="gradatim")
def cli() -> None:
    """Progressive delivery for Kubernetes, with Argo Rollouts' manifests."""


def main() -> None:
    """Run the command line; what an operator must mend ends it with one line and exit code 2."""
    try:
        cli(prog_name="gradatim", standalone_mode=True)
    except SetupError as error:
        click.echo(f"gradatim: {error}", err=True)
        sys.exit(2)
    except GradatimError as error:
        click.echo(f"gradatim: {error}", err=True)
        sys.exit(1)
