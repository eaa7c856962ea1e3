"""`gradatim measure`: what is asked, what is printed, and how it ends. Against services on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from gradatim.cli import cli
from gradatim.cli.measure.manifest import Wanted, run_of
from gradatim.cli.measure.report import reason
from gradatim.errors import SetupError
from gradatim.kube.client import Client
from gradatim.kube.resources import SECRETS
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import Phase
from gradatim.sim import Sim
from gradatim.sim.kubeconfig import write_kubeconfig

SECRET = "hunter22-of-the-test"


@dataclass
class Service:
    """Answers each request with the next of `values` (the last from then on), and keeps what was sent."""

    address: str
    values: list[Any] = field(default_factory=lambda: [0.97])
    status: int = 200
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def service() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.headers.append(dict(self.headers))
            value = served.values.pop(0) if len(served.values) > 1 else served.values[0]
            body = json.dumps({"rate": value}).encode()
            self.send_response(served.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Service(f"http://127.0.0.1:{server.server_port}/rate")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows of no cluster."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@contextmanager
def embedded_cluster(
    kubeconfig: Path, namespace: str, name: str, data: dict[str, str]
) -> Iterator[list[Any]]:
    """An API server on loopback, in a thread of its own, with a namespace and a Secret.

    What it gives has, after its end, all changes of Jobs: whether one came or went, and its name.
    """
    begun, running = threading.Event(), []
    changes: list[Any] = []

    async def serve() -> None:
        stopped = asyncio.Event()
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        async with Sim() as sim:
            sim.store.subscribe(
                ["jobs.batch"], lambda event: changes.append((event.type, event.new))
            )
            client = Client(sim.transport())
            sim.create(f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}}}}}")
            metadata = {"name": name, "namespace": namespace}
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
            await client.create(SECRETS, secret)
            write_kubeconfig(kubeconfig, await sim.serve())
            running.append((asyncio.get_running_loop(), stopped))
            begun.set()
            await stopped.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert begun.wait(timeout=30)
    try:
        yield changes
    finally:
        loop, stopped = running[0]
        loop.call_soon_threadsafe(stopped.set)
        thread.join()


@dataclass
class Said:
    code: int
    out: str
    error: str

    @property
    def lines(self) -> dict[str, str]:
        """The lines of a block by their label."""
        return {line[:10].strip(): line[10:] for line in self.out.splitlines()}


Measure = Callable[..., Said]


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Runs the command on objects that are written into a file."""

    def command(objects: Any, *args: str) -> Said:
        file = tmp_path / "objects.yaml"
        told = objects if isinstance(objects, list) else [objects]
        file.write_text(objects if isinstance(objects, str) else yaml.safe_dump_all(told))
        result = CliRunner().invoke(cli, ["measure", str(file), *args])
        if isinstance(result.exception, SetupError):
            return Said(2, result.stdout, str(result.exception))
        assert result.exception is None or isinstance(result.exception, SystemExit), (
            result.exception
        )
        return Said(result.exit_code, result.stdout, result.stderr)

    return command


def web(address: str, **more: Any) -> dict[str, Any]:
    return {"web": {"url": address, "jsonPath": "{$.rate}", **more}}


def template(*metrics: dict[str, Any], name: str = "success", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {"metrics": list(metrics), **spec},
    }


def metric(address: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "rate",
        "successCondition": "result >= {{args.least}}",
        "provider": web(address),
        **more,
    }


LEAST = [{"name": "least", "value": "0.95"}]


