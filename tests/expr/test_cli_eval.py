"""`gradatim eval`: one condition, or a file of them."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradatim.cli.eval_ import eval_command

TABLE = Path(__file__).with_name("reference_cases.jsonl")


def _run(*args: str, stdin: str | None = None):
    return CliRunner().invoke(eval_command, args, input=stdin)


@pytest.mark.parametrize(
    ("condition", "result", "printed", "status"),
    [
        ("result[0] < 0.95", "[0.5]", "true\n", 0),
        ("result[0] < 0.95", "[1]", "false\n", 1),
        ("result[0] < 0.95", "[]", "", 2),
        ("result[0] <", "[]", "", 2),
        ("result + 1", "1", "", 2),
        ("isNaN(result)", "NaN", "true\n", 0),
    ],
)
def test_prints_the_outcome(condition: str, result: str, printed: str, status: int):
    done = _run(condition, "--result", result)
    assert (done.stdout, done.exit_code) == (printed, status)


def test_an_error_goes_to_stderr_with_its_place():
    done = _run("result[0] <", "--result", "[]")
    assert done.stderr.startswith("error: unexpected token EOF (line 1, column 12)\n")
    assert done.stderr.endswith("^\n")


def test_a_trap_is_warned_of_and_the_outcome_stays():
    done = _run("isNil(result.a)", "--result", "{}")
    assert done.stdout == "false\n"
    assert done.stderr.startswith("warning: isNil ignores its argument")


def test_the_result_may_come_from_a_file_or_from_stdin(tmp_path: Path):
    file = tmp_path / "result.json"
    file.write_text('{"a": 1}')
    assert _run("result.a == 1", "--result", f"@{file}").exit_code == 0
    assert _run("result.a == 1", "--result", "-", stdin='{"a": 1}').exit_code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "either a CONDITION or --cases"),
        (["true"], "needs a --result"),
        (["true", "--result", "{"], "--result:"),
        (["true", "--result", "@/no/such/file"], "--result:"),
        (["true", "--result", "[" * 100_000], "nests too deeply"),
        (["true", "--cases", str(TABLE)], "either a CONDITION or --cases"),
        (["--cases", str(TABLE), "--result", "1"], "its own results"),
        (["--cases", "/no/such/file"], "does not exist"),
    ],
)
def test_wrong_usage_is_explained(args: list[str], message: str):
    done = _run(*args)
    assert done.exit_code == 2
    assert message in done.stderr


def _file(path: Path, *cases: object) -> str:
    file = path / "cases.jsonl"
    file.write_text("\n\n".join(c if isinstance(c, str) else json.dumps(c) for c in cases))
    return str(file)


def test_cases_that_agree(tmp_path: Path):
    cases = _file(
        tmp_path,
        {"condition": "result > 1", "result": 2, "expect": True},
        {"condition": "result > 1", "result": 0, "expect": False},
        {"condition": "result > 1", "result": None, "expect": "error"},
        {"condition": "result == nil", "expect": True},
    )
    done = _run("--cases", cases)
    assert (done.stdout, done.exit_code) == ("4 of 4 agree\n", 0)


def test_cases_that_differ_are_named(tmp_path: Path):
    cases = _file(
        tmp_path,
        {"condition": "result > 1", "result": 2, "expect": False},
        {"condition": "result >", "result": 2, "expect": True},
        {"condition": "result > 1", "result": "é", "expect": False},
        {"condition": "true", "result": 1, "expect": True},
    )
    done = _run("--cases", cases)
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert lines[0] == f'{cases}:1: "result > 1" on 2: expected false, got true'
    assert lines[1].startswith(f'{cases}:3: "result >" on 2: expected true, got error (unexpected')
    assert lines[2].startswith(f'{cases}:5: "result > 1" on "é": expected false, got error (')
    assert lines[-1] == "1 of 4 agree"


@pytest.mark.parametrize(
    "line", ["{", "[]", "{}", '{"condition": 1, "expect": true}', '{"condition": "1", "expect": 1}']
)
def test_a_line_that_is_no_case_is_named(tmp_path: Path, line: str):
    done = _run("--cases", _file(tmp_path, line))
    assert done.exit_code == 2
    assert "cases.jsonl:1:" in done.stderr


def test_too_large_a_result_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gradatim.cli.eval_._LARGEST", 10)
    done = _run("true", "--result", "[1, 2, 3, 4, 5]")
    assert done.exit_code == 2
    assert "too large" in done.stderr


def test_thousands_of_cases_take_no_three_seconds(tmp_path: Path):
    lines = TABLE.read_text().splitlines()
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join((lines * 3)[:3_000]))
    code = "from gradatim.cli.eval_ import eval_command; eval_command()"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code, "--cases", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout == "3000 of 3000 agree\n"
    assert after.ru_utime - before.ru_utime < 3


def test_help_does_not_load_the_language():
    code = "import sys, gradatim.cli.eval_; print('gradatim.expr' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
