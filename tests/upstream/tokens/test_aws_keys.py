"""Keys for AWS: where they come from, how long they are kept, and how a call shows them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stockyard.core.target import Secret
from stockyard.errors import EgressDenied, UpstreamError
from stockyard.testing import ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.outgoing import Outgoing, request_head
from stockyard.upstream.tokens.aws_decided import by_profile
from stockyard.upstream.tokens.aws_given import AwsGiven
from stockyard.upstream.tokens.aws_keys import AwsKeys
from stockyard.upstream.tokens.token_prover import TokenProver
from tests.upstream.tokens.aws import prover

JSON = {"content-type": "application/json"}
ISSUED = {
    "AccessKeyId": "ASIA1",
    "SecretAccessKey": "hidden",
    "Token": "session-1",
    "Expiration": "2099-01-01T00:00:00Z",
}
PROFILES = """
[default]
aws_access_key_id = AKIA1
aws_secret_access_key = hidden%/+=

[work]
aws_access_key_id=ASIA2
aws_secret_access_key=other
aws_session_token=session-2

[half]
aws_access_key_id = AKIA3
"""


@pytest.fixture
async def machine() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as machine:
        yield machine


@pytest.fixture
def file(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "credentials"
    path.write_text(PROFILES)
    return {"AWS_SHARED_CREDENTIALS_FILE": str(path)}


async def proved(client: Client, signing: TokenProver) -> str:
    """The head of a call with its proof."""
    origin = client.origin("https://bedrock.example", purpose="provider", operator=True)
    head = request_head(b"POST", b"/model/m/converse", origin.host, (), 2)
    outgoing = await signing.proved(Outgoing(origin=origin, head=head, body=b"{}"))
    return outgoing.head.decode()


async def test_keys_are_taken_from_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": " AKIA1 ", "AWS_SESSION_TOKEN": "session"}
    keys = await AwsGiven(Secret("hidden"), environ).fetch()
    assert (keys.id, keys.secret.reveal(), keys.session) == ("AKIA1", "hidden", "session")


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("AKIA1:a/b+c=", ("AKIA1", "a/b+c=", "")),
        ("ASIA1:a:session", ("ASIA1", "a", "session")),
    ],
)
async def test_keys_are_taken_from_the_settings(
    secret: str, expected: tuple[str, str, str]
) -> None:
    keys = await AwsGiven(Secret(secret), {}).fetch()
    assert (keys.id, keys.secret.reveal(), keys.session) == expected


@pytest.mark.parametrize("environ", [{}, {"AWS_ACCESS_KEY_ID": "with\nnewline"}])
async def test_without_an_id_that_can_be_sent_there_are_no_keys(environ: dict[str, str]) -> None:
    with pytest.raises(UpstreamError) as raised:
        await AwsGiven(Secret("hidden"), environ).fetch()
    assert (raised.value.kind, raised.value.nothing_sent) == ("auth", True)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("profile", "environ", "expected"),
    [
        ("", {}, ("AKIA1", "hidden%/+=", "")),
        ("work", {}, ("ASIA2", "other", "session-2")),
        ("", {"AWS_PROFILE": "work"}, ("ASIA2", "other", "session-2")),
        ("default", {"AWS_PROFILE": "work"}, ("AKIA1", "hidden%/+=", "")),
    ],
)
def test_a_file_has_keys_by_profile(
    file: dict[str, str],
    profile: str,
    environ: dict[str, str],
    expected: tuple[str, str, str],
) -> None:
    keys = by_profile(file | environ, profile)
    assert isinstance(keys, AwsKeys)
    assert (keys.id, keys.secret.reveal(), keys.session) == expected


@pytest.mark.parametrize("profile", ["half", "nobody"])
def test_a_profile_without_keys_is_told(file: dict[str, str], profile: str) -> None:
    with pytest.raises(UpstreamError, match=profile) as raised:
        by_profile(file, profile)
    assert raised.value.kind == "auth"


@pytest.mark.parametrize("content", [b"no section", b"\xff\xfe", b"[a]\n[a\n"])
@pytest.mark.parametrize("variable", ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, variable: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(UpstreamError, match="file of AWS keys"):
        by_profile({variable: str(path)}, "")


async def test_a_container_is_asked_where_the_environment_says_with_its_token(
    client: Client, machine: ScriptedProvider, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("Basic abc\n")
    machine.sends(200, JSON, json.dumps(ISSUED).encode())
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/v1/credentials?x=1",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
    }
    head = await proved(client, prover(client, environ, scheme="sigv4_container"))

    assert machine.last.target == "/v1/credentials?x=1"
    assert machine.last.headers["authorization"] == "Basic abc"
    assert "Credential=ASIA1/" in head
    assert "/eu-west-1/bedrock/aws4_request" in head
    assert "\r\nx-amz-security-token: session-1\r\n" in head
    assert "hidden" not in head


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.253/"])
async def test_a_container_is_never_looked_for_elsewhere(client: Client, url: str) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
    with pytest.raises(EgressDenied):
        await proved(client, prover(client, environ, scheme="sigv4_container"))


async def test_a_container_without_an_address_has_no_keys(client: Client) -> None:
    with pytest.raises(UpstreamError, match="names no address"):
        await proved(client, prover(client, {}, scheme="sigv4_container"))


async def test_an_instance_gives_its_role_within_a_session(
    client: Client, machine: ScriptedProvider
) -> None:
    machine.sends(200, {}, b"session-token").sends(200, {}, b"my role\n")
    machine.sends(200, JSON, json.dumps(ISSUED).encode())
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
    head = await proved(client, prover(client, environ, scheme="sigv4_instance"))

    first, second, third = machine.requests
    assert (first.method, first.target) == ("PUT", "/latest/api/token")
    assert first.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
    assert second.target == "/latest/meta-data/iam/security-credentials/"
    assert third.target == "/latest/meta-data/iam/security-credentials/my%20role"
    assert third.headers["x-aws-ec2-metadata-token"] == "session-token"
    assert "Credential=ASIA1/" in head


async def test_an_instance_without_a_role_is_told(
    client: Client, machine: ScriptedProvider
) -> None:
    machine.sends(200, {}, b"session-token").sends(404, {}, b"")
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
    with pytest.raises(UpstreamError) as raised:
        await proved(client, prover(client, environ, scheme="sigv4_instance"))
    assert (raised.value.kind, raised.value.nothing_sent) == ("auth", True)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"Code":"Failed"}', b'{"AccessKeyId":"a","Expiration":"soon"}']
)
async def test_an_answer_of_an_instance_without_keys_is_refused(
    client: Client, machine: ScriptedProvider, body: bytes
) -> None:
    machine.sends(200, {}, b"s").sends(200, {}, b"role").sends(200, JSON, body)
    environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
    with pytest.raises(UpstreamError) as raised:
        await proved(client, prover(client, environ, scheme="sigv4_instance"))
    assert raised.value.kind == "auth"


async def test_keys_are_fetched_once_and_again_when_refused(
    client: Client, machine: ScriptedProvider
) -> None:
    for number in (1, 2):
        issued = {**ISSUED, "AccessKeyId": f"ASIA{number}"}
        machine.sends(200, JSON, json.dumps(issued).encode())
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/"}
    signing = prover(client, environ, scheme="sigv4_container")
    origin = client.origin("https://bedrock.example", purpose="provider", operator=True)
    head = request_head(b"POST", b"/model/m/converse", origin.host, (), 0)
    call = Outgoing(origin=origin, head=head)

    first = await signing.proved(call)
    assert (await signing.proved(call)).head.count(b"ASIA1") == 1
    assert len(machine.requests) == 1
    assert not signing.refused(first, 403, "AccessDeniedException")
    assert not signing.refused(first, 400, "ExpiredTokenException")
    assert signing.refused(first, 403, "ExpiredTokenException")
    assert b"Credential=ASIA2/" in (await signing.proved(call)).head
    assert {*signing.secrets()} == {"hidden", "session-1"}


async def test_keys_end_when_they_say(client: Client, machine: ScriptedProvider) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=900)
    issued = {**ISSUED, "Expiration": soon.isoformat()}
    machine.sends(200, JSON, json.dumps(issued).encode())
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/"}
    signing = prover(client, environ, scheme="sigv4_container")
    await proved(client, signing)
    token = signing._token
    assert isinstance(token, AwsKeys)
    assert 880 < token.seconds <= 900
