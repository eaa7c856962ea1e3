"""What the controller may and may not do, found out before it begins.

In: a client and the selections to follow. Out: nothing, or one `SetupError` that names every missing right and kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ..errors import SetupError
from ..kube.client import Client
from ..kube.errors import Forbidden, KubeError, NotFound, Unauthorized
from ..kube.resources import Selection


async def check_rights(client: Client, selections: Iterable[Selection]) -> None:
    """Ask for one object of each kind.

    Raises:
        SetupError: kinds are not served (no CRDs), or we may not list them.
    """
    wanted = list(selections)
    answers = await asyncio.gather(*(_ask(client, s) for s in wanted))
    missing = [s.resource for s, a in zip(wanted, answers, strict=True) if a == "missing"]
    refused = [str(s) for s, a in zip(wanted, answers, strict=True) if a == "refused"]
    if missing:
        kinds = ", ".join(str(resource) for resource in missing)
        raise SetupError(
            f"the cluster does not serve {kinds}: install the CRDs "
            "(gradatim crds | kubectl apply --server-side -f -)"
        )
    if refused:
        raise SetupError(
            f"no right to list {', '.join(refused)}: bind the roles of deploy/rbac.yaml "
            "to the controller's account"
        )


async def _ask(client: Client, selection: Selection) -> str:
    try:
        await client.fetch(selection.path, {**selection.query(), "limit": "1"})
    except (Forbidden, Unauthorized):
        return "refused"
    except NotFound:
        return "missing"
    except KubeError as error:
        raise SetupError(str(error)) from error
    return "fine"
