"""A step plugin that starts a job in an invented system and waits for it: what the step contract is tried on."""

from typing import Any

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

GRADATIM_API = "1.1"


class System:
    """Jobs by name, and for how many looks more they go on."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.jobs: dict[str, int] = {}


class SampleJob(StepPlugin):
    key = "example.com/job"

    def __init__(self, system: System | None = None) -> None:
        self.system = system or System()

    def secrets(self, config: Json) -> tuple[SecretRef, ...]:
        return (SecretRef("jobs"),)

    async def run(self, call: StepCall) -> StepResult:
        if not self.system.answers:
            raise StepError("the system of jobs does not answer", outage=True)
        # by the attempt a job that was started and not noted is found again
        left = self.system.jobs.setdefault(call.attempt, 2)
        if call.executions < left:
            return StepResult(
                phase=StepPhase.RUNNING, status={"job": call.attempt}, requeue_after=10
            )
        return StepResult(phase=StepPhase.SUCCESSFUL, status=call.status)

    async def terminate(self, call: StepCall) -> StepResult:
        return await self.abort(call)

    async def abort(self, call: StepCall) -> StepResult:
        self.system.jobs.pop(call.attempt, None)
        return StepResult(phase=StepPhase.SUCCESSFUL)


@hookimpl
def gradatim_step_plugins() -> list[Any]:
    return [SampleJob]


@hookimpl
def gradatim_validate_step(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    if key != SampleJob.key:
        return None
    if not isinstance(config, dict) or not isinstance(config.get("image"), str):
        return [Problem(path / "image", "must be the name of an image")]
    return []
