"""What is read of Secrets."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gradatim.kube.client import Client
from gradatim.kube.errors import Forbidden
from gradatim.run.secrets import Secrets, texts_of
from gradatim.sim import Sim, run_virtual


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        pytest.param({"key": encoded(b"value")}, {"key": "value"}, id="a text"),
        pytest.param({"key": ""}, {"key": ""}, id="an empty one"),
        pytest.param({"key": encoded(b"\xff\xfe"), "b": encoded(b"x")}, {"b": "x"}, id="no text"),
        pytest.param({"key": "not base64!"}, {}, id="no base64"),
        pytest.param({"key": None, "other": 3}, {}, id="no strings"),
        pytest.param(None, {}, id="nothing"),
        pytest.param([1, 2], {}, id="no object"),
    ],
)
def test_texts_are_decoded_and_what_is_none_is_left_out(data: Any, texts: dict[str, str]) -> None:
    assert texts_of(data) == texts


def test_a_secret_is_read_when_it_is_asked_for() -> None:
    async def whole() -> None:
        async with Sim() as sim:
            data = {"token": encoded(b"s3cret")}
            metadata = {"name": "keys"}
            sim.create_object(
                {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
            )
            read = Secrets(Client(sim.transport()))
            assert await read("default", "keys") == {"token": "s3cret"}
            assert await read("default", "others") is None

    run_virtual(whole())


def test_a_refusal_is_no_absence() -> None:
    class Refusing:
        async def get(self, _address: Any) -> Any:
            raise Forbidden("get secrets default/keys: forbidden", status=403)

    async def whole() -> None:
        with pytest.raises(Forbidden):
            await Secrets(Refusing())("default", "keys")  # type: ignore[arg-type]

    run_virtual(whole())
