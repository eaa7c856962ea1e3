"""Where credentials come from, and how they stay valid while the process runs.

In: a kubeconfig's path and context, or a pod's service account. Out: a filled `kubernetes.aio` configuration,
and the header lines of each request. `login.py` makes them, `cluster.py` asks for the header lines.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config
from kubernetes.aio.config.exec_provider import ExecProvider
from kubernetes.aio.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger

from gradatim.errors import SetupError
from gradatim.kube.errors import short

log = logging.getLogger(__name__)

#: seconds after which a token file, and a certificate file, is read again, as client-go does
TOKEN_AGE = 60.0
CERTIFICATE_AGE = 300.0
#: an exec plugin is asked again this long before its token expires
EXPIRY_MARGIN = 60.0
#: and not more often than this, whatever it says and whoever is refused
SHORTEST_AGE = 10.0


#: What a kubeconfig may name of the machine that reads it.
_OF_OUR_MACHINE = (
    "exec",
    "auth-provider",
    "tokenFile",
    "client-certificate",
    "client-key",
    "certificate-authority",
)


class Source(Protocol):
    """A place that credentials are loaded from."""

    async def load(self, configuration: Configuration) -> float | None:
        """Fill in host, TLS and token: the seconds until it should be done again, None for never.

        Raises:
            SetupError: what is wrong with the place, in one line.
        """
        ...


class InCluster:
    """The service account of the pod that we run in. Its token is replaced under us every hour."""

    async def load(self, configuration: Configuration) -> float | None:
        """See `Source.load`."""
        try:
            load_incluster_config(configuration, try_refresh_token=False)
        except (ConfigException, OSError) as error:
            raise SetupError(f"service account of this pod: {short(str(error))}") from error
        return TOKEN_AGE


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A kubeconfig: `paths` as in $KUBECONFIG; `context` None for its current one."""

    paths: str
    context: str | None = None

    async def load(self, configuration: Configuration) -> float | None:
        """See `Source.load`. An exec plugin is run each time."""
        try:
            config = _read(self.paths)
            user = _user(config, self.context)
            age = await _run_plugin(user) if "exec" in user else _age(user)
            loader = KubeConfigLoader(
                config_dict=config, active_context=self.context, config_base_path=None
            )
            await loader.load_and_set(configuration)
        except ConfigException as error:
            raise SetupError(f"kubeconfig {self.paths}: {_harmless(error)}") from error
        except yaml.YAMLError as error:
            raise SetupError(f"kubeconfig {self.paths}: not valid YAML") from error
        except OSError as error:
            what = error.strerror or type(error).__name__
            raise SetupError(f"kubeconfig {self.paths}: {what}: {error.filename}") from error
        except _MALFORMED as error:
            kind = type(error).__name__
            raise SetupError(
                f"kubeconfig {self.paths}: is not a kubeconfig, or a part of it is malformed ({kind})"
            ) from error
        return age


@dataclass(frozen=True, slots=True)
class KubeconfigText:
    """A kubeconfig that somebody else has handed us, as in a Secret: its own certificates and tokens, and nothing else.

    A command to run, or a file of ours to read, would be a right that whoever wrote the text has not got.
    """

    text: str = field(repr=False)
    named: str

    async def load(self, configuration: Configuration) -> float | None:
        """See `Source.load`."""
        try:
            config = ConfigNode(self.named, yaml.safe_load(self.text))
            cluster, user = _cluster(config), _user(config, None)
            for key in _OF_OUR_MACHINE:
                if key in user or key in cluster:
                    raise SetupError(f"{self.named}: {key} is not taken from a Secret")
            loader = KubeConfigLoader(config_dict=config, config_base_path=None)
            await loader.load_and_set(configuration)
        except ConfigException as error:
            raise SetupError(f"{self.named}: {_harmless(error)}") from None
        except yaml.YAMLError:
            raise SetupError(f"{self.named}: not valid YAML") from None
        except _MALFORMED as error:
            kind = type(error).__name__
            raise SetupError(f"{self.named}: is not a kubeconfig, or malformed ({kind})") from None
        return None


