"""Real Prometheus servers on loopback: with samples of a known moment, behind TLS and a password, and scraping."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
_SCRAPING = """\
scrape_configs:
- job_name: shop
  scrape_interval: 200ms
  scrape_timeout: 200ms
  static_configs:
  - targets: ["{target}"]
"""


@dataclass(frozen=True)
class Server:
    address: str
    moment: datetime = MOMENT
    certificate: str = ""  # the path of its own, which is its authority too


@pytest.fixture(scope="session")
def prometheus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _running(tmp_path_factory.mktemp("prometheus"))


@pytest.fixture(scope="session")
def guarded_prometheus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    yield from _running(folder, _guard(folder))


@pytest.fixture(scope="session")
def scraping_prometheus_server(
    tmp_path_factory: pytest.TempPathFactory, scraped: Scraped
) -> Iterator[Server]:
    """Behind TLS and a password, and scraping `scraped` five times a second."""
    folder = tmp_path_factory.mktemp("scraping")
    yield from _running(folder, _guard(folder), _SCRAPING.format(target=scraped.target))


@dataclass
class Scraped:
    """A service with metrics: `requests` of them, `errors` of which failed. `served` is set by the first scrape."""

    target: str
    served: threading.Event
    requests: int = 1000
    errors: int = 30

    def exposition(self) -> str:
        self.served.set()
        return (
            "# TYPE shop_requests_total counter\n"
            f'shop_requests_total{{code="200"}} {self.requests - self.errors}\n'
            f'shop_requests_total{{code="500"}} {self.errors}\n'
        )


@pytest.fixture(scope="session")
def scraped() -> Iterator[Scraped]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = service.exposition().encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *about: object) -> None:
            """A scrape that was given up is nobody's fault, and no line in another test's output."""

    server = Quiet(("127.0.0.1", 0), Handler)
    service = Scraped(f"127.0.0.1:{server.server_port}", threading.Event())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield service
    server.shutdown()
    server.server_close()
    thread.join()


def _guard(folder: Path) -> Path:
    """A configuration of the web server that wants TLS and a password."""
    _certificate(folder)
    web = folder / "web.yml"
    web.write_text(f"tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{_USERS}")
    return web


def _running(
    folder: Path, web: Path | None = None, config: str = "global: {scrape_interval: 1s}\n"
) -> Iterator[Server]:
    prometheus, promtool = _program("prometheus"), _program("promtool")
    (folder / "prometheus.yml").write_text(config)
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
            certificate = str(folder / "cert.pem") if web else ""
            scheme = "https" if web else "http"
            yield Server(f"{scheme}://127.0.0.1:{port}", certificate=certificate)
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
