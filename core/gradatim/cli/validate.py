"""`gradatim validate`: what is wrong with manifests, before anything is applied.

In: files, directories, `-` for standard input. Out: one line a problem, or JSON; exit code 1 when there is a problem.
Called in pipelines and by whoever writes manifests. `gradatim.validate` judges; here files are read and lines printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from ..plugin import FieldPath, Json, ObjectRef, Patch, Problem, TrafficRouter, Wanted
    from ..registry import Registry
    from ..validate.documents import Document
    from ..validate.manifests import Finding, Judge
    from ..validate.surroundings import Manifest
    from ..validate.tree import TextFault

#: Exit code when there is a problem; click's own for a wrong call is 2.
UNSOUND: Final = 1

_STDIN: Final = "-"
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
_LARGEST: Final = 16 * 1024 * 1024
_COLOURS: Final = {"problem": "red", "advice": "yellow", "note": "cyan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the report: what is said of which place.

    Attributes:
        number: of the document in its file; 0 for the file as a whole.
        line: of the file; 0 where it is not known.
        item: of the list that the document is; 0 when it is none.
    """

    file: str
    message: str
    severity: str = "problem"
    number: int = 0
    line: int = 0
    column: int = 0
    item: int = 0
    kind: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    def json(self) -> dict[str, Any]:
        """The line for scripts."""
        return {
            "file": self.file,
            "document": self.number,
            "line": self.line,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "path": self.path,
            "message": self.message,
            "severity": self.severity,
        }

    def text(self) -> str:
        """The line for people: where, what, and what is wrong."""
        if not self.number or not self.kind:
            place = ":".join(str(part) for part in (self.line, self.column) if part)
            return (
                f"{self.file}:{place}: {self.message}" if place else f"{self.file}: {self.message}"
            )
        item = f" item {self.item}" if self.item else ""
        name = "/".join(part for part in (self.namespace, self.name) if part)
        where = f"{self.path}: " if self.path else ""
        what = f"{self.kind} {name}".strip()
        return f"{self.file}: document {self.number}{item} ({what}): {where}{self.message}"


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--strict",
    is_flag=True,
    help="What is in none of the files is missing, even where no object of its kind is given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects for scripts.")
@click.pass_context
def validate_command(
    context: click.Context, files: tuple[str, ...], strict: bool, as_json: bool
) -> None:
    """Check Rollouts, analysis templates, AnalysisRuns and Experiments.

    FILE is a file of YAML or JSON, a directory of them, or - for standard input. All files are
    judged together: Services, templates, VirtualServices and the like are looked for among them. A
    reference to what is not there is a problem when objects of its kind are given; otherwise it is
    only noted, since they may lie elsewhere (--strict makes it a problem).

    Exits with 1 when there is a problem. Notes and advice fail nothing.
    """
    reading = _Reading()
    for file in files:
        reading.read(file)
    lines = [*reading.lines, *reading.judged(_judge(strict=strict))]
    order = {file: index for index, file in enumerate(reading.files)}
    lines.sort(key=lambda line: (order.get(line.file, 0), line.number, line.item))
    if as_json:
        click.echo(json.dumps([line.json() for line in lines], indent=2))
    else:
        _print(lines, reading)
    if any(line.severity == "problem" for line in lines):
        context.exit(UNSOUND)


