"""A workload takes a role with the statement of who it is."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from stockyard.errors import EgressDenied, UpstreamError
from stockyard.testing import ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.tokens import token_client
from tests.upstream.tokens.aws import WORKLOAD, keys_of, prover

KEYS = """<AssumeRoleWithWebIdentityResponse><Credentials>
<AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey>
<SessionToken>session</SessionToken><Expiration>{ends}</Expiration></Credentials></x>"""


@pytest.fixture
def workload(tmp_path: Path, aws: ScriptedProvider) -> dict[str, str]:
    token = tmp_path / "token"
    token.write_text("the-statement\n")
    return {
        **WORKLOAD,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ENDPOINT_URL_STS": aws.url,
    }


async def test_many_calls_take_a_role_once(
    client: Client, aws: ScriptedProvider, workload: dict[str, str]
) -> None:
    aws.sends(200, {}, KEYS.format(ends="2099-01-01T00:00:00Z").encode())
    signing = prover(client, workload, scheme="sigv4_web_identity")
    found = await asyncio.gather(*(keys_of(client, signing) for _ in range(20)))
    assert found == [["ASIA1", "hidden", "session"]] * 20
    assert len(aws.requests) == 1


async def test_a_role_is_taken_again_before_it_ends(
    client: Client, aws: ScriptedProvider, workload: dict[str, str], tmp_path: Path
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=900)
    aws.sends(200, {}, KEYS.format(ends=soon.isoformat()).encode())
    aws.sends(200, {}, KEYS.format(ends=soon.isoformat()).replace("ASIA1", "ASIA2").encode())
    signing = prover(client, workload, scheme="sigv4_web_identity")
    passed = 0.0
    signing._clock = lambda: passed
    assert (await keys_of(client, signing))[0] == "ASIA1"
    (tmp_path / "token").write_text("a-newer-statement")
    passed = 700.0
    assert (await keys_of(client, signing))[0] == "ASIA1", "the old one serves meanwhile"
    assert signing._fetching is not None
    await signing._fetching
    assert (await keys_of(client, signing))[0] == "ASIA2"
    assert b"WebIdentityToken=a-newer-statement" in aws.last.body


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            403,
            "<Error><Code>AccessDenied</Code><Message>m</Message></Error>",
            "auth",
            "403 (AccessDenied)",
        ),
        (
            400,
            "<Error><Code>InvalidIdentityToken</Code></Error>",
            "auth",
            "(InvalidIdentityToken)",
        ),
        (
            400,
            "<Error><Code>ExpiredTokenException</Code></Error>",
            "auth",
            "(ExpiredTokenException)",
        ),
        (400, "<Error><Code>Throttling</Code></Error>", "rate_limited", "(Throttling)"),
        (400, "<Error><Code>IDPCommunicationError</Code></Error>", "provider_fault", "400"),
        (400, "<Code>the-statement</Code>", "auth", "Credential: 400."),
        (403, "<html>", "auth", "Credential: 403."),
        (503, "", "overloaded", "503"),
        (500, "<Code>InternalFailure</Code>", "provider_fault", "500"),
        (200, "", "auth", "no keys"),
        (200, KEYS.format(ends="some day"), "auth", "without keys"),
        (
            200,
            KEYS.replace("hidden", "a&amp;b").format(ends="2099-01-01T00:00:00Z"),
            "auth",
            "no keys",
        ),
        (
            200,
            KEYS.replace("ASIA1", "AS IA").format(ends="2099-01-01T00:00:00Z"),
            "auth",
            "no keys",
        ),
        (200, "x" * 70_000, "bad_answer", "gave no token"),
        (302, "", "auth", "302"),
    ],
)
async def test_a_refusal_to_give_a_role_is_told_in_its_own_word_only(
    client: Client,
    aws: ScriptedProvider,
    workload: dict[str, str],
    status: int,
    body: str,
    kind: str,
    said: str,
) -> None:
    aws.sends(status, {"content-type": "text/xml"}, body.encode())
    with pytest.raises(UpstreamError) as raised:
        await keys_of(client, prover(client, workload, scheme="sigv4_web_identity"))
    assert (raised.value.kind, raised.value.nothing_sent) == (kind, True)
    assert said in raised.value.message
    assert "the-statement" not in raised.value.message


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://10.0.0.1",
        "https://10.0.0.1",
        "http://sts.example.com@127.0.0.1",
        "ftp://127.0.0.1",
    ],
)
async def test_a_closed_address_is_never_asked(
    client: Client, workload: dict[str, str], url: str
) -> None:
    with pytest.raises(EgressDenied):
        await keys_of(
            client,
            prover(client, {**workload, "AWS_ENDPOINT_URL_STS": url}, scheme="sigv4_web_identity"),
        )


async def test_a_service_that_cannot_be_reached_is_told(
    client: Client, workload: dict[str, str]
) -> None:
    nobody = {**workload, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
    with pytest.raises(UpstreamError, match="gave no token") as raised:
        await keys_of(client, prover(client, nobody, scheme="sigv4_web_identity"))
    assert raised.value.kind == "unreachable"


async def test_a_silent_service_is_not_waited_for_for_ever(
    client: Client,
    workload: dict[str, str],
    aws: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = msgspec.structs.replace(token_client.TIMERS, first_byte_seconds=0.05)
    monkeypatch.setattr(token_client, "TIMERS", short)
    aws.says_nothing()
    with pytest.raises(UpstreamError, match="gave no token") as raised:
        await keys_of(client, prover(client, workload, scheme="sigv4_web_identity"))
    assert raised.value.kind == "timeout"


async def test_without_a_statement_nothing_is_asked(client: Client) -> None:
    with pytest.raises(UpstreamError, match="names no file"):
        await keys_of(client, prover(client, {}, scheme="sigv4_web_identity"))
