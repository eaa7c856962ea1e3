"""Signatures for Amazon Managed Prometheus, checked against AWS's documented way to make them."""

from __future__ import annotations

import hashlib
import hmac
import sys
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from gradatim.plugin import ProviderError
from gradatim.testing import a_query
from gradatim_prometheus import PrometheusProvider
from gradatim_prometheus.sigv4 import Signer

pytest.importorskip("botocore", reason="the extra gradatim-prometheus[sigv4] is not installed")

WORKSPACE = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1"
ONE = {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}
SECRET = "s3cr3t-access-key"


@pytest.fixture(autouse=True)
def aws(monkeypatch, tmp_path) -> None:
    """An environment with keys, and without the files of whoever runs the tests."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def signature(request: httpx.Request, secret: str) -> str:
    """The signature that AWS computes for a request (docs: Create a signed AWS API request)."""
    fields = request.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    told = dict(field.split("=", 1) for field in fields)
    scope = told["Credential"].partition("/")[2]
    names = told["SignedHeaders"].split(";")
    parts = urlsplit(str(request.url))
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    hashed = hashlib.sha256(request.content).hexdigest()
    path = quote(parts.path, safe="/-_.~")
    canonical = [request.method, path, parts.query, headers, ";".join(names), hashed]
    whole = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{whole}"
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    assert hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest() == told["Signature"]
    return scope


async def asked(sigv4: dict[str, str], *answers: httpx.Response, **config: Any) -> list[Any]:
    seen: list[httpx.Request] = []
    script = list(answers) or [httpx.Response(200, json=ONE)]

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return script.pop(0) if len(script) > 1 else script[0]

    provider = PrometheusProvider(httpx.MockTransport(answer))
    block = {"address": WORKSPACE, "query": "up", "authentication": {"sigv4": sigv4}, **config}
    try:
        await provider.measure(a_query(block))
    finally:
        await provider.aclose()
    return seen


async def test_a_query_to_amazon_is_signed_for_its_region() -> None:
    (request,) = await asked({"region": "eu-west-1"})
    date = request.headers["x-amz-date"][:8]
    assert signature(request, SECRET) == f"{date}/eu-west-1/aps/aws4_request"


async def test_a_session_of_the_environment_is_shown_with_its_token(monkeypatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token")
    (request,) = await asked({"region": "us-east-2"})
    assert "us-east-2" in signature(request, SECRET)
    assert request.headers["x-amz-security-token"] == "session-token"


async def test_the_region_may_come_from_the_environment_and_the_keys_from_a_profile(
    monkeypatch, tmp_path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    keys = "[shop]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = of-the-profile\n"
    (tmp_path / "credentials").write_text(keys)
    (request,) = await asked({"profile": "shop"})
    assert "ap-south-1" in signature(request, "of-the-profile")


async def test_each_request_of_a_measurement_has_a_signature_of_its_own() -> None:
    moved = httpx.Response(307, headers={"location": f"{WORKSPACE}/moved"})
    no_post = httpx.Response(405)
    good = httpx.Response(200, json=ONE)
    seen = await asked({"region": "eu-west-1"}, moved, no_post, good)
    assert [one.method for one in seen] == ["POST", "POST", "GET"]
    for request in seen:
        signature(request, SECRET)


async def test_elsewhere_nothing_is_signed() -> None:
    (request,) = await asked({"region": "eu-west-1"}, address="http://prometheus:9090")
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    ("sigv4", "without", "message"),
    [
        pytest.param(
            {"profile": "default"},
            (),
            "no credentials of AWS: ProfileNotFound",
            id="no such profile",
        ),
        pytest.param(
            {"region": "eu-west-1"},
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
            "no credentials of AWS where its tools look",
            id="no keys",
        ),
        pytest.param({"roleArn": "arn:aws:iam::1:role/x"}, (), "no region", id="no region"),
    ],
)
async def test_what_is_missing_is_said(
    monkeypatch, sigv4: dict[str, str], without: tuple[str, ...], message: str
) -> None:
    for name in without:
        monkeypatch.delenv(name)
    with pytest.raises(ProviderError, match=message) as caught:
        await asked(sigv4)
    assert caught.value.field == "authentication"
    assert SECRET not in str(caught.value)


async def test_a_role_is_assumed_with_the_keys_that_there_are(monkeypatch) -> None:
    assumed: list[dict[str, Any]] = []

    class Sts:
        def assume_role(self, **wanted: Any) -> dict[str, Any]:
            assumed.append(wanted)
            return {
                "Credentials": {
                    "AccessKeyId": "AKIDROLE",
                    "SecretAccessKey": "of-the-role",
                    "SessionToken": "role-token",
                    "Expiration": "2126-01-01T00:00:00Z",
                }
            }

    monkeypatch.setattr(
        "botocore.session.Session.create_client", lambda self, service, **more: Sts()
    )
    (request,) = await asked({"region": "eu-west-1", "roleArn": "arn:aws:iam::1:role/x"})
    signature(request, "of-the-role")
    assert request.headers["x-amz-security-token"] == "role-token"
    assert assumed[0]["RoleArn"] == "arn:aws:iam::1:role/x"


async def test_a_server_that_shows_the_request_gives_no_token_away(monkeypatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token")
    seen: list[str] = []

    def careless(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(502, text=f"{request.headers['x-amz-security-token']} {seen[-1]}")

    provider = PrometheusProvider(httpx.MockTransport(careless))
    block = {"address": WORKSPACE, "query": "up", "authentication": {"sigv4": {"region": "x"}}}
    with pytest.raises(ProviderError) as caught:
        await provider.measure(a_query(block))
    await provider.aclose()
    assert "session-token" not in str(caught.value)
    assert seen[0].rpartition("Signature=")[2] not in str(caught.value)


async def test_without_botocore_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.auth", None)
    from gradatim_prometheus.settings import SigV4

    with pytest.raises(ProviderError, match="needs botocore: pip install"):
        await Signer().headers(SigV4("x"), "POST", WORKSPACE, b"")
