"""`gradatim crds`: prints the CustomResourceDefinitions, or writes them to files.

In: the kinds wanted and a directory. Out: YAML on standard output, or one file a kind. Whoever installs Gradatim calls
it, and `deploy/crds/` is made with it.
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command("crds")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only this kind. May be repeated."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one file for each kind into this directory instead of printing.",
)
def crds_command(kinds: tuple[str, ...], out: Path | None) -> None:
    """Print the CustomResourceDefinitions of Rollouts, analyses and experiments.

    \b
    gradatim crds | kubectl apply --server-side -f -
    """
    from gradatim.crds import KINDS, custom_resource_definitions, yaml_text

    wanted = {kind.lower() for kind in kinds}
    unknown = wanted - {kind.lower() for kind in KINDS}
    if unknown:
        raise click.BadParameter(
            f"no kind {sorted(unknown)[0]!r}; there are {', '.join(KINDS)}", param_hint="--kind"
        )
    texts = {
        manifest["spec"]["names"]["plural"]: yaml_text(manifest)
        for manifest in custom_resource_definitions()
        if not wanted or manifest["spec"]["names"]["singular"] in wanted
    }
    if out is None:
        click.echo("---\n" + "---\n".join(texts.values()), nl=False)
        return
    out.mkdir(parents=True, exist_ok=True)
    for plural, text in texts.items():
        path = out / f"{plural}.yaml"
        path.write_text(
            f"# Written by `gradatim crds`; changes belong there.\n{text}", encoding="utf-8"
        )
        click.echo(path)
