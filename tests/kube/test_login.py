import asyncio
import json
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import incluster_config

from gradatim.errors import SetupError
from gradatim.kube.client import Client
from gradatim.kube.cluster import Gate, Pace
from gradatim.kube.credentials import InCluster, Kubeconfig, KubeconfigText
from gradatim.kube.errors import Unreachable
from gradatim.kube.login import LoginOptions, login, source_of, user_agent
from gradatim.kube.resources import PODS, Selection
from gradatim.kube.retry import Retries

SECRET = "s3cr3t-t0ken"
POD = PODS.at("a", "b")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Api:
    """A loopback API server that takes some tokens and answers with what it is told to."""

    def __init__(self):
        self.tokens = {SECRET}
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.reply = lambda request: web.json_response({"metadata": {"name": "b"}})
        self.host = ""
        self.version = 200

    async def answer(self, request):
        self.seen.append(request)
        self.bodies.append(await request.read())
        token = request.headers.get("Authorization", "").partition(" ")[2]
        if token not in self.tokens:
            return web.json_response({"message": "Unauthorized"}, status=401)
        if request.path == "/version":
            return web.json_response({"gitVersion": "v1.37.2"}, status=self.version)
        reply = self.reply(request)
        return await reply if asyncio.iscoroutine(reply) else reply


@pytest.fixture
async def api():
    server = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
def kubeconfig(tmp_path):
    """Writes a kubeconfig and gives its path."""

    def write(server, user, **cluster):
        path = tmp_path / "config"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "k", "cluster": {"server": server, **cluster}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        }
        path.write_text(yaml.safe_dump(config))
        return str(path)

    return write


@asynccontextmanager
async def logged_in(path, pace=None):
    transport = await login(LoginOptions(kubeconfig=path, pace=pace or Pace()), {})
    client = Client(transport, retries=Retries(attempts=1))
    try:
        yield client
    finally:
        await client.aclose()


async def test_a_request_carries_token_agent_and_body(api, kubeconfig):
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        await client.patch(POD, {"a": "ü"}, kind="strategic")
    request = api.seen[-1]
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert request.headers["User-Agent"] == user_agent()
    assert request.headers["Content-Type"] == "application/strategic-merge-patch+json"
    assert json.loads(api.bodies[-1]) == {"a": "ü"}
    assert user_agent().startswith("gradatim/")


async def test_selectors_reach_the_server_as_they_are(api, kubeconfig):
    api.reply = lambda request: web.json_response({"metadata": {}, "items": []})
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        await client.list(Selection(PODS, labels="app in (a, b),!c&d=é"))
    assert api.seen[-1].query["labelSelector"] == "app in (a, b),!c&d=é"


async def test_a_page_of_a_proxy_is_an_error_and_no_crash(api, kubeconfig):
    api.reply = lambda request: web.Response(status=502, text="<html>bad gateway</html>")
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        with pytest.raises(Exception, match="get pods a/b: <html>bad gateway</html>"):
            await client.get(POD)


async def test_a_redirect_is_not_followed_with_our_token(api, kubeconfig):
    api.reply = lambda request: web.Response(
        status=302, headers={"Location": "http://127.0.0.1:1/"}
    )
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        with pytest.raises(Exception, match="status 302"):
            await client.get(POD)


async def test_a_watch_is_read_line_by_line_until_the_server_ends_it(api, kubeconfig):
    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        for chunk in (
            b'{"type":"ADDED","obj',
            b'ect":{"x":1}}\n{"type":"BOOK',
            b'MARK","object":{}}\n{"ha',
        ):
            await response.write(chunk)
        return response

    api.reply = stream
    async with (
        logged_in(kubeconfig(api.host, {"token": SECRET})) as client,
        client.watch(Selection(PODS), {"resourceVersion": "5"}, idle=5) as lines,
    ):
        read = [line async for line in lines]
    assert read == [{"type": "ADDED", "object": {"x": 1}}, {"type": "BOOKMARK", "object": {}}]
    assert dict(api.seen[-1].query) == {"resourceVersion": "5", "watch": "true"}


