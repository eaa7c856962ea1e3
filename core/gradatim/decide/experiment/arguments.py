"""The arguments of an Experiment's analyses: what stands in `{{…}}` put in.

In: the draft of a pass and the arguments as written. Out: arguments with values, or what cannot be resolved.
Called by `analyses.py`. §3.7 of the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...model.reading import Json, format_time
from ..analysis import UnresolvedError, resolve_arguments, substitute
from .draft import Draft, later


def resolved(draft: Draft, args: Sequence[Json]) -> list[Json] | str:
    """The arguments with their values; a text that says what is wrong where one has none."""
    values, found = _values(draft), []
    for arg in args:
        source = arg.get("valueFrom")
        if isinstance(source, dict) and isinstance(source.get("fieldRef"), dict):
            given, problems = resolve_arguments(draft.experiment.raw, [arg], "", "")
            if problems:
                return problems[0].message
            found += given
            continue
        try:
            found.append(_with_value(arg, values))
        except UnresolvedError as error:
            return str(error)
    return found


def _with_value(arg: Json, values: dict[str, str]) -> Json:
    if isinstance(value := arg.get("value"), str):
        return {"name": arg.get("name", ""), "value": substitute(value, values)}
    return arg


def _values(draft: Draft) -> dict[str, str]:
    experiment, values = draft.experiment, {}
    if experiment.available_at is not None:
        values["experiment.availableAt"] = format_time(experiment.available_at)
        if experiment.duration is not None:
            end = later(experiment.available_at, experiment.duration)
            values["experiment.finishedAt"] = format_time(end)
    for template in experiment.templates:
        if found := draft.replica_set(template.name):
            values[f"templates.{template.name}.podTemplateHash"] = found.pod_hash
            values[f"templates.{template.name}.replicaset.name"] = found.name
    return values
