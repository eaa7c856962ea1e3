from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gradatim.cli.validate import validate_command

Run = Callable[..., Result]

ROLLOUT = """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: default
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: "app:v1"}
  strategy:
    canary:
      steps:
      - setWeight: WEIGHT
"""
TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: success}
spec:
  metrics:
  - name: rate
    successCondition: CONDITION
    provider:
      PROVIDER: {url: "http://example.com"}
"""
ROUTED = """\
      canaryService: web-canary
      stableService: web-stable
      trafficRouting:
        istio: {virtualService: {name: web}}
"""


def rollout(weight: str = "20", more: str = "") -> str:
    return ROLLOUT.replace("WEIGHT", weight) + more


def template(provider: str = "web", condition: str = '"result > 1"') -> str:
    return TEMPLATE.replace("PROVIDER", provider).replace("CONDITION", condition)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str | None = None, **files: str) -> Result:
        for name, text in files.items():
            Path(f"{name}.yaml").write_text(text, encoding="utf-8")
        named = [f"{name}.yaml" for name in files]
        return CliRunner().invoke(validate_command, [*arguments, *named], input=stdin)

    return run


def test_sound_manifests_pass(run: Run) -> None:
    result = run(a=rollout(), b=template())
    assert (result.exit_code, result.output) == (0, "no problem in 2 objects of 2 files\n")


def test_an_unknown_provider_is_one_line_with_its_path(run: Run) -> None:
    result = run(a=template().replace("web:", "plugin: {acme/probe: {}} #"))
    assert result.exit_code == 1
    line, summary = result.output.splitlines()
    assert line.startswith(
        "a.yaml: document 1 (AnalysisTemplate success): spec.metrics[0].provider.plugin[acme/probe]: "
        "no installed plugin serves 'acme/probe'"
    )
    assert summary == "1 problem in 1 object of 1 file"


@pytest.mark.parametrize(
    ("key", "block"),
    [
        ("nginx", "{stableIngress: web}"),
        ("alb", "{ingress: web, servicePort: 80}"),
        ("smi", "{}"),
        ("traefik", "{weightedTraefikServiceName: web}"),
        ("apisix", "{route: {name: web}}"),
        ("ambassador", "{mappings: [web]}"),
        ("appMesh", "{virtualService: {name: web}}"),
    ],
)
def test_a_router_that_nobody_serves_is_a_problem_and_no_rollout_without_routing(
    run: Run, key: str, block: str
) -> None:
    routed = ROUTED.replace("istio: {virtualService: {name: web}}", f"{key}: {block}")
    result = run(a=rollout(more=routed))
    assert result.exit_code == 1
    assert (
        f"spec.strategy.canary.trafficRouting.{key}: no installed plugin serves {key!r}: install a package "
        "whose plugin has that key, or write one, as the docstring of gradatim.plugin shows"
    ) in result.output


def test_a_step_plugin_that_nobody_serves_is_found_before_the_rollout(run: Run) -> None:
    result = run(a=rollout(more="      - plugin: {name: acme/gate, config: {url: x}}\n"))
    assert result.exit_code == 1
    assert result.output.startswith(
        "a.yaml: document 1 (Rollout default/web): spec.strategy.canary.steps[1].plugin.name: "
        "no installed plugin serves 'acme/gate'"
    )


def test_a_misspelt_provider_is_one_line_with_a_suggestion(run: Run) -> None:
    result = run(a=template("dtadog"))
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == (
        "a.yaml: document 1 (AnalysisTemplate success): spec.metrics[0].provider.dtadog: "
        'unknown field; did you mean "datadog"?'
    )


def test_a_condition_that_does_not_parse_is_one_line_with_its_path(run: Run) -> None:
    result = run(a=template(condition="result =="))
    assert result.exit_code == 1
    line, _ = result.output.splitlines()
    assert line.startswith(
        "a.yaml: document 1 (AnalysisTemplate success): spec.metrics[0].successCondition: "
        'could not evaluate "result ==": '
    )


def test_a_weight_of_120_is_one_line_with_its_path(run: Run) -> None:
    result = run(a=rollout("120"))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "a.yaml: document 1 (Rollout default/web): spec.strategy.canary.steps[0].setWeight: "
        "Invalid value: 120: SetWeight needs to be between 0 and 100",
        "1 problem in 1 object of 1 file",
    ]


def test_a_syntax_error_is_one_line_with_its_place_and_hides_nothing(run: Run) -> None:
    result = run(a=f"a: b: c\n---\n{rollout('120')}")
    assert result.exit_code == 1
    assert result.output.splitlines()[:2] == [
        "a.yaml:1:5: is no YAML: mapping values are not allowed in this context",
        "a.yaml: document 1 (Rollout default/web): spec.strategy.canary.steps[0].setWeight: "
        "Invalid value: 120: SetWeight needs to be between 0 and 100",
    ]


def test_an_argument_without_quotes_is_explained(run: Run) -> None:
    result = run(a="args:\n- value: {{args.x}}\n")
    assert result.output.splitlines()[0].endswith('into quotes: "{{args.x}}"')


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        pytest.param(lambda _: None, "cannot be read: No such file or directory", id="no file"),
        pytest.param(lambda p: p.mkdir(), "holds no file that ends in", id="an empty directory"),
        pytest.param(
            lambda p: p.write_bytes(b"a: \xff"), "is not UTF-8 text: byte 3", id="no text"
        ),
        pytest.param(lambda p: p.write_bytes(b" " * (1 << 24) + b"a"), "larger than 16", id="huge"),
        pytest.param(lambda p: p.write_text("- a\n"), "must be an object", id="a list"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_name(
    prepare: Callable[[Path], object], words: str, run: Run, tmp_path: Path
) -> None:
    prepare(tmp_path / "thing")
    result = run("thing")
    assert result.exit_code == 1
    line, summary = result.output.splitlines()
    assert line.startswith("thing")
    assert words in line
    assert summary == "1 problem in 0 objects of 1 file"


def test_a_call_without_files_is_a_wrong_call(run: Run) -> None:
    assert run().exit_code == 2


def test_standard_input_and_lists_are_read(run: Run) -> None:
    listed = json.dumps({"kind": "List", "items": [{"kind": "Nothing"}, _as_json("120")]})
    result = run("-", stdin=listed)
    assert result.exit_code == 1
    assert result.output.startswith("standard input: document 1 item 2 (Rollout default/web): ")


def _as_json(weight: str) -> object:
    import yaml

    return yaml.safe_load(rollout(weight))


def test_directories_are_walked_and_files_judged_once(run: Run, tmp_path: Path) -> None:
    nested = tmp_path / "deploy" / "nested"
    nested.mkdir(parents=True)
    (nested / "a.yml").write_text(rollout("120"))
    (nested / "readme.txt").write_text("a: b: c")
    (tmp_path / "deploy" / ".hidden").mkdir()
    (tmp_path / "deploy" / ".hidden" / "b.yaml").write_text("a: b: c")
    result = run("deploy", "deploy/nested/a.yml")
    assert result.output.splitlines()[1] == "1 problem in 1 object of 1 file"


def test_references_are_noted_and_with_strict_missing(run: Run) -> None:
    result = run(a=rollout(more=ROUTED))
    assert result.exit_code == 0
    assert result.output.splitlines()[0] == (
        "a.yaml: note: document 1 (Rollout default/web): spec.strategy.canary.stableService: "
        "Service 'web-stable' is in none of the files, and was not checked"
    )
    assert result.output.splitlines()[-1] == "no problem, 3 notes in 1 object of 1 file"
    strict = run("--strict", a=rollout(more=ROUTED))
    assert strict.exit_code == 1
    assert [line.split(": ", 3)[2] for line in strict.output.splitlines()[:-1]] == [
        "spec.strategy.canary.stableService",
        "spec.strategy.canary.canaryService",
        "spec.strategy.canary.trafficRouting.istio.virtualService.name",
    ]


def test_advice_is_given_and_fails_nothing(run: Run) -> None:
    result = run(a=template(condition='"isNil(result.x)"'))
    assert result.exit_code == 0
    assert result.output.startswith("a.yaml: advice: document 1 (AnalysisTemplate success): ")
    assert result.output.splitlines()[-1] == "no problem, 1 of advice in 1 object of 1 file"


def test_json_has_what_a_script_asks_for(run: Run) -> None:
    result = run("--json", a=f"# first\n---\n{rollout('120')}", b="a: b: c\n")
    assert result.exit_code == 1
    assert json.loads(result.output) == [
        {
            "file": "a.yaml",
            "document": 1,
            "line": 18,
            "kind": "Rollout",
            "namespace": "default",
            "name": "web",
            "path": "spec.strategy.canary.steps[0].setWeight",
            "message": "Invalid value: 120: SetWeight needs to be between 0 and 100",
            "severity": "problem",
        },
        {
            "file": "b.yaml",
            "document": 1,
            "line": 1,
            "kind": "",
            "namespace": "",
            "name": "",
            "path": "",
            "message": "is no YAML: mapping values are not allowed in this context",
            "severity": "problem",
        },
    ]
    assert json.loads(run("--json", c=rollout()).output) == []


def test_names_cannot_break_lines_or_colour_terminals(run: Run) -> None:
    result = run(a=rollout("120").replace("name: web", 'name: "web\\n\\e[31m"'))
    assert "(Rollout default/web\\n\\x1b[31m)" in result.output.splitlines()[0]


def test_a_router_that_raises_is_a_problem_and_no_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    router_module = pytest.importorskip("gradatim_istio.router")

    def fail(*_: object) -> None:
        raise RuntimeError("lost")

    virtual_service = (
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n"
    )
    monkeypatch.setattr(router_module.IstioRouter, "check", fail)
    result = run(a=rollout(more=ROUTED) + virtual_service)
    assert result.exit_code == 1
    assert (
        "spec.strategy.canary.trafficRouting.istio: the router for 'istio' failed in check: "
        "RuntimeError: lost"
    ) in result.output
    monkeypatch.setattr(router_module.IstioRouter, "references", fail)
    assert "failed in check" in run(a=rollout(more=ROUTED)).output


def test_a_file_that_nobody_may_read_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(self: Path, *arguments: Any, **named: Any) -> Any:
        if self.name == "a.yaml":
            raise PermissionError(13, "Permission denied")
        return opened(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    result = run("a.yaml")
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == "a.yaml: cannot be read: Permission denied"