async def test_a_silent_watch_times_out(api, kubeconfig):
    async def stream(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"BOOKMARK","object":{}}\n')
        await asyncio.sleep(5)
        return response

    api.reply = stream
    async with (
        logged_in(kubeconfig(api.host, {"token": SECRET})) as client,
        client.watch(Selection(PODS), {}, idle=0.1) as lines,
    ):
        assert await anext(lines) == {"type": "BOOKMARK", "object": {}}
        with pytest.raises(TimeoutError):
            await anext(lines)


async def test_a_refused_watch_raises_what_the_server_said(api, kubeconfig):
    api.reply = lambda request: web.json_response({"message": "too old", "code": 410}, status=410)
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        with pytest.raises(Exception, match="watch pods in all namespaces: too old"):
            async with client.watch(Selection(PODS), {}, idle=5):
                pass


async def test_a_write_to_a_server_that_is_not_there_is_repeated(api, kubeconfig, unused_tcp_port):
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        transport = client._transport
        transport._host = f"http://127.0.0.1:{unused_tcp_port}"
        pauses = []

        async def sleep(seconds):
            pauses.append(seconds)
            transport._host = api.host

        again = Client(transport, retries=Retries(sleep=sleep))
        assert (await again.patch(POD, {}))["metadata"]["name"] == "b"
        assert len(pauses) == 1


async def test_the_clusters_proxy_and_server_name_are_used(api, kubeconfig):
    path = kubeconfig(
        "http://cluster.example",
        {"token": SECRET},
        **{"proxy-url": api.host, "tls-server-name": "k"},
    )
    async with logged_in(path) as client:
        await client.get(POD)
        assert client._transport._options["server_hostname"] == "k"
    # what reaches a proxy names the server
    assert [r.headers["Host"] for r in api.seen] == ["cluster.example"] * 2


async def test_the_environments_proxy_is_used(api, kubeconfig):
    path = kubeconfig("http://cluster.example", {"token": SECRET})
    transport = await login(LoginOptions(kubeconfig=path), {"HTTP_PROXY": api.host})
    await transport.aclose()
    assert [r.headers["Host"] for r in api.seen] == ["cluster.example"]


async def test_a_connection_that_breaks_is_no_refusal(api, kubeconfig):
    async def drop(request):
        request.transport.abort()
        await asyncio.sleep(0)
        return web.Response()

    api.reply = drop
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        with pytest.raises(Unreachable) as caught:
            await client.patch(POD, {})
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_a_server_that_takes_too_long_is_no_answer(api, kubeconfig):
    async def linger(request):
        await asyncio.sleep(5)

    api.reply = linger
    async with logged_in(kubeconfig(api.host, {"token": SECRET})) as client:
        slow = Client(client._transport, retries=Retries(attempts=1), timeout=0.05)
        with pytest.raises(Unreachable, match="no answer from the API server"):
            await slow.get(POD)


# credentials


async def test_a_refused_token_is_read_anew_and_the_request_sent_again(api, kubeconfig, tmp_path):
    clock = Clock()
    token = tmp_path / "token"
    token.write_text(SECRET)
    async with logged_in(
        kubeconfig(api.host, {"tokenFile": str(token)}), Pace(clock=clock)
    ) as client:
        api.tokens = {"new"}
        token.write_text("new")
        clock.now += 20
        await asyncio.gather(*(client.patch(POD, {}) for _ in range(5)))
    refused = [r for r in api.seen if r.headers["Authorization"].endswith(SECRET)]
    assert len(refused) == 1 + 5  # the login, and each patch once


async def test_a_token_file_is_read_again_every_minute(api, kubeconfig, tmp_path):
    clock = Clock()
    token = tmp_path / "token"
    token.write_text(SECRET)
    async with logged_in(
        kubeconfig(api.host, {"tokenFile": str(token)}), Pace(clock=clock)
    ) as client:
        api.tokens = {SECRET, "new"}
        token.write_text("new")
        clock.now += 59
        await client.get(POD)
        clock.now += 2
        await client.get(POD)
    assert [r.headers["Authorization"] for r in api.seen[-2:]] == [f"Bearer {SECRET}", "Bearer new"]


async def test_a_token_file_that_vanished_leaves_the_old_token(api, kubeconfig, tmp_path, caplog):
    clock = Clock()
    token = tmp_path / "token"
    token.write_text(SECRET)
    async with logged_in(
        kubeconfig(api.host, {"tokenFile": str(token)}), Pace(clock=clock)
    ) as client:
        token.unlink()
        clock.now += 61
        await client.get(POD)
    assert "credentials could not be renewed" in caplog.text
    assert SECRET not in caplog.text