class RenewedCredentials:
    """Gives the header lines of a request, and loads credentials anew when they are due or refused."""

    def __init__(self, api: ApiClient, source: Source, clock: Callable[[], float]) -> None:
        self._api = api
        self._source = source
        self._clock = clock
        self._lock = asyncio.Lock()
        self._loaded = clock()
        self._due: float | None = None

    def loaded(self, age: float | None) -> None:
        """Credentials have just been loaded, and are good for `age` seconds."""
        self._loaded = self._clock()
        self._due = None if age is None else self._loaded + max(age, SHORTEST_AGE)

    async def headers(self) -> dict[str, str]:
        """See `cluster.Credentials.headers`."""
        if self._is_due():
            async with self._lock:
                if self._is_due():
                    await self._load()
        return await self._current()

    async def renew(self, used: Mapping[str, str]) -> bool:
        """See `cluster.Credentials.renew`."""
        async with self._lock:
            # of many requests that were refused at once, the first one loads for all
            unchanged = await self._current() == used
            if unchanged and self._clock() - self._loaded >= SHORTEST_AGE:
                await self._load()
            return await self._current() != used

    def _is_due(self) -> bool:
        return self._due is not None and self._clock() >= self._due

    async def _current(self) -> dict[str, str]:
        headers = {"User-Agent": self._api.user_agent, "Accept": "application/json"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        return headers

    async def _load(self) -> None:
        configuration = self._api.configuration
        try:
            self.loaded(await self._source.load(configuration))
            if configuration.cert_file:
                # new connections use it; those that are open were accepted with the old one
                context = self._api.rest_client.ssl_context
                context.load_cert_chain(configuration.cert_file, configuration.key_file)
        except (SetupError, OSError) as error:
            # the old ones may still do, and the server says so if not
            log.warning("credentials could not be renewed: %s", type(error).__name__)
            self.loaded(SHORTEST_AGE)


_MALFORMED = (ValueError, TypeError, AttributeError, LookupError, aiohttp.ClientError)


def _read(paths: str) -> Any:
    for path in paths.split(":"):
        if path and Path(path).expanduser().is_dir():
            raise ConfigException("a directory, not a file")
    config = KubeConfigMerger(paths).config
    if config is None:
        raise ConfigException("no such file")
    return config


def _cluster(config: Any) -> Mapping[str, Any]:
    """The cluster entry of the current context."""
    chosen = config["contexts"].get_with_name(config["current-context"])["context"]
    found = config["clusters"].get_with_name(chosen["cluster"])["cluster"].value
    return found if isinstance(found, dict) else {}


def _user(config: Any, context: str | None) -> dict[str, Any]:
    """The user entry of the context: the very dict that the loader is going to read."""
    name = context or config["current-context"]
    chosen = config["contexts"].get_with_name(name)["context"]
    user = config["users"].get_with_name(chosen["user"])
    values = user.value if isinstance(user.value, dict) else user.value.value
    entry = values.setdefault("user", {})
    if not isinstance(entry, dict):
        raise ConfigException(f"Expected the user of context {name} to be a mapping")
    return entry


def _age(user: Mapping[str, Any]) -> float | None:
    if "tokenFile" in user or "auth-provider" in user:
        return TOKEN_AGE
    return CERTIFICATE_AGE if "client-certificate" in user else None


async def _run_plugin(user: dict[str, Any]) -> float | None:
    """Run the exec plugin and put what it gives into `user`: the seconds that this is good for.

    `KubeConfigLoader` would run it too, but only logs its failures and goes on as nobody.
    """
    status = await ExecProvider(_Safe(user["exec"])).run()
    if not isinstance(status, dict):
        raise ConfigException("exec: the plugin's status is not an object")
    if "token" in status:
        user["token"] = status["token"]
    elif "clientCertificateData" in status and "clientKeyData" in status:
        user["client-certificate-data"] = _encoded(status["clientCertificateData"])
        user["client-key-data"] = _encoded(status["clientKeyData"])
    else:
        raise ConfigException("exec: the plugin gave neither a token nor a certificate")
    del user["exec"]
    if "expirationTimestamp" not in status:
        return None
    expiry = datetime.fromisoformat(status["expirationTimestamp"])
    return (expiry - datetime.now(UTC)).total_seconds() - EXPIRY_MARGIN


class _Safe(dict[str, Any]):
    """The mapping that `ExecProvider` expects: a dict with `safe_get`."""

    def safe_get(self, key: str) -> Any:
        return self.get(key)


def _encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def _harmless(error: Exception) -> str:
    """What a ConfigException says, without the part that quotes the file: tokens stand in it."""
    said = str(error).removeprefix("Invalid kube-config file. ")
    return short(said if said.startswith("exec:") else said.split(" in ")[0])
