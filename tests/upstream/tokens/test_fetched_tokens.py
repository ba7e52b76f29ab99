"""Calls to providers that want tokens: who is asked for one, what is said, what is sent on."""

import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stockyard.testing import ScriptedProvider
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
PLACE: Any = {"settings": {"project": "p", "location": "global"}}
GRANTED = b'{"access_token": "tok-1", "expires_in": 3599, "token_type": "Bearer"}'


@pytest.fixture
async def desk() -> AsyncIterator[ScriptedProvider]:
    """Who gives out tokens."""
    async with ScriptedProvider() as desk:
        yield desk


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def key_file(private_key: RSAPrivateKey, tmp_path: Path) -> Path:
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "key file.json"
    file.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "sy@p.iam.gserviceaccount.com",
                "private_key": pem.decode(),
                "private_key_id": "k-1",
                "token_uri": "https://evil.example/token",
            }
        )
    )
    return file


def form_of(request: ReceivedRequest) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def entra(yard: Yard, desk: ScriptedProvider) -> ScriptedProvider:
    return yard.provider(
        "azure",
        auth="entra",
        token_url=desk.url + "/t-1/oauth2/v2.0/token",
        settings={"client_id": "app-1"},
        api_key="s3cret",
    )


SCOPE = "https://cognitiveservices.azure.com/.default"


async def test_entra_takes_the_secret_and_the_provider_gets_the_token(
    yard: Yard, desk: ScriptedProvider
) -> None:
    azure = entra(yard, desk).says("hello")
    desk.sends(200, JSON, GRANTED)
    answer = await yard.chat("hi", model="azure/d")
    assert answer.text == "hello"
    assert azure.last.headers["authorization"] == "Bearer tok-1"
    assert "api-key" not in azure.last.headers
    assert desk.last.path == "/t-1/oauth2/v2.0/token"
    assert form_of(desk.last) == {
        "grant_type": "client_credentials",
        "client_id": "app-1",
        "client_secret": "s3cret",
        "scope": SCOPE,
    }
    for sent in (azure.last, desk.last):
        assert yard.key not in f"{sent.headers}{sent.body!r}"
    await yard.chat("hi", model="azure/d")
    await yard.stream("hi", model="azure/d")
    await yard.call("/azure/openai/v1/chat/completions", {"model": "d", "messages": []})
    assert len(azure.requests) == 4
    assert {r.headers["authorization"] for r in azure.requests} == {"Bearer tok-1"}
    assert len(desk.requests) == 1


async def test_a_service_account_signs_who_it_is(
    yard: Yard, desk: ScriptedProvider, key_file: Path, private_key: RSAPrivateKey
) -> None:
    vertex = yard.provider("vertex", **PLACE, token_url=desk.url + "/token", api_key=str(key_file))
    vertex.sends(200, JSON, b'{"candidates": [{"content": {"parts": [{"text": "hello"}]}}]}')
    desk.sends(200, JSON, GRANTED)
    assert (await yard.chat("hi", model="vertex/gemini-2.5-flash")).text == "hello"
    assert vertex.last.headers["authorization"] == "Bearer tok-1"
    assert vertex.last.path.endswith("/publishers/google/models/gemini-2.5-flash:generateContent")
    form = form_of(desk.last)
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = form["assertion"].split(".")
    said = json.loads(_decoded(claims))
    assert json.loads(_decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k-1"}
    assert (said["iss"], said["aud"]) == ("sy@p.iam.gserviceaccount.com", desk.url + "/token")
    assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    assert said["exp"] - said["iat"] == 3600
    signed = f"{head}.{claims}".encode()
    private_key.public_key().verify(_decoded(signature), signed, PKCS1v15(), SHA256())


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_a_person_who_signed_in_has_a_refresh_token(
    yard: Yard, desk: ScriptedProvider
) -> None:
    person = {"type": "authorized_user", "client_id": "i", "client_secret": "s"}
    key = json.dumps(person | {"refresh_token": "r"})
    vertex = yard.provider("vertex-anthropic", **PLACE, token_url=desk.url + "/token", api_key=key)
    vertex.says("hello")
    desk.sends(200, JSON, GRANTED)
    await yard.messages("hi", model="vertex-anthropic/claude-sonnet-4-5")
    assert vertex.last.headers["authorization"] == "Bearer tok-1"
    assert form_of(desk.last) == {
        "grant_type": "refresh_token",
        "client_id": "i",
        "client_secret": "s",
        "refresh_token": "r",
    }


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("/nowhere/key.json", "cannot be read"),
        ("{", "is not a JSON file"),
        ('{"a":' * 100_000, "is not a JSON file"),
        ("{}", "is not one of a service account"),
        ('{"type": "external_account"}', "in which file"),
        (
            '{"type": "service_account", "client_email": "a", "private_key": "b"}',
            "holds no private key",
        ),
    ],
)
async def test_a_key_file_that_cannot_be_used_says_so(
    yard: Yard, desk: ScriptedProvider, key: str, said: str
) -> None:
    vertex = yard.provider("vertex", **PLACE, token_url=desk.url + "/token", api_key=key)
    answer = await yard.chat("hi", model="vertex/gemini-2.5-flash")
    assert answer.status == 502
    assert answer.error is not None
    assert said in answer.error["message"]
    assert not desk.requests
    assert not vertex.requests