async def test_refused_requests_do_not_read_credentials_all_the_time(api, kubeconfig):
    clock = Clock()
    async with logged_in(kubeconfig(api.host, {"token": SECRET}), Pace(clock=clock)) as client:
        api.tokens = set()
        for _ in range(3):
            with pytest.raises(Exception, match="Unauthorized"):
                await client.get(POD)
    assert len(api.seen) == 1 + 3


PLUGIN = """
import json, pathlib, sys
runs = pathlib.Path({runs!r})
runs.write_text(runs.read_text() + "." if runs.exists() else ".")
status = {status!r}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}}))
sys.exit({code})
"""


@pytest.fixture
def plugin(tmp_path):
    """Writes an exec plugin: the kubeconfig's user, and a function that counts its runs."""

    def write(status, code=0):
        runs, script = tmp_path / "runs", tmp_path / "plugin.py"
        script.write_text(PLUGIN.format(runs=str(runs), status=status, code=code))
        run = {
            "command": sys.executable,
            "args": [str(script)],
            "env": [{"name": "A", "value": "b"}],
        }
        user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **run}}
        return user, lambda: len(runs.read_text())

    return write


async def test_an_exec_plugin_gives_the_token_and_is_asked_again_when_that_is_refused(
    api, kubeconfig, plugin
):
    clock = Clock()
    user, runs = plugin({"token": SECRET})
    async with logged_in(kubeconfig(api.host, user), Pace(clock=clock)) as client:
        clock.now += 86400
        await client.get(POD)
        assert runs() == 1
        api.tokens = {"new"}
        plugin({"token": "new"})
        await client.get(POD)
        assert runs() == 2


async def test_an_exec_plugin_is_asked_again_before_its_token_expires(api, kubeconfig, plugin):
    clock = Clock()
    expiry = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    user, runs = plugin({"token": SECRET, "expirationTimestamp": expiry})
    async with logged_in(kubeconfig(api.host, user), Pace(clock=clock)) as client:
        clock.now += 8 * 60
        await client.get(POD)
        assert runs() == 1
        clock.now += 70
        await asyncio.gather(*(client.get(POD) for _ in range(5)))
        assert runs() == 2


async def test_an_exec_plugin_may_give_a_certificate(kubeconfig, plugin):
    from kubernetes.aio.client import Configuration

    user, _ = plugin({"clientCertificateData": "CERT\n", "clientKeyData": "KEY\n"})
    configuration = Configuration()
    assert await Kubeconfig(kubeconfig("https://k", user)).load(configuration) is None
    assert _text(configuration.cert_file) + _text(configuration.key_file) == "CERT\nKEY\n"
    assert configuration.api_key == {}


def _text(path):
    return Path(path).read_text()


AGES = [
    ("a token is good for ever", {"token": SECRET}, None),
    ("a certificate file is read again every five minutes", {"client-certificate": "c"}, 300),
    ("a certificate is good for ever", {"client-certificate-data": "Yw=="}, None),
]


@pytest.mark.parametrize(("user", "age"), [a[1:] for a in AGES], ids=[a[0] for a in AGES])
async def test_how_long_credentials_last(kubeconfig, tmp_path, user, age):
    from kubernetes.aio.client import Configuration

    (tmp_path / "c").write_text("CERT")
    assert await Kubeconfig(kubeconfig("https://k", user)).load(Configuration()) == age


BROKEN_PLUGINS = [
    ("one that fails", {"token": SECRET}, 3, "exec: process returned 3"),
    ("one that gives nothing", {}, 0, "exec: the plugin gave neither a token nor a certificate"),
    ("one that gives half a certificate", {"clientCertificateData": "x"}, 0, "neither a token"),
]


@pytest.mark.parametrize(
    ("status", "code", "said"), [b[1:] for b in BROKEN_PLUGINS], ids=[b[0] for b in BROKEN_PLUGINS]
)
async def test_a_broken_exec_plugin_is_said_in_one_line(
    kubeconfig, plugin, status, code, said, caplog
):
    user, _ = plugin(status, code)
    with pytest.raises(SetupError, match=said) as caught:
        await login(LoginOptions(kubeconfig=kubeconfig("http://127.0.0.1:1", user)), {})
    assert SECRET not in str(caught.value)
    assert caplog.text == ""


