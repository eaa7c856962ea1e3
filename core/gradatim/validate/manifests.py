"""A set of manifests judged together, as they lie in the files of a repository.

In: objects with where they come from, the installed plugins, schemas. Out: `Finding`s, object by object.
Called by `gradatim validate`. What an object refers to is looked for in the same set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, Literal

from gradatim.model.analysis import TemplateRef, parse_template
from gradatim.model.analysisrun import parse_analysis_run
from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout, parse_rollout
from gradatim.plugin import FieldPath, Problem, TrafficRouter

from .advice import Advice
from .analyses import analyses_of, kind_of
from .analysis import gathered
from .experiments import experiment_problems
from .habits import rollout_advice
from .plugins import Plugins
from .references import reference_problems, service_fields
from .rollout import rollout_problems
from .shape import manifest_problems
from .surroundings import GROUP, Manifest, Surroundings
from .templates import run_advice, run_problems, template_advice, template_problems
from .wording import invalid, required

VERSION: Final = "v1alpha1"
TEMPLATES: Final = ("AnalysisTemplate", "ClusterAnalysisTemplate")
KINDS: Final = ("Rollout", *TEMPLATES, "AnalysisRun", "Experiment")

#: A Problem fails the validation; advice and notes do not.
Severity = Literal["problem", "advice", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say of one object. A note says what could not be checked."""

    manifest: Manifest
    path: FieldPath
    message: str
    severity: Severity = "problem"


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judges a set of manifests.

    Attributes:
        plugins: the installed plugins.
        routers: the router of a key, None where there is none.
        schemas: the OpenAPI schema of each of `KINDS`.
        strict: what is in none of the files is missing, even where no object of its kind is given.
    """

    plugins: Plugins
    routers: Callable[[str], TrafficRouter | None]
    schemas: Mapping[str, Json] = field(default_factory=dict)
    strict: bool = False

    def findings(self, manifests: Sequence[Manifest]) -> Iterator[Finding]:
        """All there is to say, in the order of the manifests. Never raises."""
        around = Surroundings(manifests, strict=self.strict)
        for manifest in manifests:
            yield from _unique(self._of_one(manifest, around))

    def _of_one(self, manifest: Manifest, around: Surroundings) -> Iterator[Finding]:
        if manifest.group != GROUP or manifest.kind not in KINDS:
            yield from _near_misses(manifest)
            return
        if manifest.version != VERSION:
            detail = f"must be {GROUP}/{VERSION}"
            yield Finding(manifest, FieldPath("apiVersion"), detail)
        shape = list(manifest_problems(manifest.raw, self.schemas.get(manifest.kind, {})))
        if not manifest.name and not Reader(manifest.raw).object("metadata").has("generateName"):
            shape.append(required(FieldPath("metadata", "name")))
        yield from (Finding(manifest, p.path, p.message) for p in shape)
        # what has the wrong type was said already, in the schema's words
        said = {problem.path for problem in shape}
        for finding in self._content(manifest, around):
            if finding.path not in said:
                yield finding

    def _content(self, manifest: Manifest, around: Surroundings) -> Iterator[Finding]:
        match manifest.kind:
            case "Rollout":
                yield from self._rollout(manifest, around)
            case "AnalysisRun":
                run = parse_analysis_run(manifest.raw)
                yield from _findings(manifest, run_problems(run, self.plugins), run_advice(run))
            case "Experiment":
                yield from _findings(manifest, experiment_problems(manifest.raw), ())
                yield from self._experiment_references(manifest, around)
            case _:
                yield from self._template(manifest, around)

    def _template(self, manifest: Manifest, around: Surroundings) -> Iterator[Finding]:
        template, path = parse_template(manifest.raw), FieldPath("spec", "templates")
        others = around.templates(manifest.namespace)
        problems = template_problems(template, self.plugins, others=others)
        yield from _findings(manifest, problems, template_advice(template))
        yield from self._missing(manifest, path, template.templates, around)

    def _experiment_references(self, manifest: Manifest, around: Surroundings) -> Iterator[Finding]:
        spec = Reader(manifest.raw).object("spec")
        for index, analysis in enumerate(spec.objects("analyses")):
            ref = TemplateRef(analysis.text("templateName"), analysis.flag("clusterScope"))
            path = FieldPath("spec", "analyses", index, "templateName")
            if ref.name:
                yield from self._missing(manifest, path, [ref], around)

    def _missing(
        self,
        manifest: Manifest,
        path: FieldPath,
        refs: Iterable[TemplateRef],
        around: Surroundings,
    ) -> Iterator[Finding]:
        templates = around.templates(manifest.namespace)
        for ref in refs:
            if ref in templates:
                continue
            if kind_of(ref) in around.unseen or around.has_only(manifest, kind_of(ref)):
                yield _note(manifest, path, str(ref))
            else:
                problem = invalid(path, ref.name, f"{ref} not found")
                yield Finding(manifest, problem.path, problem.message)

    def _rollout(self, manifest: Manifest, around: Surroundings) -> Iterator[Finding]:
        rollout = parse_rollout(manifest.raw)
        own = rollout_problems(rollout, self.plugins)
        yield from _findings(manifest, own, rollout_advice(rollout))
        routes, unchecked = around.routes(rollout, self.routers, self.plugins)
        references = around.references(rollout, routes)
        echoes = self._echoes(rollout, around)
        for problem in reference_problems(rollout, references, self.plugins):
            if not problem.message.endswith(echoes):
                yield Finding(manifest, problem.path, problem.message)
        for each in service_fields(rollout):
            if "Service" in references.unseen:
                yield _note(manifest, each.path, f"Service '{each.name}'")
        for analysis in analyses_of(rollout):
            for ref in gathered(analysis.refs, references.templates.get).missing:
                if kind_of(ref) in references.unseen:
                    yield _note(manifest, analysis.path / "templates", str(ref))
        for path, name in unchecked:
            yield _note(manifest, path, name)

    def _echoes(self, rollout: Rollout, around: Surroundings) -> tuple[str, ...]:
        """What is said of the templates themselves needs not be said of each Rollout that uses them."""
        templates = around.templates(rollout.namespace)
        return tuple(
            f": {template.ref}: {problem}"
            for template in templates.values()
            for problem in template_problems(template, self.plugins, others=templates)
        )


def _findings(
    manifest: Manifest, problems: Iterable[Problem], advice: Iterable[Advice]
) -> Iterator[Finding]:
    for problem in problems:
        yield Finding(manifest, problem.path, problem.message)
    for piece in advice:
        yield Finding(manifest, piece.path, piece.message, "advice")


def _note(manifest: Manifest, path: FieldPath, name: str) -> Finding:
    return Finding(manifest, path, f"{name} is in none of the files, and was not checked", "note")


def _unique(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen: set[tuple[Any, ...]] = set()
    for finding in findings:
        key = (finding.path, finding.message)
        if key not in seen:
            seen.add(key)
            yield finding


def _near_misses(manifest: Manifest) -> Iterator[Finding]:
    """Other projects have kinds in this group too, so only what looks misspelt is told."""
    if manifest.group == GROUP:
        for near in get_close_matches(manifest.kind[:64], KINDS, n=1, cutoff=0.8):
            message = f'"{manifest.kind}" is not a kind of ours; did you mean "{near}"?'
            yield Finding(manifest, FieldPath("kind"), message, "advice")
