"""A real Prometheus server on loopback, with samples of a known moment; and one behind TLS and a password."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

#: When the samples below were taken. Queries are asked at this moment, so nothing waits for a scrape.
MOMENT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

_SAMPLES = """\
# HELP http_success_ratio Share of requests that succeeded.
# TYPE http_success_ratio gauge
http_success_ratio{service="checkout"} 0.97 1767268500
http_success_ratio{service="checkout"} 0.95 1767268740
http_success_ratio{service="basket"} 1 1767268740
# HELP http_requests Requests.
# TYPE http_requests gauge
http_requests{service="checkout"} 12345678 1767268740
# EOF
"""
# `open-sesame`, hashed by bcrypt with the fewest rounds that it knows.
_USERS = (
    "basic_auth_users:\n  gradatim: $2b$04$abcdefghijklmnopqrstuuXcjcm5avyCiJoD2uS24xa2lb6fjMB3G\n"
)


@dataclass(frozen=True)
class Server:
    address: str
    moment: datetime = MOMENT


@pytest.fixture(scope="session")
def prometheus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(tmp_path_factory.mktemp("prometheus"))


@pytest.fixture(scope="session")
def guarded_prometheus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    _certificate(folder)
    web = folder / "web.yml"
    web.write_text(f"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{_USERS}")
    yield from _running(folder, web)


def _running(folder: Path, web: Path | None = None) -> Iterator[Server]:
    prometheus, promtool = _program("prometheus"), _program("promtool")
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1s}\n")
    (folder / "samples.txt").write_text(_SAMPLES)
    fill = ["tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data"]
    subprocess.run([promtool, *fill], cwd=folder, check=True, capture_output=True, timeout=30)
    port = _free_port()
    flags = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        *([f"--web.config.file={web.name}"] if web else []),
    ]
    with subprocess.Popen(
        [prometheus, *flags], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _await_ready(process)
            yield Server(f"{'https' if web else 'http'}://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _await_ready(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "ready to receive web requests" in line:
            return
    pytest.fail("Prometheus ended before it was ready:\n" + "".join(said[-10:]))


def _certificate(folder: Path) -> None:
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(
        [_program("openssl"), *request.split(), *names],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=30,
    )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"the program {name} is not installed here")
    return found


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
