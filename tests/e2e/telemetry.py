"""A real Prometheus server, and the sidecars that it scrapes: their success ratio is up to the test.

In: for each Service, how many of its requests succeed. Out: Istio's own counter in Prometheus, a scrape each 200 ms.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

READY_WITHIN = 30
REQUESTS_A_SECOND = 200.0


def prometheus_binary() -> str | None:
    """Debian's server, where it is installed."""
    return shutil.which("prometheus")


@dataclass
class Traffic:
    """Requests to Services. `ratios` maps (namespace, service) to the part of them that succeeds."""

    ratios: dict[tuple[str, str], float] = field(default_factory=dict)
    _counts: dict[tuple[str, str, str], float] = field(default_factory=lambda: defaultdict(float))
    _counted: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def exposition(self) -> str:
        """The counters up to now, as a scrape wants them."""
        with self._lock:
            now = time.monotonic()
            requests = (now - self._counted) * REQUESTS_A_SECOND
            self._counted = now
            for (namespace, service), ratio in list(self.ratios.items()):
                self._counts[namespace, service, "200"] += requests * ratio
                self._counts[namespace, service, "503"] += requests * (1 - ratio)
            lines = ["# TYPE istio_requests_total counter"]
            lines += [
                f"istio_requests_total{{{_labels(*key)}}} {count}"
                for key, count in self._counts.items()
            ]
            return "\n".join(lines) + "\n"


def _labels(namespace: str, service: str, code: str) -> str:
    labels = {
        "reporter": "destination",
        "destination_service": f"{service}.{namespace}.svc.cluster.local",
        "destination_service_name": service,
        "destination_service_namespace": namespace,
        "destination_workload_namespace": namespace,
        "response_code": code,
    }
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


class Web(ThreadingHTTPServer):
    """A loopback server whose every GET gets `answer(path)`: a content type and a text."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str) -> tuple[str, str]:
        """What a GET gets."""
        raise NotImplementedError

    def __exit__(self, *problem: object) -> None:
        self.shutdown()
        super().__exit__(*problem)


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        kind, text = self.server.answer(self.path)
        data = text.encode()
        with suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Verdict(Web):
    """Answers `{"ok": …}` after a while."""

    def __init__(self, *, ok: bool = True, after: float = 0.0) -> None:
        self.ok, self.after = ok, after
        super().__init__()

    def answer(self, path: str) -> tuple[str, str]:
        """What the test has decided."""
        time.sleep(self.after)
        return "application/json", f'{{"ok": {str(self.ok).lower()}}}'


class _Sidecars(Web):
    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        super().__init__()

    def answer(self, path: str) -> tuple[str, str]:
        return "text/plain; version=0.0.4", self.traffic.exposition()


class Telemetry:
    """Prometheus and its target, as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self.traffic = Traffic()
        self.url = ""
        self._folder = folder
        self._sidecars: _Sidecars | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._sidecars = _Sidecars(self.traffic)
        try:
            self._start(str(self._sidecars.server_address[1]))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._sidecars is not None:
            self._sidecars.__exit__()

    def _start(self, target: str) -> None:
        job = {"job_name": "mesh", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}
        quick = {"scrape_interval": "200ms", "scrape_timeout": "200ms"}
        config = self._folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump({"global": quick, "scrape_configs": [job]}))
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    str(prometheus_binary()),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        limit = time.monotonic() + READY_WITHIN
        while not self._is_ready():
            told = (self._folder / "log").read_text(errors="replace")
            assert time.monotonic() < limit, f"prometheus is not ready:\n{told[-2000:]}"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
