"""Workloads that another issuer vouches for: its statement is read from a file, and exchanged."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from stockyard.errors import UpstreamError
from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.origin import Origin
from stockyard.upstream.tokens.google_federated import Described, GoogleFederated
from stockyard.upstream.tokens.token_client import TokenClient

JSON = {"content-type": "application/json"}
GRANTED = b'{"access_token": "tok-1", "expires_in": 3599}'
ACCOUNT = "/serviceAccounts/sy@p.iam.gserviceaccount.com:generateAccessToken"


@pytest.fixture
async def desk() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as desk:
        yield desk


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    file = tmp_path / "statement"
    file.write_text("jwt-1\n")
    return file


@pytest.fixture
def statement_in_json(tmp_path: Path) -> Path:
    file = tmp_path / "statement.json"
    file.write_text('{"id": "jwt-2"}')
    return file


def form_of(desk: ScriptedProvider) -> dict[str, str]:
    fields = parse_qs(desk.requests[0].body.decode())
    return {name: value for name, (value,) in fields.items()}


async def test_entra_takes_the_statement_in_place_of_a_secret(
    yard: Yard, desk: ScriptedProvider, statement: Path
) -> None:
    azure = yard.provider(
        "azure",
        auth="entra_federated",
        token_url=desk.url + "/token",
        api_key=str(statement),
        settings={"client_id": "app-1"},
    ).says("hello")
    desk.sends(200, JSON, GRANTED)
    assert (await yard.chat("hi", model="azure/d")).text == "hello"
    assert azure.last.headers["authorization"] == "Bearer tok-1"
    assert form_of(desk) == {
        "grant_type": "client_credentials",
        "client_id": "app-1",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "jwt-1",
        "scope": "https://cognitiveservices.azure.com/.default",
    }


def test_the_environment_of_a_pod_is_used_only_when_asked_for() -> None:
    environ = {
        "AZURE_OPENAI_ENDPOINT": "x.openai.azure.com",
        "AZURE_TENANT_ID": "t",
        "AZURE_FEDERATED_TOKEN_FILE": "/var/run/token",
    }
    assert held_from_environment(load(environ=environ), environ) == ()
    chosen = load({"azure": {"scheme": "entra_federated"}}, environ)
    (held,) = held_from_environment(chosen, environ)
    assert held.credential.scheme == "entra_federated"


def description(statement: Path, **more: Any) -> dict[str, Any]:
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/pools/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://evil.example/token",
        "credential_source": {"file": str(statement)},
        **more,
    }


async def test_google_exchanges_the_statement(
    yard: Yard, desk: ScriptedProvider, statement: Path
) -> None:
    vertex = yard.provider(
        "vertex",
        token_url=desk.url + "/sts",
        api_key=json.dumps(description(statement)),
        settings={"project": "p", "location": "global"},
    ).says("hello")
    desk.sends(200, JSON, GRANTED)
    await yard.chat("hi", model="vertex/gemini-2.5-flash")
    assert vertex.last.headers["authorization"] == "Bearer tok-1"
    assert form_of(desk) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": "//iam.googleapis.com/pools/p",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": "jwt-1",
    }


@pytest.fixture
async def federated(desk: ScriptedProvider) -> AsyncIterator[GoogleFederated]:
    client = Client(Guard(GuardSettings()))

    def origin(url: str) -> Origin:
        return client.origin(url, purpose="provider", operator=True, allow_private=True)

    def at(url: str) -> TokenClient:
        return TokenClient(client, origin, url)

    yield GoogleFederated(at(desk.url + "/sts"), desk.url + "/v1/{account}", at, "scope-1")
    await client.close()


def described(statement: Path, **more: Any) -> Described:
    fields = description(statement, **more)
    wanted = {name: fields[name] for name in Described.__struct_fields__ if name in fields}
    return Described(**wanted)


async def test_a_service_accounts_token_is_asked_for_where_the_row_says(
    desk: ScriptedProvider, federated: GoogleFederated, statement: Path
) -> None:
    desk.sends(200, JSON, GRANTED)
    desk.sends(200, JSON, b'{"accessToken": "tok-2", "expireTime": "2099-01-01T00:00:00Z"}')
    elsewhere = "https://evil.example/v1/projects/-" + ACCOUNT
    token = await federated.fetch(described(statement, service_account_impersonation_url=elsewhere))
    assert (token.secret.reveal(), token.seconds) == ("tok-2", 86400)
    assert desk.last.target == "/v1/sy@p.iam.gserviceaccount.com"
    assert desk.last.headers["authorization"] == "Bearer tok-1"
    assert desk.last.json == {"scope": ["scope-1"]}


async def test_a_statement_may_stand_in_a_json_file(
    desk: ScriptedProvider, federated: GoogleFederated, statement_in_json: Path
) -> None:
    desk.sends(200, JSON, GRANTED)
    form = {"type": "json", "subject_token_field_name": "id"}
    source = {"file": str(statement_in_json), "format": form}
    await federated.fetch(described(statement_in_json, credential_source=source))
    assert form_of(desk)["subject_token"] == "jwt-2"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"credential_source": {"url": "http://169.254.169.254/"}}, "in which file"),
        ({"credential_source": {"file": "/nowhere"}}, "cannot be read"),
        ({"service_account_impersonation_url": "https://x/../y"}, "no service account"),
    ],
)
async def test_settings_that_cannot_be_used_are_told(
    desk: ScriptedProvider,
    federated: GoogleFederated,
    statement: Path,
    more: dict[str, Any],
    said: str,
) -> None:
    desk.sends(200, JSON, GRANTED)
    with pytest.raises(UpstreamError, match=said) as raised:
        await federated.fetch(described(statement, **more))
    assert raised.value.kind == "auth"


async def test_a_json_file_without_the_statement_says_so(
    federated: GoogleFederated, statement: Path
) -> None:
    form = {"type": "json", "subject_token_field_name": "id"}
    source = {"file": str(statement), "format": form}
    with pytest.raises(UpstreamError, match="not there"):
        await federated.fetch(described(statement, credential_source=source))
