"""What is found out before the controller begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gradatim.errors import SetupError
from gradatim.kube.client import Client
from gradatim.kube.retry import Retries
from gradatim.run.rights import check_rights
from gradatim.run.world import Scope, World


class Answers:
    """An API server that answers a list by its path."""

    def __init__(self, codes: Mapping[str, int]) -> None:
        self.codes = codes
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def send(self, method: str, path: str, *, query: Mapping[str, str], **_: Any) -> Any:
        self.asked.append((path, query))
        plural = path.rsplit("/", 1)[1]
        code = self.codes.get(plural, 200)
        if code == 0:
            raise ConnectionResetError("gone")
        return code, {}, {"code": code, "message": f"{plural}: {code}", "items": []}

    def stream(self, path: str, **_: Any) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        return


async def checked(codes: Mapping[str, int], scope: Scope | None = None) -> Answers:
    answers = Answers(codes)
    client = Client(answers, retries=Retries(attempts=1))
    await check_rights(client, (each for _, each in World().selections(scope or Scope())))
    return answers


async def test_each_kind_is_asked_for_one_object() -> None:
    answers = await checked({})
    assert {path.rsplit("/", 1)[1] for path, _ in answers.asked} == {
        "rollouts",
        "replicasets",
        "services",
        "analysisruns",
        "analysistemplates",
        "experiments",
        "clusteranalysistemplates",
    }
    assert all(query["limit"] == "1" for _, query in answers.asked)


async def test_who_looks_after_one_namespace_asks_in_it_and_for_nothing_else() -> None:
    answers = await checked({"clusteranalysistemplates": 403}, Scope(namespace="ours"))
    assert all("/namespaces/ours/" in path for path, _ in answers.asked)


async def test_missing_kinds_are_named_with_what_brings_them() -> None:
    with pytest.raises(SetupError) as caught:
        await checked({"rollouts": 404, "analysisruns": 404, "services": 403})
    said = str(caught.value)
    assert "does not serve rollouts.argoproj.io, analysisruns.argoproj.io" in said
    assert "gradatim crds | kubectl apply" in said


@pytest.mark.parametrize("code", [401, 403])
async def test_every_missing_right_is_named_at_once(code: int) -> None:
    with pytest.raises(SetupError) as caught:
        await checked({"services": code, "replicasets": code})
    said = str(caught.value)
    assert "no right to list replicasets.apps in all namespaces, services in all namespaces" in said


@pytest.mark.parametrize("code", [0, 500])
async def test_a_server_that_does_not_answer_ends_the_start(code: int) -> None:
    with pytest.raises(SetupError, match="rollouts"):
        await checked({"rollouts": code})
