"""Proxies of the environment, with a proxy on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gradatim.plugin import ProviderError
from gradatim.testing import a_query
from gradatim_prometheus import PrometheusProvider

ONE = {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the targets that it was asked for. It answers all of them by itself."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(ONE).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


async def test_http_goes_through_the_proxy_of_the_environment(proxy, monkeypatch) -> None:
    address, asked = proxy
    monkeypatch.setenv("HTTP_PROXY", address)
    provider = PrometheusProvider()
    config = {"address": "http://prometheus.invalid:9090", "query": "up"}
    assert (await provider.measure(a_query(config))).value == 1.0
    await provider.aclose()
    assert asked == ["http://prometheus.invalid:9090/api/v1/query"]


async def test_https_goes_through_a_tunnel_of_the_proxy(proxy, monkeypatch) -> None:
    address, asked = proxy
    monkeypatch.setenv("HTTPS_PROXY", address)
    provider = PrometheusProvider()
    config = {"address": "https://prometheus.invalid:9090", "query": "up"}
    with pytest.raises(ProviderError, match="did not answer: ProxyError") as caught:
        await provider.measure(a_query(config))
    await provider.aclose()
    assert caught.value.outage
    assert asked == ["prometheus.invalid:9090"]


async def test_who_is_excepted_is_asked_directly(proxy, monkeypatch) -> None:
    address, asked = proxy
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = PrometheusProvider()
    assert (await provider.measure(a_query({"address": address, "query": "up"}))).value == 1.0
    await provider.aclose()
    assert asked == ["/api/v1/query"]
