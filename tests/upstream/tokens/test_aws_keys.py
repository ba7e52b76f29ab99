"""Keys for AWS: where they come from, how long they are kept, and how a call shows them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stockyard.core.target import Credential, Secret
from stockyard.errors import EgressDenied, UpstreamError
from stockyard.providers.catalog import load
from stockyard.providers.credentials import held_from_environment
from stockyard.providers.provider import Provider
from stockyard.testing import ScriptedProvider
from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, request_head
from stockyard.upstream.tokens.aws_decided import by_profile
from stockyard.upstream.tokens.aws_file import held_by_file
from stockyard.upstream.tokens.aws_given import AwsGiven
from stockyard.upstream.tokens.aws_keys import AwsKeys
from stockyard.upstream.tokens.kept import KeptToken
from stockyard.upstream.tokens.sources import Tokens

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
REGION = {"AWS_REGION": "eu-west-1"}


@pytest.fixture
async def machine() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as machine:
        yield machine


@pytest.fixture
def file(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "credentials"
    path.write_text(PROFILES)
    return {"AWS_SHARED_CREDENTIALS_FILE": str(path)}


def kept(client: Client, scheme: str, environ: dict[str, str], secret: str = "") -> KeptToken:
    """Who proves calls to Bedrock under this scheme."""
    catalog = load({"bedrock": {"values": {"region": "eu-west-1"}}}, {})
    provider = catalog.get("bedrock")
    assert provider is not None

    def origin(_: Provider, url: str) -> Origin:
        return client.origin(url, purpose="provider", operator=True)

    tokens = Tokens(client, origin, environ)
    credential = Credential("c", "bedrock", Secret(secret), scheme=scheme)
    prover = tokens.prover(provider, scheme, credential)
    assert isinstance(prover, KeptToken)
    return prover


async def proved(client: Client, prover: KeptToken) -> str:
    """The head of a call with its proof."""
    origin = client.origin("https://bedrock.example", purpose="provider", operator=True)
    head = request_head(b"POST", b"/model/m/converse", origin.host, (), 2)
    outgoing = await prover.proved(Outgoing(origin=origin, head=head, body=b"{}"))
    return outgoing.head.decode()


class TestGiven:
    async def test_in_the_environment(self) -> None:
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
    async def test_in_the_settings(self, secret: str, expected: tuple[str, str, str]) -> None:
        keys = await AwsGiven(Secret(secret), {}).fetch()
        assert (keys.id, keys.secret.reveal(), keys.session) == expected

    @pytest.mark.parametrize("environ", [{}, {"AWS_ACCESS_KEY_ID": "with\nnewline"}])
    async def test_without_an_id_that_can_be_sent_there_are_none(
        self, environ: dict[str, str]
    ) -> None:
        with pytest.raises(UpstreamError) as raised:
            await AwsGiven(Secret("hidden"), environ).fetch()
        assert (raised.value.kind, raised.value.nothing_sent) == ("auth", True)
        assert "hidden" not in str(raised.value)

    def test_the_environment_gives_a_credential_that_signs(self) -> None:
        environ = {**REGION, "AWS_SECRET_ACCESS_KEY": "hidden", "AWS_ACCESS_KEY_ID": "AKIA1"}
        held = held_from_environment(load({}, environ), environ)
        schemes = {one.credential.provider: one.credential.scheme for one in held}
        assert schemes["bedrock"] == "sigv4:bedrock"
        assert schemes["bedrock-mantle"] == "sigv4:bedrock-mantle"

    def test_a_bearer_token_goes_before_keys(self) -> None:
        environ = {**REGION, "AWS_SECRET_ACCESS_KEY": "a", "AWS_BEARER_TOKEN_BEDROCK": "token"}
        held = held_from_environment(load({}, environ), environ)
        (found,) = (one.credential for one in held if one.credential.provider == "bedrock")
        assert (found.id, found.scheme) == ("env:AWS_BEARER_TOKEN_BEDROCK", "")


class TestFile:
    @pytest.mark.parametrize(
        ("profile", "environ", "expected"),
        [
            ("", {}, ("AKIA1", "hidden%/+=", "")),
            ("work", {}, ("ASIA2", "other", "session-2")),
            ("", {"AWS_PROFILE": "work"}, ("ASIA2", "other", "session-2")),
            ("default", {"AWS_PROFILE": "work"}, ("AKIA1", "hidden%/+=", "")),
        ],
    )
    def test_has_keys_by_profile(
        self,
        file: dict[str, str],
        profile: str,
        environ: dict[str, str],
        expected: tuple[str, str, str],
    ) -> None:
        keys = by_profile(file | environ, profile)
        assert isinstance(keys, AwsKeys)
        assert (keys.id, keys.secret.reveal(), keys.session) == expected

    @pytest.mark.parametrize("profile", ["half", "nobody"])
    def test_without_keys_it_says_so(self, file: dict[str, str], profile: str) -> None:
        with pytest.raises(UpstreamError, match=profile) as raised:
            by_profile(file, profile)
        assert raised.value.kind == "auth"

    @pytest.mark.parametrize("content", [b"no section", b"\xff\xfe", b"[a]\n[a\n"])
    @pytest.mark.parametrize("variable", ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"])
    def test_one_that_cannot_be_read_says_so(
        self, tmp_path: Path, content: bytes, variable: str
    ) -> None:
        path = tmp_path / "bad"
        path.write_bytes(content)
        with pytest.raises(UpstreamError, match="file of AWS keys"):
            by_profile({variable: str(path)}, "")

    def test_is_used_where_there_is_no_other_credential(self, file: dict[str, str]) -> None:
        catalog = load({}, REGION)
        held = {one.credential.provider for one in held_by_file(catalog, file, frozenset())}
        assert held == {"bedrock", "bedrock-mantle", "claude-aws", "sagemaker"}
        assert not [*held_by_file(catalog, file, frozenset(held))]
        assert not [*held_by_file(load({}, {}), file, frozenset())], "no region"
        assert not [*held_by_file(catalog, {**file, "AWS_PROFILE": "half"}, frozenset())]


class TestContainer:
    async def test_is_asked_where_the_environment_says_with_its_token(
        self, client: Client, machine: ScriptedProvider, tmp_path: Path
    ) -> None:
        token = tmp_path / "token"
        token.write_text("Basic abc\n")
        machine.sends(200, JSON, json.dumps(ISSUED).encode())
        environ = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/v1/credentials?x=1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        }
        head = await proved(client, kept(client, "sigv4_container:bedrock", environ))

        assert machine.last.target == "/v1/credentials?x=1"
        assert machine.last.headers["authorization"] == "Basic abc"
        assert "Credential=ASIA1/" in head
        assert "/eu-west-1/bedrock/aws4_request" in head
        assert "\r\nx-amz-security-token: session-1\r\n" in head
        assert "hidden" not in head

    @pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.253/"])
    async def test_is_never_looked_for_elsewhere(self, client: Client, url: str) -> None:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
        with pytest.raises(EgressDenied):
            await proved(client, kept(client, "sigv4_container:bedrock", environ))

    async def test_without_an_address_there_are_no_keys(self, client: Client) -> None:
        with pytest.raises(UpstreamError, match="names no address"):
            await proved(client, kept(client, "sigv4_container:bedrock", {}))


class TestInstance:
    async def test_gives_its_role_to_who_has_a_session(
        self, client: Client, machine: ScriptedProvider
    ) -> None:
        machine.sends(200, {}, b"session-token").sends(200, {}, b"my role\n")
        machine.sends(200, JSON, json.dumps(ISSUED).encode())
        environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
        head = await proved(client, kept(client, "sigv4_instance:bedrock", environ))

        first, second, third = machine.requests
        assert (first.method, first.target) == ("PUT", "/latest/api/token")
        assert first.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
        assert second.target == "/latest/meta-data/iam/security-credentials/"
        assert third.target == "/latest/meta-data/iam/security-credentials/my%20role"
        assert third.headers["x-aws-ec2-metadata-token"] == "session-token"
        assert "Credential=ASIA1/" in head

    async def test_without_a_role_says_so(self, client: Client, machine: ScriptedProvider) -> None:
        machine.sends(200, {}, b"session-token").sends(404, {}, b"")
        environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
        with pytest.raises(UpstreamError) as raised:
            await proved(client, kept(client, "sigv4_instance:bedrock", environ))
        assert (raised.value.kind, raised.value.nothing_sent) == ("auth", True)

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b'{"Code":"Failed"}', b'{"AccessKeyId":"a","Expiration":"soon"}']
    )
    async def test_an_answer_without_keys_is_none(
        self, client: Client, machine: ScriptedProvider, body: bytes
    ) -> None:
        machine.sends(200, {}, b"s").sends(200, {}, b"role").sends(200, JSON, body)
        environ = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url}
        with pytest.raises(UpstreamError) as raised:
            await proved(client, kept(client, "sigv4_instance:bedrock", environ))
        assert raised.value.kind == "auth"


class TestKept:
    async def test_keys_are_fetched_once_and_again_when_refused(
        self, client: Client, machine: ScriptedProvider
    ) -> None:
        for number in (1, 2):
            issued = {**ISSUED, "AccessKeyId": f"ASIA{number}"}
            machine.sends(200, JSON, json.dumps(issued).encode())
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/"}
        prover = kept(client, "sigv4_container:bedrock", environ)
        origin = client.origin("https://bedrock.example", purpose="provider", operator=True)
        head = request_head(b"POST", b"/model/m/converse", origin.host, (), 0)
        call = Outgoing(origin=origin, head=head)

        first = await prover.proved(call)
        assert (await prover.proved(call)).head.count(b"ASIA1") == 1
        assert len(machine.requests) == 1
        assert not prover.refused(first, 403, "AccessDeniedException")
        assert not prover.refused(first, 400, "ExpiredTokenException")
        assert prover.refused(first, 403, "ExpiredTokenException")
        assert b"Credential=ASIA2/" in (await prover.proved(call)).head
        assert {*prover.secrets()} == {"hidden", "session-1"}

    async def test_they_end_when_they_say(self, client: Client, machine: ScriptedProvider) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=900)
        issued = {**ISSUED, "Expiration": soon.isoformat()}
        machine.sends(200, JSON, json.dumps(issued).encode())
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{machine.url}/"}
        prover = kept(client, "sigv4_container:bedrock", environ)
        await proved(client, prover)
        token = prover._token
        assert isinstance(token, AwsKeys)
        assert 880 < token.seconds <= 900
