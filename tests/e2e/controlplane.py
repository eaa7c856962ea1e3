"""A control plane of its own for tests that stop it, kill it, or count the writes to it.

In: the folder with the `kube` script ($GRADATIM_KUBE). Out: etcd, API server, controller manager and a node.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

from apiserver import ApiServer

#: Seconds. The first start on a machine builds the API server.
UP_WITHIN = 1200
NODE_WITHIN = 30
CHECKOUT = Path(__file__).resolve().parents[2]


def kube_folder() -> Path:
    """Where the tools for a control plane are."""
    return Path(os.environ.get("GRADATIM_KUBE", CHECKOUT.parent / "shared" / "kube"))


def kube_script() -> Path:
    """What starts and ends one."""
    return kube_folder() / "kube"


class ControlPlane:
    """One control plane with a node, and every write to it in a log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "kube"
        self.kubeconfig = self.folder / "kubeconfig"
        self._api: ApiServer | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._again: subprocess.Popen[bytes] | None = None
        self._stopped: set[int] = set()

    @property
    def api(self) -> ApiServer:
        """Its API server."""
        if self._api is None:
            self._api = ApiServer(self.kubeconfig)
        return self._api

    def __enter__(self) -> Self:
        environment = {**os.environ, "KUBE_AUDIT": "1"}
        up = [str(kube_script()), "up", str(self.folder)]
        try:
            subprocess.run(
                up, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=UP_WITHIN
            )
            self._node = self._start_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._node is not None:
            self._node.kill()
            self._node.wait()
        for pid in self._stopped:
            os.kill(pid, signal.SIGCONT)
        if self._api is not None:
            self._api.__exit__()
        down = [str(kube_script()), "down", str(self.folder)]
        subprocess.run(down, check=False, timeout=60)
        if self._again is not None:
            self._again.kill()
            self._again.wait()

    def freeze(self) -> None:
        """The API server takes connections and answers nothing, as behind a broken network."""
        pid = self._pid("kube-apiserver")
        os.kill(pid, signal.SIGSTOP)
        self._stopped.add(pid)

    def thaw(self) -> None:
        """It goes on."""
        for pid in self._stopped:
            os.kill(pid, signal.SIGCONT)
        self._stopped.clear()

    def kill_api_server(self) -> list[str]:
        """It is gone; what started it is given back."""
        pid = self._pid("kube-apiserver")
        command = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
        os.kill(pid, signal.SIGKILL)
        limit = time.monotonic() + 10
        while _runs(pid) and time.monotonic() < limit:
            time.sleep(0.05)
        return command

    def start_api_server(self, command: list[str]) -> None:
        """Start it again as it was; `kube down` then ends the new one."""
        with (self.folder / "kube-apiserver.log").open("ab") as log:
            self._again = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (self.folder / "kube-apiserver.pid").write_text(f"{self._again.pid}\n")

    def restart_node(self) -> None:
        """Its node ends with the API server, and does not start before that really serves: until one stays."""
        limit = time.monotonic() + NODE_WITHIN
        while self._node is None or self._ends(self._node):
            assert time.monotonic() < limit, (self.folder / "node.log").read_text()
            self._node = self._start_node()

    @staticmethod
    def _ends(process: subprocess.Popen[bytes]) -> bool:
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            return False
        return True

    def writes(self, namespace: str, agent: str = "gradatim/") -> list[str]:
        """What a client wrote to a namespace, in order: "verb resource/subresource code", events among them."""
        return [
            text
            for line in (self.folder / "audit.log").read_text().splitlines()
            if (text := _write(json.loads(line), namespace, agent))
        ]

    def _pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def _start_node(self) -> subprocess.Popen[bytes]:
        node = [
            sys.executable,
            str(kube_folder() / "fake-node"),
            "--kubeconfig",
            str(self.kubeconfig),
        ]
        with (self.folder / "node.log").open("wb") as log:
            return subprocess.Popen(
                [*node, "--ready-after", "0.3", "--gone-after", "0.2"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _write(entry: dict[str, Any], namespace: str, agent: str) -> str:
    ref = entry.get("objectRef") or {}
    ours = entry.get("userAgent", "").startswith(agent) and ref.get("namespace") == namespace
    if not ours or ref.get("resource") == "leases":
        return ""
    what = "/".join(filter(None, (ref["resource"], ref.get("subresource"))))
    return f"{entry['verb']} {what} {entry.get('responseStatus', {}).get('code')}"


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