class _Reading:
    """Files read so far: their objects, and what could not be read."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.lines: list[Line] = []
        self._manifests: list[Manifest] = []
        self._documents: dict[int, Document] = {}

    def read(self, name: str) -> None:
        """Read one argument of the command."""
        if name == _STDIN:
            self._take("standard input", sys.stdin.buffer.read(_LARGEST + 1))
            return
        path = Path(name)
        try:
            found = sorted(_files_in(path)) if path.is_dir() else [path]
        except OSError as error:
            self._refuse(name, f"cannot be read: {error.strerror or error}")
            return
        if path.is_dir() and not found:
            self._refuse(name, "holds no file that ends in .yaml, .yml or .json")
        for each in found:
            if str(each) in self.files:
                # named twice, or named and in a directory
                continue
            try:
                with each.open("rb") as file:
                    data = file.read(_LARGEST + 1)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else ""
                self._refuse(str(each), f"cannot be read: {reason or error}")
            else:
                self._take(str(each), data)

    def _refuse(self, file: str, message: str) -> None:
        self.files.append(file)
        self.lines.append(Line(file=file, message=message))

    def _take(self, file: str, data: bytes) -> None:
        if len(data) > _LARGEST:
            self._refuse(file, f"is larger than {_LARGEST // 1024 // 1024} MiB")
            return
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._refuse(file, f"is not UTF-8 text: byte {error.start} cannot be read")
            return
        self.files.append(file)
        self._parse(file, text)

    def _parse(self, file: str, text: str) -> None:
        from ..validate.documents import Document, read_documents

        for found in read_documents(text):
            if isinstance(found, Document):
                self._add(file, found)
            else:
                self.lines.append(_fault_line(file, found))

    def _add(self, file: str, document: Document) -> None:
        from ..validate.surroundings import Manifest

        value = document.value
        if value is None:
            return
        if not isinstance(value, dict):
            message = "must be an object with apiVersion and kind"
            line = Line(file=file, message=message, number=document.number, line=document.line)
            self.lines.append(line)
            return
        items = value.get("items") if value.get("kind") == "List" else None
        objects = enumerate(items, 1) if isinstance(items, list) else [(0, value)]
        for item, raw in objects:
            if isinstance(raw, dict):
                manifest = Manifest(raw, file, document.number, item)
                self._manifests.append(manifest)
                self._documents[id(manifest)] = document

    def judged(self, judge: Judge) -> Iterator[Line]:
        """A line for each finding."""
        for finding in judge.findings(self._manifests):
            yield self._line(finding)

    def count(self) -> int:
        """How many objects were there to judge."""
        from ..validate.manifests import KINDS
        from ..validate.surroundings import GROUP

        return sum(m.group == GROUP and m.kind in KINDS for m in self._manifests)

    def _line(self, finding: Finding) -> Line:
        from ..validate.tree import line_of

        manifest = finding.manifest
        document = self._documents[id(manifest)]
        return Line(
            file=manifest.file,
            message=finding.message,
            severity=finding.severity,
            number=manifest.number,
            line=line_of(manifest.raw, document.marks, finding.path.parts) or document.line,
            item=manifest.item,
            kind=manifest.kind,
            namespace=manifest.namespace,
            name=manifest.name,
            path=str(finding.path),
        )


def _files_in(directory: Path) -> Iterator[Path]:
    for path in directory.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if not hidden and path.suffix in _SUFFIXES and path.is_file():
            yield path


def _fault_line(file: str, fault: TextFault) -> Line:
    return Line(
        file=file,
        message=fault.message,
        number=fault.number,
        line=fault.line,
        column=fault.column,
    )


def _judge(*, strict: bool) -> Judge:
    from ..crds import custom_resource_definitions
    from ..registry import load_registry
    from ..validate.manifests import Judge

    registry = load_registry()
    schemas = {
        definition["spec"]["names"]["kind"]: definition["spec"]["versions"][0]["schema"][
            "openAPIV3Schema"
        ]
        for definition in custom_resource_definitions()
    }
    return Judge(
        plugins=registry,
        routers=lambda key: _fenced(registry, key),
        schemas=schemas,
        strict=strict,
    )


def _fenced(registry: Registry, key: str) -> TrafficRouter | None:
    """The router of a key, which cannot end the command whatever it raises; None if it cannot be made."""
    from ..errors import PluginError
    from ..plugin import Problem, TrafficRouter
    from ..registry.plugin import Fence, described

    try:
        router = registry.traffic_router(key)
    except PluginError:
        # validating its block has said so
        return None

    class Fenced(TrafficRouter):
        """The router behind a fence."""

        def references(self, config: Json, namespace: str) -> Iterable[ObjectRef]:
            with Fence():
                return list(router.references(config, namespace))
            return []

        def plan(self, wanted: Wanted, objects: Mapping[ObjectRef, Json]) -> Iterable[Patch]:
            return router.plan(wanted, objects)

        def check(
            self, wanted: Wanted, objects: Mapping[ObjectRef, Json], path: FieldPath
        ) -> Iterable[Problem]:
            with Fence() as fence:
                return list(router.check(wanted, objects, path))
            reason = described(fence.error) if fence.error else "unknown"
            return [Problem(path, f"the router for {key!r} failed in check: {reason}")]

    return Fenced()


def _print(lines: list[Line], reading: _Reading) -> None:
    for line in lines:
        text = _printable(line.text())
        if line.severity != "problem":
            label, _, rest = text.partition(": ")
            text = f"{label}: {line.severity}: {rest}"
        click.secho(text, fg=_COLOURS.get(line.severity))
    click.echo(_summary(lines, reading))


def _printable(text: str) -> str:
    """The text in one line, without anything that a terminal would obey."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode()
        for char in text
    )


def _summary(lines: list[Line], reading: _Reading) -> str:
    counts = {severity: sum(line.severity == severity for line in lines) for severity in _COLOURS}
    objects, files = reading.count(), len(reading.files)
    said = [_counted(counts["problem"], "problem") if counts["problem"] else "no problem"]
    if counts["advice"]:
        said.append(f"{counts['advice']} of advice")
    if counts["note"]:
        said.append(_counted(counts["note"], "note"))
    return f"{', '.join(said)} in {_counted(objects, 'object')} of {_counted(files, 'file')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
