"""Where the keys for Datadog come from. This chain is the story that Gradatim was started for.

In: the Secret that a block names, and a `Query` with the Secrets and the environment. Out: `Credentials`, or an
`ProviderError` that says which Secret, in which namespace, lacks which key. Pure. Called by the provider.

Argo Rollouts 1.8.0 demanded the optional key `address` of every Secret, said only that it found no credentials, and
healthy releases were aborted (its issue 4103). So the address is optional here, always, and whatever is missing is
named; what a Secret holds is never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from gradatim.plugin import ProviderError, Query, SecretRef
from gradatim.plugin.http import Endpoint

from .settings import DEFAULT_SECRET

DEFAULT_ADDRESS: Final = "https://api.datadoghq.com"
API_KEY, APP_KEY, ADDRESS = "DD_API_KEY", "DD_APP_KEY", "DD_ADDRESS"
VARIABLES: Final = (API_KEY, APP_KEY, ADDRESS)

_ENVIRONMENT: Final = "the controller's environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Keys, and the site that they are for.

    Attributes:
        api_key: for the header DD-API-KEY.
        app_key: for the header DD-APPLICATION-KEY.
        address: URL without a trailing slash.
        source: where the keys come from, in words.
        site: where the address comes from, in words; never the content of a Secret.
    """

    api_key: str = field(repr=False)
    app_key: str = field(repr=False)
    address: str = field(default=DEFAULT_ADDRESS, repr=False)
    source: str
    site: str = DEFAULT_ADDRESS

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no message may repeat."""
        hidden = () if self.address == DEFAULT_ADDRESS else (self.address,)
        return (self.api_key, self.app_key, *hidden)

    def endpoint(self, question: str = "") -> Endpoint:
        """Whom messages speak of; `question` is the field that holds the query."""
        return Endpoint(
            name=f"Datadog at {self.site}",
            secrets=self.secrets,
            query_field=question,
            login_field="secretRef",
            login=f"the keys of {self.source}",
            login_hint="are they for this site, and may the application key query metrics?",
        )


def credentials(secret: SecretRef | None, query: Query) -> Credentials:
    """The keys to use: of the Secret that the block names and no other; where it names none, of the
    environment, else of the Secret `datadog` in the controller's namespace.

    Raises:
        ProviderError: there are none, with everything that was looked for.
    """
    if secret is not None:
        return _of_secret(secret, query, at_fault="secretRef")
    held = query.environment
    if all(name in held for name in VARIABLES) and held[API_KEY].strip() and held[APP_KEY].strip():
        return _made(
            held[API_KEY],
            held[APP_KEY],
            held[ADDRESS],
            (_ENVIRONMENT, f"{ADDRESS} of {_ENVIRONMENT}"),
        )
    try:
        return _of_secret(DEFAULT_SECRET, query, at_fault="")
    except ProviderError as error:
        raise ProviderError(f"{error}; {_environment_report(held)}") from error


def _of_secret(ref: SecretRef, query: Query, *, at_fault: str) -> Credentials:
    where = _described(ref, query)
    data = query.secrets.get(ref)
    if data is None:
        raise ProviderError(f"there is no {where}", field=at_fault)
    missing = [f'"{key}"' for key in ("api-key", "app-key") if key not in data]
    empty = [f'"{key}"' for key in ("api-key", "app-key") if key in data and not data[key].strip()]
    faults = []
    if missing:
        faults.append(f"lacks the key{'s' * (len(missing) > 1)} {' and '.join(missing)}")
    if empty:
        faults.append(f"holds nothing under {' and '.join(empty)}")
    if faults:
        raise ProviderError(f"{where} {' and '.join(faults)}", field=at_fault)
    return _made(
        data["api-key"],
        data["app-key"],
        data.get("address", ""),
        (where, f"the address in {where}"),
    )


def _made(api_key: str, app_key: str, address: str, told: tuple[str, str]) -> Credentials:
    source, site = told
    api_key, app_key, address = api_key.strip(), app_key.strip(), address.strip().rstrip("/")
    for name, value in (("API key", api_key), ("application key", app_key)):
        if not value.isascii() or not value.isprintable():
            raise ProviderError(
                f"the {name} in {source} has characters that no HTTP header can carry"
            )
    if not address:
        return Credentials(api_key=api_key, app_key=app_key, source=source)
    if not _is_url(address):
        raise ProviderError(
            f"{site} must be a URL with http:// or https:// and a host and without a query, or empty"
        )
    return Credentials(api_key=api_key, app_key=app_key, address=address, source=source, site=site)


def _is_url(address: str) -> bool:
    if not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and not parts.query and not parts.fragment
    return plain and bool(parts.hostname) and port != 0


def _described(ref: SecretRef, query: Query) -> str:
    namespace = query.secret_namespaces.get(ref)
    if namespace:
        return f'Secret "{ref.name}" in namespace "{namespace}"'
    whose = "the run's" if ref.in_run_namespace else "the controller's"
    return f'Secret "{ref.name}" in {whose} namespace'


def _environment_report(environment: Mapping[str, str]) -> str:
    """All three must be set, though the address may be empty: so it is in every version of the reference."""
    there = [name for name in VARIABLES if name in environment]
    missing = [name for name in VARIABLES if name not in environment]
    if not there:
        return f"and {_ENVIRONMENT} has none of {', '.join(VARIABLES)}"
    if missing:
        return (
            f"{_ENVIRONMENT} has {' and '.join(there)}, and is used once {' and '.join(missing)} is set as well"
            f" ({ADDRESS} may be empty)"
        )
    empty = [name for name in (API_KEY, APP_KEY) if not environment[name].strip()]
    return f"and in {_ENVIRONMENT} {' and '.join(empty)} is empty"
