"""Keys for AWS, as a call to Bedrock asks for them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stockyard.core.target import Credential, Secret
from stockyard.providers.catalog import load
from stockyard.providers.provider import Provider
from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, request_head
from stockyard.upstream.tokens.aws_keys import AwsKeys
from stockyard.upstream.tokens.sources import Tokens
from stockyard.upstream.tokens.token_prover import TokenProver

WORKLOAD = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r"}


def prover(
    client: Client, environ: Mapping[str, str], profile: str = "", scheme: str = "sigv4_chain"
) -> TokenProver:
    """Who proves calls to Bedrock."""
    provider = load({"bedrock": {"values": {"region": "eu-west-1"}}}, {}).get("bedrock")
    assert provider is not None
    values = {**provider.values, "profile": profile}
    provider = msgspec.structs.replace(provider, values=values)

    def origin(_: Provider, url: str) -> Origin:
        return client.origin(url, purpose="provider", operator=True)

    tokens = Tokens(client, origin, environ)
    full = f"{scheme}:bedrock"
    made = tokens.prover(provider, full, Credential("c", "bedrock", Secret(""), scheme=full))
    assert isinstance(made, TokenProver)
    return made


async def keys_of(client: Client, signing: TokenProver) -> list[str]:
    """The keys with which a call is signed: their id, their secret and the session."""
    origin = client.origin("https://bedrock.example", purpose="provider", operator=True)
    head = request_head(b"POST", b"/model/m/converse", origin.host, (), 2)
    await signing.proved(Outgoing(origin=origin, head=head, body=b"{}"))
    keys = signing._token
    assert isinstance(keys, AwsKeys)
    return [keys.id, keys.secret.reveal(), keys.session]


def sign_in(home: Path, session: str, ends: str = "2099-01-01T00:00:00Z") -> None:
    """Leave in this home what `aws sso login` leaves there."""
    name = hashlib.sha1(session.encode(), usedforsecurity=False).hexdigest()
    kept = {"accessToken": "sso-token", "expiresAt": ends, "region": "us-east-1"}
    (home / f".aws/sso/cache/{name}.json").write_text(json.dumps(kept))
