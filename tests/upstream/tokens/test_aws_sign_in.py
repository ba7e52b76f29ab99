"""Keys of a person who has signed in with `aws sso login`."""

from pathlib import Path

import pytest

from stockyard.errors import UpstreamError
from stockyard.testing import ScriptedProvider
from stockyard.upstream.client import Client
from tests.upstream.tokens.aws import keys_of, prover, sign_in

SIGNED_IN = """[default]
sso_start_url = https://corp.example/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = r
"""
START = "https://corp.example/start"


@pytest.fixture(autouse=True)
def profile(home: Path) -> None:
    (home / ".aws/config").write_text(SIGNED_IN)


@pytest.mark.parametrize(
    ("ends", "what"),
    [
        ("2020-01-01T00:00:00Z", "has ended"),
        ("2020-01-01T00:00:00UTC", "has ended"),
        ("one day", "Nobody has signed in"),
    ],
)
async def test_a_sign_in_that_has_ended_is_told(
    client: Client, home: Path, ends: str, what: str
) -> None:
    sign_in(home, START, ends)
    with pytest.raises(UpstreamError, match=rf"{what}.*aws sso login") as raised:
        await keys_of(client, prover(client, {}, scheme="sigv4_file"))
    assert raised.value.kind == "auth"


async def test_a_refusal_to_give_keys_is_told_in_its_own_word_only(
    client: Client, home: Path, aws: ScriptedProvider
) -> None:
    sign_in(home, START)
    fields = {"x-amzn-errortype": "UnauthorizedException:http://internal.amazon.com/"}
    aws.sends(401, fields, b'{"message": "sso-token"}')
    signing = prover(client, {"AWS_ENDPOINT_URL_SSO": aws.url}, scheme="sigv4_file")
    with pytest.raises(UpstreamError) as raised:
        await keys_of(client, signing)
    assert "401 (UnauthorizedException)" in raised.value.message
    assert "sso-token" not in raised.value.message


async def test_keys_without_an_end_are_asked_for_again_after_a_day(
    client: Client, home: Path, aws: ScriptedProvider
) -> None:
    sign_in(home, START)
    keys = b'"accessKeyId": "ASIA1", "secretAccessKey": "s", "expiration": ' + b"9" * 400
    aws.sends(200, {}, b'{"roleCredentials": {%b}}' % keys)
    signing = prover(client, {"AWS_ENDPOINT_URL_SSO": aws.url}, scheme="sigv4_file")
    assert (await keys_of(client, signing))[0] == "ASIA1"
    assert signing._token is not None
    assert signing._token.seconds == 24 * 3600


@pytest.mark.parametrize("body", [b"", b"[]", b'{"roleCredentials": {}}', b"[" * 9000])
async def test_an_answer_without_keys_is_refused(
    client: Client, home: Path, aws: ScriptedProvider, body: bytes
) -> None:
    sign_in(home, START)
    aws.sends(200, {}, body)
    signing = prover(client, {"AWS_ENDPOINT_URL_SSO": aws.url}, scheme="sigv4_file")
    with pytest.raises(UpstreamError) as raised:
        await keys_of(client, signing)
    assert raised.value.kind == "auth"
