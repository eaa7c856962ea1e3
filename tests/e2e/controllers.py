"""Controllers as what they are: processes of `gradatim run`, with their logs.

In: a kubeconfig, a namespace, a folder for logs. Out: processes to wait for, to stop and to kill; none is left behind.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

#: Seconds for a start and for an end; a busy machine needs more than these processes do.
STARTED_WITHIN = 40
ENDED_WITHIN = 20
#: What of a log is told when a test fails.
LAST_LINES = 60

#: Keys of outside services in a developer's shell are none of the tests' business.
FOREIGN = ("DD_", "ARGO_", "KUBE", "POD_", "HTTP_", "HTTPS_", "http_", "https_")


class Controller:
    """One process."""

    def __init__(self, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log_file = log
        program = str(Path(sys.executable).parent / "gradatim")
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [program, "run", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """All that it has said."""
        return self.log_file.read_text(errors="replace")

    @property
    def tail(self) -> str:
        """The last that it has said."""
        return "\n".join(self.log.splitlines()[-LAST_LINES:])

    def says(self, words: str, within: float = STARTED_WITHIN) -> None:
        """Wait until its log has these words."""
        limit = time.monotonic() + within
        while words not in self.log:
            ended = self.process.poll()
            assert ended is None, f"the controller ended with {ended}:\n{self.tail}"
            assert time.monotonic() < limit, f"no {words!r} within {within} s:\n{self.tail}"
            time.sleep(0.05)

    def is_working(self) -> Self:
        """Wait until it has seen the cluster and begins to work."""
        self.says(" watching ")
        return self

    def healthz(self) -> tuple[int, str]:
        """The status and the text of /healthz."""
        port = re.search(r"/healthz on port (\d+)", self.log)
        assert port, f"no port in the log:\n{self.tail}"
        reply = httpx.get(f"http://127.0.0.1:{port[1]}/healthz", timeout=5, trust_env=False)
        return reply.status_code, reply.text

    def kill(self) -> None:
        """End it as a node that fails does: it can do nothing about it."""
        self.process.kill()
        self.process.wait(ENDED_WITHIN)

    def stop(self, number: int = signal.SIGTERM, within: float = ENDED_WITHIN) -> int:
        """Ask it to end: its exit code."""
        self.process.send_signal(number)
        return self.ended(within)

    def ended(self, within: float = ENDED_WITHIN) -> int:
        """Wait for it to end: its exit code."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {within} s:\n{self.tail}") from None


class Controllers:
    """The controllers of one test. Those that still run in its end are ended.

    A traceback in a log fails the test that it belongs to, whatever else the test looked at.
    """

    def __init__(self, kubeconfig: Path, namespace: str, folder: Path) -> None:
        self.all: list[Controller] = []
        #: of the namespace that they look after, or of themselves where they look after more
        self.name = namespace
        self._kubeconfig = kubeconfig
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for controller in self.all:
            if controller.process.poll() is None:
                controller.kill()
        sys.stdout.write(f"{self.report()}\n")  # pytest shows it where the test failed
        if kind is None:
            for controller in self.all:
                assert "Traceback" not in controller.log, controller.log

    def start(self, *more: str, **how: Any) -> Controller:
        """Start one more, and wait until it works."""
        return self.launch(*more, **how).is_working()

    def launch(
        self,
        *more: str,
        kubeconfig: Path | None = None,
        leader_elect: bool = False,
        environment: Mapping[str, str] | None = None,
        namespaced: bool = True,
    ) -> Controller:
        """Start one more, and do not wait."""
        arguments = ["--kubeconfig", str(kubeconfig or self._kubeconfig)]
        arguments += ["--namespace", self.name, "--healthz-port", "0"]
        arguments += [f"--leader-elect={str(leader_elect).lower()}"]
        arguments += ["--namespaced"] if namespaced else []
        arguments += ["--traffic-propagation-delay", "500ms", *more]
        own = {name: v for name, v in os.environ.items() if not name.startswith(FOREIGN)}
        log = self._folder / f"controller-{len(self.all)}.log"
        controller = Controller(arguments, log, {**own, **(environment or {})})
        self.all.append(controller)
        return controller

    @property
    def log(self) -> str:
        """All that they have said."""
        return "\n".join(one.log for one in self.all)

    def report(self) -> str:
        """The last lines of every log."""
        return "\n".join(
            f"--- controller {number}, {_state(one)}\n{one.tail}"
            for number, one in enumerate(self.all)
        )


class Shared(Controllers):
    """Controllers that are not one test's own: what they say of a test is what has the name of its namespace."""

    def __init__(self, of: Controllers, namespace: str) -> None:
        super().__init__(of._kubeconfig, namespace, of._folder)
        self._of = of

    @property
    def log(self) -> str:
        """All that they have said of the namespace."""
        return "\n".join(line for line in self._of.log.splitlines() if self.name in line)

    def report(self) -> str:
        """The last of it."""
        return "--- the shared controller\n" + "\n".join(self.log.splitlines()[-LAST_LINES:])

    def launch(self, *more: str, **how: Any) -> Controller:
        """Nobody starts a controller beside it."""
        raise AssertionError("the controller of this scene is shared: use `alone`")


def _state(controller: Controller) -> str:
    code = controller.process.poll()
    return "running" if code is None else f"ended with {code}"