@pytest.mark.parametrize(
    ("value", "least", "code", "verdict", "why"),
    [
        (0.97, "0.95", 0, "Successful", 'successCondition "result >= {{args.least}}" holds'),
        (0.97, "0.99", 1, "Failed", 'successCondition "result >= {{args.least}}" does not hold'),
        (
            "x",
            "0.99",
            2,
            "Error",
            'could not evaluate successCondition "result >= 0.99": invalid operation: >='
            " (mismatched types string and float64)",
        ),
    ],
)
def test_one_measurement(
    measure: Measure, service: Service, value: Any, least: str, code: int, verdict: str, why: str
) -> None:
    service.values = [value]
    said = measure(template(metric(service.address), args=LEAST), "--arg", f"least={least}")
    assert said.code == code, said
    assert said.lines["metric"] == "rate (web)"
    assert service.address in said.lines["query"]
    assert said.lines.get("value", "") == (json.dumps(value) if code != 2 else "")
    assert said.lines["verdict"] == verdict
    assert said.lines["why"] == why
    assert len(service.headers) == 1


def test_a_service_that_does_not_answer_could_not_be_asked(
    measure: Measure, service: Service
) -> None:
    service.status = 503
    said = measure(template(metric(service.address, interval="1s", count=9), args=LEAST))
    assert (said.code, said.lines["verdict"]) == (2, "Error")
    assert said.lines["why"] == "received non 2xx response code: 503"
    assert len(service.headers) == 1


def test_metrics_can_be_chosen_and_all_of_them_count(measure: Measure, service: Service) -> None:
    both = template(
        metric(service.address),
        metric(service.address, name="worse", successCondition="result < 0.5"),
        args=LEAST,
        dryRun=[{"metricName": ".*"}],
    )
    assert measure(both, "--metric", "rate").code == 0
    said = measure(both)
    assert said.code == 1
    assert said.out.count("verdict") == 2


def test_watching_measures_at_the_interval_and_judges_as_a_run_would(
    measure: Measure, service: Service
) -> None:
    service.values = [0.99, 0.5]
    watched = template(
        metric(
            service.address,
            interval="2s",
            count=2,
            failureLimit=1,
            successCondition="result > 0.9",
        )
    )
    said = measure(watched, "--watch")
    assert said.code == 0, said.out
    assert [line.split("  ", 2)[1] for line in said.out.splitlines()[1:3]] == [
        "rate 1: Successful 0.99",
        "rate 2: Failed 0.5",
    ]
    assert said.out.splitlines()[-1] == "analysis  Successful"


def test_watching_ends_with_the_first_failure_too_many(measure: Measure, service: Service) -> None:
    service.values = [0.5]
    watched = template(metric(service.address, interval="1s", count=300), args=LEAST)
    said = measure(watched, "--watch")
    assert said.code == 1
    assert said.out.splitlines()[-1] == (
        'analysis  Failed: Metric "rate" assessed Failed due to failed (1) > failureLimit (0)'
    )


def test_lines_of_json_for_scripts(measure: Measure, service: Service) -> None:
    said = measure(template(metric(service.address), args=LEAST), "--watch", "--json")
    first, last = map(json.loads, said.out.splitlines())
    assert {key: first[key] for key in ("metric", "number", "phase", "value")} == {
        "metric": "rate",
        "number": 1,
        "phase": "Successful",
        "value": "0.97",
    }
    assert last == {"run": "Successful", "message": ""}