async def test_an_exec_plugin_that_is_not_installed_is_named(kubeconfig):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}
    with pytest.raises(SetupError, match="No such file or directory: no-such-plugin"):
        await login(LoginOptions(kubeconfig=kubeconfig("http://127.0.0.1:1", user)), {})


# what is wrong is said in one line, without a secret


async def test_a_server_that_is_not_there(kubeconfig, unused_tcp_port):
    path = kubeconfig(f"http://127.0.0.1:{unused_tcp_port}", {"token": SECRET})
    with pytest.raises(SetupError, match=f"http://127.0.0.1:{unused_tcp_port}: cannot be reached"):
        await login(LoginOptions(kubeconfig=path), {})


async def test_a_token_that_is_refused(api, kubeconfig):
    with pytest.raises(SetupError, match=r"does not accept our credentials \(401\)"):
        await login(LoginOptions(kubeconfig=kubeconfig(api.host, {"token": "wrong"})), {})


async def test_a_server_that_is_broken(api, kubeconfig):
    api.version = 503
    with pytest.raises(SetupError, match="answers with 503"):
        await login(LoginOptions(kubeconfig=kubeconfig(api.host, {"token": SECRET})), {})


BAD = [
    ("no such file", None, "no such file"),
    ("no YAML", "users: [", "not valid YAML"),
    ("no mapping", "- a\n- b\n", "is not a kubeconfig"),
    ("an empty file", "", "is not a kubeconfig"),
    ("no contexts", "current-context: c\n", "Expected object with name c"),
    ("no current context", f"users: [{{name: u, user: {{token: {SECRET}}}}}]\n", "Expected key current-context"),
    ("a context without a user",
     "current-context: c\nclusters: [{name: k, cluster: {server: 'https://k'}}]\n"
     "contexts: [{name: c, context: {cluster: k}}]\n",
     "Expected key user"),
    ("a user that does not exist",
     f"current-context: c\nusers: [{{name: x, user: {{token: {SECRET}}}}}]\n"
     "clusters: [{name: k, cluster: {server: 'https://k'}}]\n"
     "contexts: [{name: c, context: {cluster: k, user: u}}]\n",
     "Expected object with name u"),
    ("a user that is a word",
     f"current-context: c\nusers: [{{name: u, user: {SECRET}}}]\n"
     "clusters: [{name: k, cluster: {server: 'https://k'}}]\n"
     "contexts: [{name: c, context: {cluster: k, user: u}}]\n",
     "Expected the user of context c to be a mapping"),
    ("a CA file that does not exist",
     f"current-context: c\nusers: [{{name: u, user: {{token: {SECRET}}}}}]\n"
     "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority: nope.crt}}]\n"
     "contexts: [{name: c, context: {cluster: k, user: u}}]\n",
     "File does not exists: .*nope.crt"),
    ("a CA that is no base64",
     f"current-context: c\nusers: [{{name: u, user: {{token: {SECRET}}}}}]\n"
     "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority-data: 'a'}}]\n"
     "contexts: [{name: c, context: {cluster: k, user: u}}]\n",
     "is not a kubeconfig"),
    ("a CA that is no certificate",
     f"current-context: c\nusers: [{{name: u, user: {{token: {SECRET}}}}}]\n"
     "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority-data: aGFsbG8=}}]\n"
     "contexts: [{name: c, context: {cluster: k, user: u}}]\n",
     "https://k: its certificate authority or our client certificate cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
async def test_a_bad_kubeconfig(tmp_path, text, said):
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SetupError, match=said) as caught:
        await login(LoginOptions(kubeconfig=str(path)), {})
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_context_that_does_not_exist(kubeconfig):
    path = kubeconfig("https://k", {"token": SECRET})
    with pytest.raises(SetupError, match="Expected object with name nowhere"):
        await login(LoginOptions(kubeconfig=path, context="nowhere"), {})


async def test_a_directory_is_no_kubeconfig(tmp_path):
    with pytest.raises(SetupError, match="a directory, not a file"):
        await login(LoginOptions(kubeconfig=str(tmp_path)), {})


async def test_no_cluster_at_all(tmp_path):
    with pytest.raises(SetupError, match=r"no cluster: give --kubeconfig, set KUBECONFIG"):
        await login(environ={"HOME": str(tmp_path)})


def test_where_one_logs_in(tmp_path):
    pod = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "HOME": str(tmp_path)}
    assert isinstance(source_of(LoginOptions(), pod), InCluster)
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("")
    assert source_of(LoginOptions(), pod) == Kubeconfig(str(tmp_path / ".kube" / "config"))
    environ = {**pod, "KUBECONFIG": "/a:/b"}
    assert source_of(LoginOptions(context="c"), environ) == Kubeconfig("/a:/b", "c")
    assert source_of(LoginOptions(kubeconfig="/x"), environ) == Kubeconfig("/x")


