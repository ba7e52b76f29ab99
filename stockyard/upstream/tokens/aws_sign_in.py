"""AWS keys of a role, for a person who signed in with IAM Identity Center (SSO).

AWS's tools save the person's token in a file, which is only read here. When that token expires, the
person must sign in again, with those tools.

https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from time import time

import msgspec
from msgspec import Struct

from stockyard.errors import UpstreamError
from stockyard.upstream.client import Fetched
from stockyard.upstream.tokens.aws_keys import LONGEST_SECONDS, AwsKeys, no_keys, usable_keys
from stockyard.upstream.tokens.aws_places import sign_in_url
from stockyard.upstream.tokens.aws_ways import SignedIn
from stockyard.upstream.tokens.small_file import read
from stockyard.upstream.tokens.token_client import ClientAt

FOLDER = "~/.aws/sso/cache"
PATH = "/federation/credentials"
WHO = "The service for people who signed in to AWS"

_WORD = re.compile(r"[A-Za-z]{1,60}")


class AwsSignIn:
    """Fetches keys of roles for a person who signed in."""

    def __init__(self, client_at: ClientAt, environ: Mapping[str, str]) -> None:
        self._client_at = client_at
        self._environ = environ

    async def keys(self, way: SignedIn) -> AwsKeys:
        token = await asyncio.get_running_loop().run_in_executor(None, _token, way.session)
        client = self._client_at(sign_in_url(way.region, self._environ) + PATH)
        shown = [(b"x-amz-sso_bearer_token", token.encode())]
        query = {"role_name": way.role, "account_id": way.account}
        return _keys_in(await client.answer(b"GET", shown, query=query, word=_word))


class _SignInFile(Struct, rename="camel"):
    """The file that AWS's tools write when a person signs in."""

    access_token: str
    expires_at: str


def _token(session: str) -> str:
    # SHA-1 is how the tools name these files; it protects nothing.
    name = hashlib.sha1(session.encode(), usedforsecurity=False).hexdigest()
    try:
        kept = msgspec.json.decode(read(f"{FOLDER}/{name}.json", "The sign-in"), type=_SignInFile)
        ends = datetime.fromisoformat(kept.expires_at.replace("UTC", "Z")).timestamp()
    except (UpstreamError, ValueError, RecursionError):
        raise _signed_out("Nobody has signed in") from None
    if ends <= time():
        raise _signed_out("The sign-in has ended")
    return kept.access_token


class _Role(Struct, rename="camel"):
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    expiration: int = 0
    """In milliseconds since 1970."""


class _Issued(Struct, rename="camel"):
    role_credentials: _Role


def _keys_in(body: bytes) -> AwsKeys:
    try:
        role = msgspec.json.decode(body, type=_Issued).role_credentials
    except (msgspec.DecodeError, RecursionError):
        raise no_keys(f"{WHO} answered without keys.") from None
    return usable_keys(
        role.access_key_id,
        role.secret_access_key,
        role.session_token,
        min(max(_moment(role.expiration) - time(), 1.0), LONGEST_SECONDS),
        WHO,
    )


def _moment(milliseconds: int) -> float:
    # JSON has no largest number, but a float has.
    return min(max(milliseconds, 0), 1 << 53) / 1000


def _word(fetched: Fetched) -> str:
    fields = {name.lower(): value for name, value in fetched.fields}
    word = fields.get(b"x-amzn-errortype", b"").decode("latin-1").partition(":")[0]
    return word if _WORD.fullmatch(word) else ""


def _signed_out(what: str) -> UpstreamError:
    return no_keys(f"{what} for this profile of AWS. Use `aws sso login`.")
