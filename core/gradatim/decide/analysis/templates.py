"""From templates to one specification: nested ones gathered, several flattened into one.

In: references and a look-up, or templates with what a Rollout gives them. Out: a `RunSpec`, or Problems.
The Rollout's and the Experiment's decisions call it before they make a run, `validate/` to see that they could.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gradatim.model.analysis import Template, TemplateRef
from gradatim.plugin import FieldPath, Json, Problem

from .arguments import merge_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The templates that references lead to: the namespace's first, then the cluster's, each once.

    Attributes:
        missing: references that lead nowhere.
        cycles: templates that lead back to themselves. Argo Rollouts would never come to an end with them.
    """

    templates: tuple[Template, ...] = ()
    missing: tuple[TemplateRef, ...] = ()
    cycles: tuple[TemplateRef, ...] = ()

    def problems(self, path: FieldPath) -> list[Problem]:
        """What is wrong, at `path`, the list of references."""
        return [
            *(Problem(path, f"{ref} not found") for ref in self.missing),
            *(Problem(path, f"{ref} refers back to itself") for ref in self.cycles),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What an AnalysisRun's `spec` will say. Every element is JSON as its author wrote it.

    `templates` are those that it came from: their annotations tell how silence is taken.
    """

    metrics: tuple[Json, ...] = ()
    args: tuple[Json, ...] = ()
    dry_run: tuple[Json, ...] = ()
    retention: tuple[Json, ...] = ()
    templates: tuple[Template, ...] = field(default=(), repr=False, compare=False)

    def json(self) -> Json:
        """The `spec`, without what is empty."""
        spec: Json = {"metrics": list(self.metrics)}
        lists = {
            "args": self.args,
            "dryRun": self.dry_run,
            "measurementRetention": self.retention,
        }
        return spec | {key: list(items) for key, items in lists.items() if items}


def gather(
    refs: Iterable[TemplateRef], look_up: Callable[[TemplateRef], Template | None]
) -> Gathered:
    """Follow references, and the references in what they lead to."""
    found: dict[TemplateRef, Template] = {}
    missing: dict[TemplateRef, None] = {}
    cycles: dict[TemplateRef, None] = {}
    # Depth first, without recursion: (reference, the references on the way to it)
    nowhere: frozenset[TemplateRef] = frozenset()
    todo = [(ref, nowhere) for ref in refs]
    todo.reverse()
    while todo:
        ref, way = todo.pop()
        if ref in way:
            cycles[ref] = None
        if ref in found or ref in missing:
            continue
        template = look_up(ref)
        if template is None:
            missing[ref] = None
            continue
        found[ref] = template
        todo += [(inner, way | {ref}) for inner in reversed(template.templates)]
    ordered = sorted(found.values(), key=lambda template: template.cluster_scope)
    return Gathered(templates=tuple(ordered), missing=tuple(missing), cycles=tuple(cycles))


def flatten(
    templates: Sequence[Template],
    provided_args: Sequence[Json],
    dry_run: Sequence[Json],
    retention: Sequence[Json],
) -> RunSpec | list[Problem]:
    """One run's specification from templates, and what a Rollout or an Experiment adds.

    Args:
        templates: as `gather` gives them.
        provided_args: elements of `args` with their values (`resolve_arguments`).
        dry_run, retention: rules that come before the templates' own.

    Returns:
        The specification, or what stands against it, the fault that Argo Rollouts would name first.
    """
    specs = [spec for each in templates if isinstance(spec := each.raw.get("spec"), dict)]
    metrics, own_dry, own_retention = (
        _joined(specs, key) for key in ("metrics", "dryRun", "measurementRetention")
    )
    declared, problems = _declared_arguments(_joined(specs, "args"))
    args, missing = merge_arguments(declared, _objects(provided_args))
    dry, kept = [*_objects(dry_run), *own_dry], [*_objects(retention), *own_retention]
    found = [
        *_doubles(metrics, "metrics", "name", "two metrics have the same name"),
        *_doubles(own_dry, "dryRun", "metricName", _DRY_RUN_TWICE),
        *_doubles(own_retention, "measurementRetention", "metricName", _RETENTION_TWICE),
        *problems,
        *missing,
        *_doubles(dry, "dryRun", "metricName", _DRY_RUN_TWICE),
        *_doubles(kept, "measurementRetention", "metricName", _RETENTION_TWICE),
    ]
    if found:
        return list(dict.fromkeys(found))
    return RunSpec(
        metrics=tuple(metrics),
        args=tuple(args),
        dry_run=tuple(dry),
        retention=tuple(kept),
        templates=tuple(templates),
    )


_DRY_RUN_TWICE = "two Dry-Run metric rules have the same name"
_RETENTION_TWICE = "two Measurement Retention metric rules have the same name"


def _joined(specs: Iterable[Json], key: str) -> list[Json]:
    """The objects of that list in all templates; what is no object is the view's fault to name."""
    return [item for spec in specs for item in _objects(spec.get(key))]


def _objects(items: object) -> list[Json]:
    if not isinstance(items, Sequence) or isinstance(items, str):
        return []
    return [item for item in items if isinstance(item, dict)]


def _doubles(items: Iterable[Json], where: str, key: str, message: str) -> Iterable[Problem]:
    seen = set()
    for index, item in enumerate(items):
        name = str(item.get(key, ""))
        if name in seen:
            yield Problem(FieldPath(where, index, key), f"{message} '{name}'")
        seen.add(name)


def _declared_arguments(args: Iterable[Json]) -> tuple[list[Json], list[Problem]]:
    """Each argument once: a later declaration fills in for one without a value."""
    declared: dict[str, Json] = {}
    problems = []
    for arg in args:
        name = str(arg.get("name", ""))
        earlier = declared.setdefault(name, arg)
        first, second = earlier.get("value"), arg.get("value")
        if first is None:
            declared[name] = arg
        elif second is not None and first != second:
            message = f"Argument `{name}` specified multiple times with different values: '{first}', '{second}'"
            problems.append(Problem(FieldPath("args"), message))
    return list(declared.values()), problems
