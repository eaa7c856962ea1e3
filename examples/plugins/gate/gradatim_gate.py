"""A canary step that waits until somebody approves over HTTP.

`PUT url` tells the approver which release stands at the gate, and its answer how that stands: 200 approved, 403
refused, 202, 204 and 404 not yet. `DELETE url` withdraws the request. Both may come again: `Idempotency-Key` says for
what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradatim.plugin import (
    FieldPath,
    Json,
    Problem,
    SecretRef,
    StepCall,
    StepError,
    StepPhase,
    StepPlugin,
    StepResult,
    hookimpl,
)
from gradatim.plugin.fields import block, missing, text, url
from gradatim.plugin.texts import excerpt

if TYPE_CHECKING:
    import httpx

GRADATIM_API = "1.1"

WAITING = (202, 204, 404)


class Gate(StepPlugin):
    """Serves `plugin: {name: example.com/gate, config: {url: …, secret: …}}`."""

    key = "example.com/gate"

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def run(self, call: StepCall) -> StepResult:
        """Ask how the request stands; the first time that opens it."""
        answer = await self._send("PUT", call)
        said = excerpt(answer.text, self._secrets(call))
        if answer.status_code == 200:
            return StepResult(phase=StepPhase.SUCCESSFUL, message=said or "approved")
        if answer.status_code == 403:
            return StepResult(phase=StepPhase.FAILED, message=said or "refused")
        if answer.status_code in WAITING:
            return StepResult(
                phase=StepPhase.RUNNING, message="waits for approval", requeue_after=10
            )
        outage = answer.status_code == 429 or answer.status_code >= 500
        raise StepError(f"the approver answered {answer.status_code}: {said}", outage=outage)

    async def terminate(self, call: StepCall) -> StepResult:
        """Nobody waits for the approval any more."""
        return await self.abort(call)

    async def abort(self, call: StepCall) -> StepResult:
        """Withdraw the request. One that was never made, or is gone, is withdrawn as well."""
        answer = await self._send("DELETE", call)
        if answer.is_success or answer.status_code in (404, 410):
            return StepResult(phase=StepPhase.SUCCESSFUL, message="withdrawn")
        return StepResult(
            phase=StepPhase.FAILED, message=f"the approver answered {answer.status_code}"
        )

    def secrets(self, config: Json) -> tuple[SecretRef, ...]:
        """The Secret with the approver's token, beside the Rollout."""
        name = config.get("secret")
        return (SecretRef(name, in_run_namespace=True),) if isinstance(name, str) and name else ()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _send(self, method: str, call: StepCall) -> httpx.Response:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(transport=self._transport, timeout=10)
        headers = {"Idempotency-Key": call.attempt}
        for token in self._secrets(call):
            headers["Authorization"] = f"Bearer {token}"
        body = {
            "namespace": call.namespace,
            "rollout": call.rollout,
            "step": call.index,
            "podHash": call.pod_hash,
        }
        try:
            return await self._client.request(
                method, call.config["url"], json=body, headers=headers
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise StepError(f"the approver does not answer ({kind})", outage=True) from error

    def _secrets(self, call: StepCall) -> list[str]:
        found = [(secret or {}).get("token") for secret in call.secrets.values()]
        return [token for token in found if token]


@hookimpl
def gradatim_step_plugins() -> list[type[StepPlugin]]:
    """Found by its name."""
    return [Gate]


@hookimpl
def gradatim_validate_step(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """`url` is needed, `secret` is not, and there is nothing else."""
    if key != Gate.key:
        return None
    found = list(block(config, path, {"url": url, "secret": text}))
    return found or list(missing(config, path, iter(["url"])))
