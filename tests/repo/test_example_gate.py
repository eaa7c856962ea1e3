"""The example of a step plugin: it passes the contract, is found as pip would install it, and waits at a real gate."""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import json
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import httpx
import pytest

from gradatim.plugin import FieldPath, SecretRef, StepCall, StepError, StepPlugin
from gradatim.registry import load_registry
from gradatim.testing import a_step_call
from gradatim.testing.step_contract import StepPluginContract

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugins" / "gate"
sys.path.append(str(PLUGIN))
gate = importlib.import_module("gradatim_gate")
TOKEN = "t0ken-of-the-gate"
URL = "http://approvals.example/shop"


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(PLUGIN))


class Approver:
    """Approves what has stood at the gate for a while. `open`: the requests that it knows."""

    def __init__(self, answers: tuple[int, ...] = (202, 202, 200), body: str = "") -> None:
        self.answers, self.body = answers, body
        self.open: dict[str, int] = {}
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        key = request.headers["Idempotency-Key"]
        if request.method == "DELETE":
            return httpx.Response(204 if self.open.pop(key, None) else 404)
        number = self.open[key] = self.open.get(key, 0) + 1
        return httpx.Response(self.answers[min(number, len(self.answers)) - 1], text=self.body)

    def gate(self) -> Any:
        return gate.Gate(httpx.MockTransport(self))


class TestGate(StepPluginContract):
    module = "gradatim_gate"
    step_class = gate.Gate
    good_config: ClassVar = {"url": URL, "secret": "approvals"}
    wrong_configs = (
        ({}, "url"),
        ({"url": "ftp://x"}, "url"),
        ({"url": URL, "secret": 7}, "secret"),
        ({"url": URL, "urls": 1}, "urls"),
    )
    takes_back = True
    secret_data: ClassVar = {SecretRef("approvals", in_run_namespace=True): {"token": TOKEN}}

    def outside(self) -> Any:
        return Approver()

    def broken_outside(self) -> Any:
        return Approver((500,), body=f"no, {TOKEN}")

    def made(self, outside: Any) -> StepPlugin:
        made: StepPlugin = outside.gate()
        return made

    def effects(self, outside: Any) -> object:
        return set(outside.open)


def call(**changes: Any) -> StepCall:
    secret = {SecretRef("approvals", in_run_namespace=True): {"token": TOKEN}}
    return a_step_call({"url": URL, "secret": "approvals"}, secrets=secret, **changes)


@pytest.mark.parametrize(
    ("status", "body", "phase", "message"),
    [
        (200, "", "Successful", "approved"),
        (200, "by Ada", "Successful", "by Ada"),
        (202, "soon", "Running", "waits for approval"),
        (204, "", "Running", "waits for approval"),
        (404, "", "Running", "waits for approval"),
        (403, "", "Failed", "refused"),
        (403, "the\nfreeze is on", "Failed", "the freeze is on"),
    ],
)
async def test_the_answer_says_how_it_stands(
    status: int, body: str, phase: str, message: str
) -> None:
    approver = Approver((status,), body)
    result = await approver.gate().run(call())
    assert (result.phase, result.message) == (phase, message)
    (request,) = approver.seen
    assert (request.method, str(request.url)) == ("PUT", URL)
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.content) == {
        "namespace": "shop",
        "rollout": "web",
        "step": 1,
        "podHash": "8c4b",
    }


@pytest.mark.parametrize(
    ("status", "outage"), [(500, True), (503, True), (429, True), (400, False), (302, False)]
)
async def test_any_other_answer_tells_nothing(status: int, outage: bool) -> None:
    with pytest.raises(StepError, match=str(status)) as raised:
        await Approver((status,)).gate().run(call())
    assert raised.value.outage is outage


async def test_an_approver_that_refuses_to_withdraw_is_told() -> None:
    approver = Approver()
    approver_500 = gate.Gate(httpx.MockTransport(lambda _: httpx.Response(500)))
    assert (await approver_500.abort(call())).phase == "Failed"
    assert (await approver.gate().abort(call())).phase == "Successful"


async def test_the_plugin_of_the_example_is_found() -> None:
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["gradatim"].items()
    point = importlib.metadata.EntryPoint(name, module, "gradatim")
    registry = load_registry([point], builtins={}, environment={})
    (info,) = registry.plugins()
    assert info.is_sound, info
    assert info.step_keys == ("example.com/gate",)
    path = FieldPath("plugin")
    assert registry.validate_step("example.com/gate", {"url": URL}, path) == []
    (problem,) = registry.validate_step("example.com/gate", {}, path)
    assert str(problem) == "plugin.config.url: is missing"


@contextmanager
def serving(approver: Approver) -> Iterator[str]:
    """The approver on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = httpx.Request(
                self.command, URL, headers=dict(self.headers), content=self.rfile.read(length)
            )
            response = approver(request)
            self.send_response(response.status_code)
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, *_: object) -> None:
            pass

    for method in ("PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/shop"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_waits_at_a_gate_of_this_machine() -> None:
    async def scenario(url: str) -> list[str]:
        plugin = gate.Gate()
        try:
            asked = a_step_call({"url": url})
            phases = [(await plugin.run(asked)).phase for _ in range(3)]
            return [*phases, (await plugin.abort(asked)).phase]
        finally:
            await plugin.aclose()

    approver = Approver()
    with serving(approver) as url:
        phases = asyncio.run(scenario(url))
        assert phases == ["Running", "Running", "Successful", "Successful"]
    assert approver.open == {}
    with pytest.raises(StepError, match="does not answer"):
        asyncio.run(scenario(url))