async def test_a_pod_logs_in_by_its_service_account(tmp_path, monkeypatch):
    from kubernetes.aio.client import Configuration

    with pytest.raises(
        SetupError, match="service account of this pod: Service host/port is not set"
    ):
        await InCluster().load(Configuration())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    for name in ("SERVICE_TOKEN_FILENAME", "SERVICE_CERT_FILENAME"):
        (tmp_path / name).write_text(SECRET)
        monkeypatch.setattr(incluster_config, name, str(tmp_path / name))
    configuration = Configuration()
    assert await InCluster().load(configuration) == 60
    assert configuration.host == "https://10.96.0.1:443"
    assert configuration.api_key == {"BearerToken": f"bearer {SECRET}"}


# pace


def test_requests_are_paced_and_bounded(virtually):
    async def body():
        loop = asyncio.get_running_loop()
        gate = Gate(Pace(qps=10, burst=5, in_flight=2, clock=loop.time))
        starts, flying = [], []

        async def request():
            async with gate.request():
                starts.append(round(loop.time(), 3))
                flying.append(2 - gate._places._value)
                await asyncio.sleep(0.01)

        await asyncio.gather(*(request() for _ in range(9)))
        return starts, max(flying)

    starts, most = virtually(body())
    assert starts == [0, 0, 0.01, 0.01, 0.02, 0.1, 0.2, 0.3, 0.4]
    assert most == 2


async def test_a_lease_renewal_does_not_wait_behind_other_requests(api, kubeconfig):
    waiting = asyncio.Event()

    async def sleep(seconds):
        await waiting.wait()

    path = kubeconfig(api.host, {"token": SECRET})
    async with logged_in(
        path, Pace(qps=1, burst=1, in_flight=1, clock=lambda: 0.0, sleep=sleep)
    ) as client:
        await client.get(POD)
        held = asyncio.create_task(client.get(POD))
        renewal = Client(client._transport.unpaced)
        async with asyncio.timeout(5):
            await renewal.get(POD)
        assert not held.done()
        waiting.set()
        await held


def text_of(user: dict, **cluster: object) -> str:
    return json.dumps(
        {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": "https://h", **cluster}}],
            "users": [{"name": "u", "user": user}],
        }
    )


async def test_a_kubeconfig_of_a_secret_brings_server_and_token():
    configuration = Configuration()
    assert (
        await KubeconfigText(text_of({"token": SECRET}), "Secret a/b").load(configuration) is None
    )
    assert configuration.host == "https://h"
    assert configuration.api_key == {"BearerToken": f"Bearer {SECRET}"}
    assert SECRET not in repr(KubeconfigText(SECRET, "x"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (text_of({"exec": {"command": "sh"}}), "exec is not taken from a Secret"),
        (text_of({"tokenFile": "/etc/passwd"}), "tokenFile is not taken from a Secret"),
        (text_of({"client-key": "/k"}), "client-key is not taken"),
        (text_of({}, **{"certificate-authority": "/ca"}), "certificate-authority is not taken"),
        ("a: b: c", "not valid YAML"),
        ("7", "is not a kubeconfig"),
        ("{}", "Secret a/b: "),
        (text_of({}).replace('"u"', '"v"', 1), "Secret a/b: "),
    ],
)
async def test_a_kubeconfig_of_a_secret_runs_and_reads_nothing_here(text: str, message: str):
    with pytest.raises(SetupError, match=message):
        await KubeconfigText(text, "Secret a/b").load(Configuration())
