"""Plays the reference's scenarios on our controller and holds each difference against `accepted.txt`.

In: the folders of the control plane and of the reference. Out: what was accepted, what was not, which lines of
`accepted.txt` were of no use; exit 1 for a difference that no line accepts. `make reference` runs it; stdlib only.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cluster import (
    Broken,
    apply,
    control_plane,
    end,
    end_on_sigterm,
    node,
    running,
    tail,
    wait_until,
)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#: The logs of the last run.
LOGS = ROOT / ".cache" / "reference"

AS_THE_REFERENCE = ": as the reference"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One line of `accepted.txt`."""

    scenarios: str
    pattern: re.Pattern[str]
    reason: str
    line: int

    def accepts(self, scenario: str, difference: str) -> bool:
        """Whether it speaks of this scenario and this difference."""
        return fnmatch.fnmatchcase(scenario, self.scenarios) and bool(
            self.pattern.search(difference)
        )


def read_acceptances(text: str) -> list[Acceptance]:
    """The lines of `accepted.txt`: `scenario glob | regular expression | reason`. Raises Broken."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        # a regular expression may have ` | ` in it, the other two may not
        scenarios, _, rest = line.partition(" | ")
        pattern, _, reason = rest.rpartition(" | ")
        if not (scenarios.strip() and pattern.strip() and reason.strip()):
            raise Broken(f"accepted.txt:{number}: not `scenario glob | regex | reason`")
        try:
            compiled = re.compile(pattern.strip())
        except re.error as error:
            raise Broken(f"accepted.txt:{number}: {error}") from error
        found.append(Acceptance(scenarios.strip(), compiled, reason.strip(), number))
    return found


def read_report(lines: Iterable[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Differences by scenario, of what `scenario check` printed; a scenario that it says nothing of is not there.

    A line that belongs to no scenario goes on with the difference before it, as the state after a failure does.
    """
    found: dict[str, list[str]] = {}
    heads = re.compile(rf"({'|'.join(re.escape(name) for name in names)})(?=: | at ['\"])")
    of: list[str] | None = None
    for line in lines:
        head = heads.match(line)
        if head:
            of = found.setdefault(head[1], [])
            if line != head[1] + AS_THE_REFERENCE:
                of.append(line)
        elif of and line.strip() and not re.fullmatch(r"\d+ of \d+", line):
            of[-1] += "\n" + line
    return found


@dataclass(slots=True)
class Judgement:
    """What came of holding a report against the acceptances."""

    unaccepted: list[str] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)
    unused: list[Acceptance] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    @property
    def is_fine(self) -> bool:
        """Nothing that nobody has accepted, and every scenario was played."""
        return not self.unaccepted and not self.silent


def judge(
    report: Mapping[str, list[str]], acceptances: Sequence[Acceptance], names: Sequence[str]
) -> Judgement:
    """Each difference is accepted by the first line that speaks of it, or by none."""
    result = Judgement(silent=[name for name in names if name not in report])
    result.failed.update(result.silent)
    for scenario, differences in report.items():
        for difference in differences:
            first = difference.partition("\n")[0]
            by = next((a for a in acceptances if a.accepts(scenario, first)), None)
            if by is None:
                result.unaccepted.append(difference)
                result.failed.add(scenario)
            else:
                result.used[by.line] = result.used.get(by.line, 0) + 1
    result.unused = [
        a
        for a in acceptances
        if a.line not in result.used and any(fnmatch.fnmatchcase(n, a.scenarios) for n in names)
    ]
    return result


def told(judgement: Judgement, acceptances: Sequence[Acceptance], names: Sequence[str]) -> str:
    """The judgement as text; the last line counts scenarios."""
    lines = []
    for one in acceptances:
        if one.line in judgement.used:
            times = judgement.used[one.line]
            lines.append(f"accepted {times:3}x  line {one.line}: {one.reason}")
    lines += [f"unused         line {a.line}: {a.pattern.pattern}" for a in judgement.unused]
    lines += [f"NOT PLAYED     {name}" for name in judgement.silent]
    lines += [f"NOT ACCEPTED   {difference}" for difference in judgement.unaccepted]
    bad = len(judgement.failed)
    return "\n".join([*lines, f"reference: {len(names) - bad} passed, {bad} failed"])