async def test_a_clients_id_and_secret_are_shown_as_the_rfc_has_it(
    yard: Yard, desk: ScriptedProvider
) -> None:
    databricks = yard.provider(
        "databricks", auth="client_credentials", settings={"client_id": "i"}, api_key="s"
    ).sends(200, JSON, GRANTED)
    databricks.says("hello")
    await yard.chat("hi", model="databricks-llama")
    asked, called = databricks.requests
    assert asked.path == "/oidc/v1/token"  # on the provider's own origin, wherever that is
    assert b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"i:s"
    assert form_of(asked) == {"grant_type": "client_credentials", "scope": "all-apis"}
    assert called.headers["authorization"] == "Bearer tok-1"


async def test_a_ready_made_key_is_shown_with_a_number(yard: Yard, desk: ScriptedProvider) -> None:
    yard.provider("gigachat", token_url=desk.url + "/oauth", api_key="aTpz").says("hello")
    desk.sends(200, JSON, b'{"access_token": "tok-1", "expires_at": 9999999999999}')
    assert (await yard.chat("hi", model="GigaChat-2")).text == "hello"
    assert desk.last.headers["authorization"] == "Basic aTpz"
    assert len(desk.last.headers["rquid"]) == 36
    assert form_of(desk.last)["scope"] == "GIGACHAT_API_PERS"


async def test_an_api_key_of_ibm_becomes_a_token(yard: Yard, desk: ScriptedProvider) -> None:
    watsonx = yard.provider("watsonx", token_url=desk.url + "/identity/token", api_key="k")
    watsonx.sends(200, JSON, b'{"choices": []}')
    desk.sends(200, JSON, GRANTED)
    body = {"model_id": "ibm/granite", "project_id": "p", "messages": []}
    await yard.call("/watsonx/ml/v1/text/chat", body)
    assert watsonx.last.target == "/ml/v1/text/chat?version=2024-02-15"
    assert watsonx.last.headers["authorization"] == "Bearer tok-1"
    assert watsonx.last.json == body
    assert form_of(desk.last)["apikey"] == "k"


async def test_a_github_token_becomes_one_for_copilot(yard: Yard, desk: ScriptedProvider) -> None:
    copilot = yard.provider("github-copilot", token_url=desk.url + "/v2/token", api_key="gho_1")
    copilot.says("hello")
    desk.sends(200, JSON, b'{"token": "tid=1;exp=2", "expires_at": 1}')
    await yard.chat("hi", model="github-copilot/gpt-4o")
    assert desk.last.headers["authorization"] == "token gho_1"
    assert copilot.last.headers["authorization"] == "Bearer tid=1;exp=2"
    assert copilot.last.headers["copilot-integration-id"] == "vscode-chat"


