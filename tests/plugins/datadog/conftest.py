"""A loopback server that answers as Datadog documents, and holds each request to what is documented.

https://docs.datadoghq.com/api/latest/metrics/ and …/authentication/ are what it follows.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

_AGGREGATORS = {"avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"}

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Site:
    """A site of Datadog: the keys it knows, what it answers (`first`, then `instead`), and what it was asked."""

    api_key: str = "a" * 32
    app_key: str = "b" * 40
    address: str = ""
    series: Any = field(default_factory=lambda: [{"pointlist": [[1767268740000.0, 0.5]]}])
    columns: Any = field(
        default_factory=lambda: [{"name": "query", "type": "number", "values": [0.5]}]
    )
    instead: Answer | None = None
    first: list[Answer] = field(default_factory=list)
    seen: list[tuple[str, str, Any]] = field(default_factory=list)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.seen.append((method, parts.path, json.loads(body) if body else params))
        if headers.get("dd-api-key") != self.api_key:
            return _said(403, {"errors": ["Forbidden"]})
        if (method, parts.path) == ("GET", "/api/v1/validate"):
            return _said(200, {"valid": True})
        if headers.get("dd-application-key") != self.app_key:
            return _said(403, {"errors": ["Forbidden"]})
        if self.first:
            return self.first.pop(0)
        if self.instead is not None:
            return self.instead
        if (method, parts.path) == ("GET", "/api/v1/query"):
            return self._v1(params)
        if (method, parts.path) == ("POST", "/api/v2/query/scalar"):
            return self._v2(headers, json.loads(body))
        return _said(404, {"errors": ["Not found"]})

    def _v1(self, params: dict[str, str]) -> Answer:
        if "{" not in params.get("query", ""):
            return _said(400, {"status": "error", "error": "Error parsing query: unable to parse"})
        assert int(params["from"]) < int(params["to"]) < 10**10, (
            "seconds, and a window that is not empty"
        )
        return _said(200, {"status": "ok", "res_type": "time_series", "series": self.series})

    def _v2(self, headers: dict[str, str], body: Any) -> Answer:
        assert headers["content-type"] == "application/json"
        assert set(body) == {"data"}
        assert body["data"]["type"] == "scalar_request"
        asked = body["data"]["attributes"]
        assert set(asked) == {"from", "to", "queries", "formulas"}
        assert 10**12 < asked["from"] < asked["to"], "milliseconds, and a window that is not empty"
        for query in asked["queries"]:
            assert set(query) == {"aggregator", "data_source", "name", "query"}
            assert query["data_source"] == "metrics"
            assert query["aggregator"] in _AGGREGATORS
            if "{" not in query["query"]:
                return _said(400, {"errors": ["Error parsing query: unable to parse"]})
        attributes = {"columns": self.columns}
        return _said(200, {"data": {"type": "scalar_response", "attributes": attributes}})


def _said(status: int, body: Any) -> Answer:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            status, more, content = self.site.answer(self.command, self.path, headers, body)
        except AssertionError as error:  # a 418 fails the test with the reason in its message
            status, more, content = 418, {}, str(error).encode()
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()
    members = {"site": served, "do_GET": _Handler.respond, "do_POST": _Handler.respond}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), members))
    server.daemon_threads = True
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()
