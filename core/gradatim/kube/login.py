"""Logs in to an API server: by a kubeconfig, or as the pod that we run in.

In: options and the environment. Out: a `ClusterTransport` whose server has answered once.
The command line calls it at start; whatever is wrong becomes one line of a `SetupError`.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration

from gradatim.errors import SetupError
from gradatim.kube.cluster import ClusterTransport, Gate, Pace
from gradatim.kube.credentials import InCluster, Kubeconfig, RenewedCredentials, Source
from gradatim.kube.errors import short
from gradatim.kube.proxy import proxy_of

#: seconds that the first answer may take
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """Which cluster, and how fast it may be asked. `kubeconfig` is a path, or several as in $KUBECONFIG.

    `source` is where credentials come from if not from any of the usual places.
    """

    kubeconfig: str | None = None
    context: str | None = None
    pace: Pace = field(default_factory=Pace)
    source: Source | None = None


async def login(
    options: LoginOptions | None = None, environ: Mapping[str, str] = os.environ
) -> ClusterTransport:
    """Load credentials, connect, and ask for the server's version.

    Raises:
        SetupError: no cluster is known, its kubeconfig is wrong, it does not answer, or it refuses us.
    """
    options = options or LoginOptions()
    source = options.source or source_of(options, environ)
    configuration = Configuration()
    age = await source.load(configuration)
    configuration.proxy = configuration.proxy or proxy_of(configuration.host, environ)
    api = _api(configuration)
    try:
        credentials = RenewedCredentials(api, source, options.pace.clock)
        credentials.loaded(age)
        await _ask_version(api, await credentials.headers())
        return ClusterTransport(api, credentials, Gate(options.pace))
    except BaseException:
        await api.close()
        raise


def source_of(options: LoginOptions, environ: Mapping[str, str]) -> Source:
    """Where to log in: --kubeconfig, then $KUBECONFIG, then ~/.kube/config, then the pod's account.

    Raises:
        SetupError: there is none of them.
    """
    if options.kubeconfig:
        return Kubeconfig(options.kubeconfig, options.context)
    if environ.get("KUBECONFIG"):
        return Kubeconfig(environ["KUBECONFIG"], options.context)
    usual = Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
    if usual.is_file():
        return Kubeconfig(str(usual), options.context)
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return InCluster()
    raise SetupError(
        "no cluster: give --kubeconfig, set KUBECONFIG, write ~/.kube/config, or run in a pod"
    )


def user_agent() -> str:
    """`gradatim/<version>`: its first half becomes the field manager of our writes."""
    try:
        return f"gradatim/{version('gradatim')}"
    except PackageNotFoundError:
        return "gradatim/unknown"


def _api(configuration: Configuration) -> ApiClient:
    # Our own gate bounds requests. A bound on connections would let watches use them all up.
    configuration.connection_pool_maxsize = 0
    # Python 3.13 refuses certificates that Go takes, such as a cluster CA without a key identifier.
    configuration.disable_strict_ssl_verification = True
    # With trust_env the session looks for a proxy and a .netrc, in a thread, before each request.
    session = {"cookie_jar": aiohttp.DummyCookieJar(), "trust_env": False}
    configuration.client_session_kwargs = session
    try:
        api = ApiClient(configuration)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise SetupError(
            f"{configuration.host}: its certificate authority or our client certificate cannot be"
            f" read: {short(str(error))}"
        ) from error
    api.user_agent = user_agent()
    return api


async def _ask_version(api: ApiClient, headers: dict[str, str]) -> None:
    host = str(api.configuration.host).rstrip("/")
    limit = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        # through the library, because it makes its session at its first request
        answer = await api.rest_client.request(
            "GET", f"{host}/version", headers=headers, _request_timeout=limit
        )
        await answer.read()
    except TimeoutError as error:
        raise SetupError(f"{host}: no answer within {PATIENCE:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise SetupError(f"{host}: cannot be reached: {short(str(error))}") from error
    if answer.status == 401:
        raise SetupError(f"{host}: does not accept our credentials (401)")
    if answer.status >= 500:
        raise SetupError(f"{host}: answers with {answer.status}")
