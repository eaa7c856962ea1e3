"""`tests/reference/check.py` by tables: what is accepted, what is not, and what it says of it."""

from __future__ import annotations

import importlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "reference"
NAMES = ("canary-walk", "canary-walk-fast", "istio-host")


@pytest.fixture(scope="module")
def check():
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("check")
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("check", "cluster"):
            sys.modules.pop(name, None)


REPORT = """\
canary-walk: as the reference
canary-walk-fast at '20 %': .rollouts.web.status.phase: reference 'Paused', here 'Healthy'
canary-walk-fast at '20 %': .events: missing 'Normal A (Rollout): b'
istio-host: istio-host, after ['first']: waited for Healthy
rollouts:
  web: {}
1 of 3
""".splitlines()


def test_a_report_is_read_by_scenario(check):
    assert check.read_report(REPORT, NAMES) == {
        "canary-walk": [],
        "canary-walk-fast": [REPORT[1], REPORT[2]],
        "istio-host": ["\n".join(REPORT[3:6])],
    }


def judged(check, accepted, report=REPORT):
    acceptances = check.read_acceptances(accepted)
    judgement = check.judge(check.read_report(report, NAMES), acceptances, NAMES)
    return judgement, check.told(judgement, acceptances, NAMES)


def test_without_acceptances_every_difference_fails(check):
    judgement, text = judged(check, "# nothing\n")
    assert not judgement.is_fine
    assert len(judgement.unaccepted) == 3
    assert text.endswith("reference: 1 passed, 2 failed")


def test_accepted_differences_pass_and_are_told_with_their_reason(check):
    accepted = (
        "canary-* | phase: .*Paused | we are quicker\n"
        "* | events: (missing|not in) | fewer events\n"
        "istio-* | waited for (Healthy | Degraded) | never\n"
        "istio-* | waited for Healthy | broken today\n"
    )
    judgement, text = judged(check, accepted)
    assert judgement.is_fine
    assert "accepted   1x  line 1: we are quicker" in text
    assert "unused         line 3" in text
    assert text.endswith("reference: 3 passed, 0 failed")


def test_a_line_speaks_of_its_scenarios_only(check):
    judgement, _ = judged(check, "istio-* | phase | of another one\n")
    assert REPORT[1] in judgement.unaccepted


def test_a_scenario_that_was_not_played_fails(check):
    judgement, text = judged(check, "* | . | all\n", REPORT[:3])
    assert not judgement.is_fine
    assert "NOT PLAYED     istio-host" in text


@pytest.mark.parametrize("line", ["a | b", "a | ( | c", "a |  | c", "just words"])
def test_a_wrong_line_is_refused_with_its_number(check, line):
    with pytest.raises(check.Broken, match=r"accepted\.txt:2"):
        check.read_acceptances(f"# first\n{line}\n")


def test_the_files_of_the_project_can_be_read(check):
    check.read_acceptances((FOLDER / "accepted.txt").read_text())
    names = (FOLDER / "scenarios.txt").read_text().split()
    assert len(names) == len(set(names)) > 20


def test_what_ends_by_itself_is_told_with_its_log(check, tmp_path):
    command = [sys.executable, "-c", "print('no such flag'); raise SystemExit(3)"]
    log = tmp_path / "log"
    with (
        pytest.raises(check.Broken, match=r"(?s)ended by itself with 3.*no such flag"),
        check.running("it", command, log, {}) as process,
    ):
        process.wait(20)


def test_what_runs_is_ended_when_the_block_is_left(check, tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with check.running("it", command, tmp_path / "log", {}) as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_a_server_whose_folder_is_gone_is_still_known_as_ours(check, tmp_path):
    """An API server goes on for a minute after its etcd and its folder; it was left behind once."""
    cluster = sys.modules["cluster"]
    if not Path("/proc/self/cwd").exists():
        pytest.skip("there is no /proc")
    state = tmp_path / "kube"
    state.mkdir()
    command = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
    with subprocess.Popen(command, cwd=state, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        state.rmdir()
        cluster._kill(process.pid, tmp_path / "another")
        assert process.poll() is None
        cluster._kill(process.pid, state)
        assert process.wait(20) == -signal.SIGKILL