def secret_arg(name: str = "tokens", key: str = "web.token") -> dict[str, Any]:
    return {"name": "token", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def guarded(address: str, **more: Any) -> dict[str, Any]:
    headers = [{"key": "Authorization", "value": "Bearer {{args.token}}"}]
    return template(
        {
            "name": "rate",
            "successCondition": "result == 0.97 || '{{args.token}}' == ''",
            "provider": web(address, headers=headers),
            **more,
        },
        args=[secret_arg()],
    )


def test_a_secret_comes_from_a_file_and_is_not_printed(
    measure: Measure, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    said = measure(guarded(service.address), "--secret", f"tokens.web.token=@{tmp_path / 'token'}")
    assert said.code == 0, said
    assert service.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in said.out + said.error


@pytest.mark.parametrize("flags", [(), ("--watch",), ("--json",)])
@pytest.mark.parametrize(
    "condition", ["result.x == '{{args.token}}'", "result > 1 && '{{args.token}}' > 1"]
)
def test_no_failure_prints_a_secret(
    measure: Measure, service: Service, tmp_path: Path, flags: tuple[str, ...], condition: str
) -> None:
    (tmp_path / "token").write_text(SECRET)
    service.values = [f"your token is {SECRET}"]
    objects = guarded(service.address, successCondition=condition, consecutiveErrorLimit=0)
    said = measure(objects, "--secret", f"tokens/web.token=@{tmp_path / 'token'}", *flags)
    assert said.code == 2
    assert "could not evaluate" in said.out
    assert SECRET not in said.out + said.error


def test_a_secret_that_is_nowhere_is_named_with_where_it_was_looked_for(
    measure: Measure, service: Service
) -> None:
    said = measure(guarded(service.address))
    assert said.code == 2
    assert 'secrets "tokens" not found' in said.out
    assert said.error.startswith(
        "gradatim: Secrets were looked for in no cluster: no cluster: give"
    )


def test_a_key_that_the_secret_lacks_is_named(
    measure: Measure, service: Service, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(SECRET)
    said = measure(guarded(service.address), "--secret", f"tokens.other=@{tmp_path / 'token'}")
    assert said.code == 2
    assert "key 'web.token' does not exist in secret 'tokens'" in said.out
    assert SECRET not in said.out + said.error


def test_secrets_of_a_cluster_are_read_where_the_run_is(
    measure: Measure, service: Service, tmp_path: Path
) -> None:
    with embedded_cluster(tmp_path / "kubeconfig", "shop", "tokens", {"web.token": SECRET}):
        here = ("--kubeconfig", str(tmp_path / "kubeconfig"))
        said = measure(guarded(service.address), *here, "-n", "shop")
        assert said.code == 0, said
        assert service.headers[0]["Authorization"] == f"Bearer {SECRET}"
        elsewhere = measure(guarded(service.address), *here)
        assert elsewhere.code == 2
        assert 'secrets "tokens" not found' in elsewhere.out


def smoke_test(command: str = "true") -> dict[str, Any]:
    """A template whose metric is a Job."""
    container = {"name": "test", "image": "smoke:v1", "command": [command]}
    spec = {"restartPolicy": "Never", "containers": [container]}
    job = {"spec": {"backoffLimit": 0, "template": {"spec": spec}}}
    return template({"name": "smoke", "provider": {"job": job}})


@pytest.mark.parametrize(
    ("command", "code", "verdict"),
    [
        pytest.param("true", 0, "Successful", id="it completes"),
        pytest.param("false", 1, "Failed", id="it fails"),
    ],
)
def test_a_job_is_run_in_the_cluster_and_removed(
    measure: Measure, tmp_path: Path, command: str, code: int, verdict: str
) -> None:
    with embedded_cluster(tmp_path / "kubeconfig", "shop", "tokens", {}) as changes:
        here = ("--kubeconfig", str(tmp_path / "kubeconfig"))
        said = measure(smoke_test(command), *here, "-n", "shop")
    assert said.code == code, said
    assert said.lines["verdict"] == verdict
    assert said.out.count("metric ") == 1
    assert said.error.startswith("gradatim: smoke is running: job-name ")
    kinds = [kind for kind, _ in changes]
    assert (kinds[0], kinds[-1], kinds.count("ADDED")) == ("ADDED", "DELETED", 1)
    # nothing owns it: an owner that the cluster does not know has it collected at once
    assert "ownerReferences" not in changes[0][1]["metadata"]
    assert changes[0][1]["metadata"]["namespace"] == "shop"


def test_a_job_without_a_cluster_is_refused_with_what_it_needs(measure: Measure) -> None:
    said = measure(smoke_test())
    assert said.code == 2
    assert said.error.startswith(
        "metric 'smoke' runs a Job, which needs a cluster, with the right to create, read and delete Jobs"
    )
    assert "no cluster: give" in said.error


@pytest.mark.parametrize(
    ("metric_", "phase", "why"),
    [
        (Metric(), Phase.SUCCESSFUL, "there is no condition: every answer is a success"),
        (Metric(success_condition="a"), Phase.FAILED, 'successCondition "a" does not hold'),
        (Metric(failure_condition="b"), Phase.FAILED, 'failureCondition "b" holds'),
        (Metric(failure_condition="b"), Phase.SUCCESSFUL, 'failureCondition "b" does not hold'),
        (
            Metric(success_condition="a", failure_condition="b"),
            Phase.SUCCESSFUL,
            'successCondition "a" holds, failureCondition "b" does not',
        ),
        (
            Metric(success_condition="a", failure_condition="b"),
            Phase.FAILED,
            'failureCondition "b" holds',
        ),
        (
            Metric(success_condition="a", failure_condition="b"),
            Phase.INCONCLUSIVE,
            'neither successCondition "a" nor failureCondition "b" holds',
        ),
    ],
)
def test_a_verdict_is_explained_by_the_conditions(metric_: Metric, phase: Phase, why: str) -> None:
    assert reason(metric_, phase) == why


INNER = template(metric("http://h/", name="inner"), name="inner", args=LEAST)
OUTER = template(name="outer", templates=[{"templateName": "inner"}])
RUN = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisRun",
    "metadata": {"name": "run", "namespace": "shop"},
    "spec": {"metrics": [metric("http://h/")], "args": [secret_arg(), *LEAST], "terminate": True},
    "status": {"phase": "Failed"},
}


def made(objects: Any, **wanted: Any) -> dict[str, Any]:
    return run_of(yaml.safe_dump_all(objects), Wanted(**wanted), "f.yaml")


def test_a_template_of_templates_is_measured_with_all_of_their_metrics() -> None:
    run = made([INNER, OUTER], as_run=True)
    assert run["metadata"] == {"name": "outer", "uid": "", "namespace": "default"}
    assert [each["name"] for each in run["spec"]["metrics"]] == ["inner"]
    assert run["spec"]["args"] == LEAST
    assert (
        made([{"kind": "List", "items": [INNER, OUTER]}], name="inner")["metadata"]["name"]
        == "inner"
    )


def test_a_run_is_taken_without_what_became_of_it() -> None:
    run = made([RUN], args={"token": "x"}, as_run=True)
    assert "status" not in run
    assert "terminate" not in run["spec"]
    assert run["spec"]["args"] == [{"name": "token", "value": "x"}, *LEAST]
    assert run["metadata"]["namespace"] == "shop"
    assert made([RUN], namespace="other")["metadata"]["namespace"] == "other"


def test_one_measurement_has_no_interval_no_limits_and_asks_once() -> None:
    annotations = {
        "gradatim.dev/on-provider-error": "retry",
        "gradatim.dev/on-no-data": "success",
        "other": "x",
    }
    repeated = metric("http://h/", interval="1m", count=5, initialDelay="1h", failureLimit=3)
    told = template(repeated, args=LEAST)
    told["metadata"]["annotations"] = annotations
    run = made([told])
    (only,) = run["spec"]["metrics"]
    assert only == {**metric("http://h/"), "count": 1, "consecutiveErrorLimit": 0}
    assert "gradatim.dev/on-provider-error" not in run["metadata"].get("annotations", {})


@pytest.mark.parametrize(
    ("objects", "wanted", "message"),
    [
        pytest.param(
            [], {}, "there is no AnalysisTemplate, ClusterAnalysisTemplate or", id="nothing"
        ),
        pytest.param([{"kind": "Pod"}, 5], {}, "there is no AnalysisTemplate", id="other objects"),
        pytest.param(
            [INNER, RUN],
            {},
            "which one? --object NAME, of AnalysisTemplate inner, AnalysisRun run",
            id="two",
        ),
        pytest.param(
            [INNER], {"name": "x"}, "no AnalysisTemplate or AnalysisRun 'x'", id="no such one"
        ),
        pytest.param([OUTER], {}, "AnalysisTemplate 'inner' is not in it", id="half of it"),
        pytest.param(
            [template(metric("h"), args=[{"name": "least"}])],
            {},
            "argument 'least' has no value: --arg least=…",
            id="an argument without a value",
        ),
        pytest.param(
            [INNER],
            {"args": {"x": "1"}},
            "--arg x: no such argument; there are least",
            id="another argument",
        ),
        pytest.param([RUN], {"args": {"x": "1"}}, "there are token, least", id="of a run"),
        pytest.param(
            [INNER], {"metrics": ("x",)}, "--metric x: no such metric; there are inner", id="metric"
        ),
        pytest.param(
            [template(metric("h"), metric("h"), args=LEAST)],
            {},
            "same name 'rate'",
            id="metrics of one name",
        ),
    ],
)
def test_what_no_run_can_be_made_of_is_said_in_one_line(
    objects: Any, wanted: Any, message: str
) -> None:
    with pytest.raises(SetupError) as caught:
        made(objects, **wanted)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--arg", "x"], "--arg x: must be NAME=VALUE"),
        (["--secret", "hunter2"], "--secret: must be NAME.KEY=@FILE, the key's text in a file"),
        (["--secret", "a.b=hunter2"], "--secret: must be NAME.KEY=@FILE, the key's text in a file"),
        (
            ["--secret", "a.b=@/no/such"],
            "--secret a.b: /no/such: cannot be read: No such file or directory",
        ),
        (["--kubeconfig", "/no/such"], "/no/such"),
    ],
)
def test_a_wrong_call_is_one_line(measure: Measure, args: list[str], message: str) -> None:
    said = measure(guarded("http://127.0.0.1:1/") if "--kubeconfig" in args else INNER, *args)
    assert said.code == 2
    assert message in said.error + said.out
    assert "hunter2" not in said.error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "objects.yaml: line "),
        (
            yaml.safe_dump(template(metric("h:1"), args=LEAST)),
            "spec.metrics[0].provider.web.url: must be a URL with http",
        ),
        (
            yaml.safe_dump(template(metric("http://h", successCondition="result >"))),
            "spec.metrics[0].successCondition: could not evaluate",
        ),
    ],
)
def test_an_unsound_file_is_not_asked_about(measure: Measure, text: str, message: str) -> None:
    said = measure(text)
    assert (said.code, said.out) == (2, "")
    assert message in said.error