class TestRefusedTokens:
    async def test_a_token_that_the_provider_refuses_is_fetched_anew_once(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        azure = entra(yard, desk).fails(401)
        azure.says("hello")
        desk.sends(200, JSON, GRANTED).sends(200, JSON, GRANTED.replace(b"tok-1", b"tok-2"))
        assert (await yard.chat("hi", model="azure/d")).text == "hello"
        tokens = [request.headers["authorization"] for request in azure.requests]
        assert tokens == ["Bearer tok-1", "Bearer tok-2"]
        assert yard.last.attempts == ["azure 200"]

    async def test_a_token_that_is_always_refused_is_an_error_of_ours(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        azure = entra(yard, desk).fails(401)
        desk.sends(200, JSON, GRANTED)
        for _ in range(4):
            assert (await yard.chat("hi", model="azure/d")).status == 502
        assert len(desk.requests) == 2
        assert len(azure.requests) == 5

    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_refused_token_is_fetched_anew_on_unread_paths_too(
        self, yard: Yard, desk: ScriptedProvider, stream: bool
    ) -> None:
        azure = entra(yard, desk).sends(401, JSON, b'{"error": 1}').sends(200, JSON, b'{"ok": 1}')
        desk.sends(200, JSON, GRANTED)
        answer = await yard.call("/azure/openai/v1/evals", {"stream": stream})
        assert (answer.status, answer.body) == (200, b'{"ok": 1}')
        assert len(azure.requests) == 2

    async def test_the_refusal_is_not_read_to_its_end(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        azure = entra(yard, desk).sends(401, JSON, b"x" * 8_000_000).sends(200, JSON, b"{}")
        desk.sends(200, JSON, GRANTED)
        assert (await yard.call("/azure/openai/v1/evals", b"{}")).status == 200
        assert await azure.requests[0].closed_by_client()


class TestDesksThatFail:
    @pytest.mark.parametrize(
        ("status", "body", "shown", "said"),
        [
            (401, b'{"error": "invalid_client", "error_description": "s3cret"}', 502, "invalid_cl"),
            (400, b'{"error": "s3cret bad"}', 502, "400."),
            (403, b"<html>s3cret", 502, "403."),
            (429, b"", 429, "429."),
            (503, b"", 503, "503."),
            (500, b"", 502, "500."),
            (302, b"", 502, "302."),
            (200, b"{}", 502, "without a token"),
            (200, b'{"access_token": "a\\r\\nx: y"}', 502, "without a token"),
            (200, b'{"access_token": "s\xc3\xa4"}', 502, "without a token"),
            (200, b"[1]", 502, "without a token"),
            (200, b'{"access_token": "' + b"x" * 70_000 + b'"}', 502, "too large"),
        ],
    )
    async def test_the_caller_hears_what_was_wrong_and_no_secret(
        self,
        yard: Yard,
        desk: ScriptedProvider,
        status: int,
        body: bytes,
        shown: int,
        said: str,
    ) -> None:
        azure = entra(yard, desk)
        desk.sends(status, JSON, body)
        yard.disable("retrypilot")
        answer = await yard.chat("hi", model="azure/d")
        assert answer.status == shown
        assert answer.error is not None
        assert said in answer.error["message"]
        assert "s3cret" not in answer.body.decode()
        assert "127.0.0.1" not in answer.body.decode()
        assert not azure.requests

    async def test_a_desk_that_hangs_up_is_an_error(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        azure = entra(yard, desk)
        desk.sends_exactly(b"").closes()
        yard.disable("retrypilot")
        assert (await yard.chat("hi", model="azure/d")).status == 502
        assert not azure.requests

    async def test_a_desk_at_a_closed_address_is_not_asked(self, yard: Yard) -> None:
        azure = yard.provider("azure", auth="entra", token_url="http://169.254.169.254/token")
        answer = await yard.chat("hi", model="azure/d")
        assert answer.status == 502
        assert answer.headers["x-should-retry"] == "false"
        assert "169.254" not in answer.body.decode()
        assert not azure.requests


async def test_tokens_are_secrets_of_ours(yard: Yard, desk: ScriptedProvider) -> None:
    entra(yard, desk).says("hello")
    desk.sends(200, JSON, GRANTED)
    await yard.chat("hi", model="azure/d")
    assert {"tok-1", "s3cret"} <= {*yard.stockyard._secrets()}
