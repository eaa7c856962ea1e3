"""What a Rollout says of a ReplicaSet that the API server would not create: quota, admission, a broken webhook.

In: the status before, what was said, and when. Out: the status with that in its condition Progressing. `apply`
writes it in the place of the status that was decided, which would speak of what is not there. §2.4.
"""

from __future__ import annotations

from datetime import datetime

from ..model.reading import Json
from ..model.status import Status
from .conditions import CREATE_ERROR_REASON, PROGRESSING, Conditions, conditions_json


def creation_refused(status: Status, message: str, now: datetime) -> Json:
    """The status of before with Progressing False; the same where it says so already.

    The generation is not noted as seen: who waits for the release goes on waiting.
    """
    conditions = Conditions(status.conditions, now)
    if not conditions.set(PROGRESSING, "False", CREATE_ERROR_REASON, message):
        return status.raw
    return {**status.raw, "conditions": conditions_json(conditions.all())}