def play(
    scenario: Path, names: Sequence[str], environment: Mapping[str, str], jobs: int, limit: float
) -> list[str]:
    """Run `scenario check` and return its lines, showing them as they come. Raises Broken at the limit."""
    process = subprocess.Popen(
        [sys.executable, str(scenario), "check", *names, "--jobs", str(jobs)],
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    late = threading.Timer(limit, process.kill)
    late.daemon = True
    late.start()
    lines = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.rstrip().endswith(AS_THE_REFERENCE):
                print(" ", line.rstrip(), flush=True)
        process.wait()
    finally:
        late.cancel()
        end(process)
    if process.returncode not in (0, 1):
        raise Broken(f"the scenarios did not end within {limit:.0f} s, or broke off")
    return lines


def account(kube: Path, state: Path, environment: Mapping[str, str]) -> str:
    """A kubeconfig with the rights of deploy/rbac.yaml and no others: what it forgets, a scenario needs."""
    apply(environment, ROOT / "deploy" / "install.yaml", ROOT / "deploy" / "rbac.yaml")
    command = [str(kube.resolve() / "kube"), "token", "gradatim", "gradatim", str(state)]
    token = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )
    if token.returncode:
        raise Broken("there is no token for the controller's account")
    return token.stdout.strip()


def controller_command(kubeconfig: str, port: int) -> list[str]:
    """How the controller is started."""
    gradatim = Path(sys.executable).with_name("gradatim")
    return [
        *(str(gradatim), "run", "--kubeconfig", kubeconfig, "--namespace", "gradatim"),
        *("--traffic-propagation-delay", "1s", "--healthz-port", str(port), "--qps", "0"),
    ]


def is_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    """What /healthz says. Raises Broken when there is no controller any more."""
    if process.poll() is not None:
        raise Broken(f"the controller ended by itself with {process.returncode}\n{tail(log)}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def played(arguments: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The report of the scenarios, on a control plane of its own."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gradatim-kube-")))
        environment = stack.enter_context(control_plane(arguments.kube, state / "kube"))
        apply(environment, ROOT / "deploy" / "crds", arguments.reference / "istio-crds.yaml")
        stack.enter_context(
            node(arguments.kube, environment, LOGS / "node.log", ready_after=0.5, gone_after=0.3)
        )
        port, log = free_port(), LOGS / "controller.log"
        own = account(arguments.kube, state / "kube", environment)
        command = controller_command(own, port)
        controller = stack.enter_context(running("the controller", command, log, environment))
        wait_until("a healthy controller", lambda: is_healthy(controller, port, log), within=60)
        scenario = arguments.reference / "scenario"
        report = play(scenario, names, environment, arguments.jobs, arguments.limit)
        (LOGS / "report.txt").write_text("\n".join(report) + "\n")
        return report


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios; default: those of scenarios.txt")
    parser.add_argument("--kube", type=Path, required=True, help="the folder of the control plane")
    parser.add_argument("--reference", type=Path, required=True, help="the folder of the scenarios")
    parser.add_argument("--jobs", type=int, default=4, help="scenarios at the same time")
    parser.add_argument("--limit", type=float, default=900, help="seconds for all of them")
    parser.add_argument("--report", type=Path, help="judge a report that is there already")
    arguments = parser.parse_args()
    names = arguments.names or (HERE / "scenarios.txt").read_text().split()
    acceptances = read_acceptances((HERE / "accepted.txt").read_text())
    started = time.monotonic()
    end_on_sigterm()
    if arguments.report:
        lines = arguments.report.read_text().splitlines()
    else:
        print(f"reference: {len(names)} scenarios, {arguments.jobs} at a time", flush=True)
        lines = played(arguments, names)
    judgement = judge(read_report(lines, names), acceptances, names)
    print(told(judgement, acceptances, names))
    print(f"({time.monotonic() - started:.0f} s; logs in {os.path.relpath(LOGS)})")
    return 0 if judgement.is_fine else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(f"reference: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