def test_a_file_that_is_not_there_is_one_line() -> None:
    result = CliRunner().invoke(cli, ["measure", "/no/such"])
    assert isinstance(result.exception, SetupError)
    assert str(result.exception) == "/no/such: cannot be read: No such file or directory"


def test_standard_input(service: Service) -> None:
    text = yaml.safe_dump(template(metric(service.address), args=LEAST))
    result = CliRunner().invoke(cli, ["measure", "-"], input=text)
    assert result.exit_code == 0, result.output


def test_an_interrupt_ends_a_watch_with_what_it_has_found(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    endless = metric(service.address, interval="1h", name="rate")
    file.write_text(yaml.safe_dump(template(endless, args=LEAST)))
    program = [sys.executable, "-m", "gradatim.cli", "measure", str(file), "--watch"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        began = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert "rate 1: Successful 0.97" in began[1]
    assert rest == "analysis  Successful: Run Terminated\n"
    assert process.returncode == 130


def test_it_ends_when_nobody_reads_it_any_more(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    endless = metric(service.address, interval="1h", name="rate")
    file.write_text(yaml.safe_dump(template(endless, args=LEAST)))
    program = [sys.executable, "-m", "gradatim.cli", "measure", str(file), "--watch"]
    reader, writer = os.pipe()
    os.close(reader)  # as `| true` does
    said = subprocess.run(program, stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writer)
    assert (said.returncode, said.stderr) == (1, b"")
