"""A real control plane for as long as one command runs: `cluster.py --kube FOLDER [--node] [--apply PATH]… -- COMMAND…`

In: the folder of the `kube` script. Out: the command's exit code; the command finds $KUBECONFIG set.
Used by `make e2e`, and by `check.py` as a module. Whatever was started is ended, by pid, also on Ctrl-C and SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

#: Seconds. The first `kube up` on a machine builds the API server.
UP_WITHIN = 1200
DOWN_WITHIN = 60
ENDED_WITHIN = 15


class Broken(Exception):
    """What was started does not run. Its text is for the terminal."""


@contextlib.contextmanager
def control_plane(kube: Path, state: Path) -> Iterator[Mapping[str, str]]:
    """A control plane on loopback with its state in a folder; gives the environment to use it with."""
    script = str((kube / "kube").resolve())
    try:
        up = _finished([script, "up", str(state)], within=UP_WITHIN)
        environment = {**os.environ, "KUBECONFIG": up.strip().splitlines()[-1]}
        # an API server on loopback is never behind a proxy
        environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1,localhost"
        yield environment
    finally:
        with _undisturbed():
            left = [int(file.read_text()) for file in state.glob("*.pid")]
            subprocess.run([script, "down", str(state)], check=False, timeout=DOWN_WITHIN)
            for pid in left:
                _kill(pid, state)


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended when the block is left. It must not have ended before: that raises Broken."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us, who end it in its turn
        )
    try:
        yield process
        if process.poll() is not None:
            raise Broken(f"{name} ended by itself with {process.returncode}\n{tail(log)}")
    finally:
        with _undisturbed():
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL to one that does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(what: str, holds: Callable[[], bool], within: float) -> None:
    """Ask until the answer is yes. Raises Broken when it takes too long."""
    limit = time.monotonic() + within
    while not holds():
        if time.monotonic() > limit:
            raise Broken(f"{what}: not within {within:.0f} s")
        time.sleep(0.2)


def kubectl(environment: Mapping[str, str], *words: str) -> str:
    """What kubectl printed. Raises Broken with its message when it failed."""
    return _finished(["kubectl", *words], within=60, environment=environment)


def apply(environment: Mapping[str, str], *paths: Path) -> None:
    """Apply manifests, and wait until the definitions among them are served."""
    if not paths:
        return
    for path in paths:
        kubectl(environment, "apply", "--server-side", "-f", str(path))
    kubectl(environment, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


@contextlib.contextmanager
def node(
    kube: Path, environment: Mapping[str, str], log: Path, *, ready_after: float, gone_after: float
) -> Iterator[None]:
    """The control plane's only node: it schedules pods and plays their kubelet."""
    command = [sys.executable, str(kube / "fake-node"), "--kubeconfig", environment["KUBECONFIG"]]
    command += ["--ready-after", str(ready_after), "--gone-after", str(gone_after)]
    with running("the node", command, log, environment) as process:

        def is_there() -> bool:
            if process.poll() is not None:
                raise Broken(f"the node ended by itself\n{tail(log)}")
            return bool(kubectl(environment, "get", "nodes", "-o", "name").strip())

        wait_until("a node", is_there, within=30)
        yield


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def end_on_sigterm() -> None:
    """Turn SIGTERM into an exception, so that everything that was started is ended."""

    def leave(number: int, frame: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def _kill(pid: int, state: Path) -> None:
    """End a server of ours that is still there: an API server waits a minute for an etcd that has gone."""
    with contextlib.suppress(OSError):
        # a pid may be somebody else's by now; ours still has its folder, which reads as "… (deleted)" once it is gone
        if str(Path(f"/proc/{pid}/cwd").readlink()).startswith(str(state)):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Cleaning up is not interrupted by another Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _finished(
    command: Sequence[str], within: float, environment: Mapping[str, str] | None = None
) -> str:
    try:
        done = subprocess.run(
            list(command),
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if environment is None else subprocess.PIPE,
            text=True,
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Broken(f"{' '.join(command)}: no end within {within:.0f} s") from None
    if done.returncode:
        raise Broken(f"{' '.join(command)}: exit {done.returncode} {(done.stderr or '').strip()}")
    return done.stdout


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kube", type=Path, required=True, help="the folder of the control plane")
    parser.add_argument("--node", action="store_true", help="with a node")
    parser.add_argument("--apply", type=Path, action="append", default=[], help="manifests")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        parser.error("a command is needed")
    end_on_sigterm()
    with contextlib.ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gradatim-kube-")))
        environment = stack.enter_context(control_plane(arguments.kube, state / "kube"))
        apply(environment, *arguments.apply)
        if arguments.node:
            log = state / "node.log"
            stack.enter_context(
                node(arguments.kube, environment, log, ready_after=0.5, gone_after=0.3)
            )
        child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
        try:
            return child.wait()
        finally:
            end(child)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(f"cluster: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
