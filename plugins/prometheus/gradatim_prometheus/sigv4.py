"""Signatures for Amazon Managed Prometheus (AWS Signature Version 4), by botocore. An extra: `[sigv4]`.

In: `SigV4` settings and a request. Out: the headers that sign it. botocore finds credentials as every tool of AWS does,
and asks other services for them without asyncio, so all of it runs in a thread. Called by `session`.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

from gradatim.plugin import ProviderError

from .settings import SigV4

_SERVICE: Final = "aps"
_FIELD: Final = "authentication"
_SIGNED: Final = ("authorization", "x-amz-date", "x-amz-security-token")


class Signer:
    """Signs requests. One serves the whole controller; credentials are kept, and renewed when they end."""

    def __init__(self) -> None:
        self._known: dict[SigV4, tuple[Any, str]] = {}
        #: botocore's sessions are not to be used by several threads at once.
        self._turn = asyncio.Lock()

    async def headers(self, how: SigV4, method: str, url: str, content: bytes) -> dict[str, str]:
        """The headers that sign this request.

        Raises:
            ProviderError: there are no credentials, no region, or no botocore.
        """
        async with self._turn:
            return await asyncio.to_thread(self._sign, how, method, url, content)

    def _sign(self, how: SigV4, method: str, url: str, content: bytes) -> dict[str, str]:
        try:
            from botocore.auth import SigV4Auth
            from botocore.awsrequest import AWSRequest
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise ProviderError(
                "sigv4 needs botocore: pip install 'gradatim-prometheus[sigv4]'", field=_FIELD
            ) from None
        try:
            credentials, region = self._found(how)
            request = AWSRequest(method, url, data=content)
            SigV4Auth(credentials.get_frozen_credentials(), _SERVICE, region).add_auth(request)
        except (BotoCoreError, ClientError) as error:
            # The text of some quotes what a service answered, and that may be anything.
            raise ProviderError(
                f"sigv4: no credentials of AWS: {type(error).__name__}", field=_FIELD
            ) from None
        signed = {name.lower(): str(value) for name, value in request.headers.items()}
        return {name: signed[name] for name in _SIGNED if name in signed}

    def _found(self, how: SigV4) -> tuple[Any, str]:
        if how not in self._known:
            self._known[how] = _credentials(how)
        return self._known[how]


def _credentials(how: SigV4) -> tuple[Any, str]:
    """Credentials that renew themselves, and the region: as the block says, else as the environment does."""
    from botocore.session import Session

    session = Session(profile=how.profile or None)
    # AWS_REGION is what Kubernetes on AWS sets and its Go library reads; botocore knows the other one.
    region = (
        how.region or os.environ.get("AWS_REGION") or session.get_config_variable("region") or ""
    )
    if not region:
        raise ProviderError(
            "sigv4: no region, neither in the block nor in the environment (AWS_REGION)",
            field=_FIELD,
        )
    credentials = session.get_credentials()
    if credentials is None:
        raise ProviderError(
            "sigv4: no credentials of AWS where its tools look for them", field=_FIELD
        )
    return (_of_role(session, credentials, how.role_arn) if how.role_arn else credentials), region


def _of_role(session: Any, credentials: Any, role_arn: str) -> Any:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=session.create_client, source_credentials=credentials, role_arn=role_arn
    )
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
