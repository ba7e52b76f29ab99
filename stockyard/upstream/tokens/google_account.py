"""Tokens for a key file of Google: of a service account, a person who signed in, or a workload.

A service account signs a statement of who it is (RFC 7523) and gets a token for it. A person's file
holds a refresh token. A workload's file describes who vouches for it (`google_federated.py`). The
file also has a URL for tokens, which is not used: secrets go only where the provider's row says.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import asyncio
from base64 import urlsafe_b64encode
from time import time
from typing import TypeVar

import msgspec
from msgspec import Struct

from stockyard.core.target import Secret
from stockyard.errors import UpstreamError
from stockyard.upstream.tokens.google_federated import Described, GoogleFederated
from stockyard.upstream.tokens.rsa_key import private_key, rs256
from stockyard.upstream.tokens.small_file import read
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient

T = TypeVar("T")

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_SECONDS = 3600
KEY_FILE = "The key file of the Credential"
SKEW_SECONDS = 10
"""How far statements are dated back, because our clock may be ahead of Google's."""


class GoogleAccount:
    """Source of tokens for a key file. The Credential's secret is its content or its path."""

    def __init__(
        self, client: TokenClient, secret: Secret, scope: str, federated: GoogleFederated
    ) -> None:
        self._client = client
        self._federated = federated
        self._secret = secret
        self._scope = scope

    async def fetch(self) -> Token:
        # The file is read anew each time, so that one that was replaced is used at once.
        form = await asyncio.get_running_loop().run_in_executor(None, self._form)
        if isinstance(form, Described):
            return await self._federated.fetch(form)
        return await self._client.form(form)

    def _form(self) -> dict[str, str] | Described:
        content = _content(self._secret.reveal())
        key = _decoded(content, _KeyFile)
        if key.type == "external_account":
            return _decoded(content, Described)
        if key.type == "authorized_user" and key.refresh_token:
            return {
                "grant_type": "refresh_token",
                "client_id": key.client_id,
                "client_secret": key.client_secret,
                "refresh_token": key.refresh_token,
            }
        if key.type == "service_account" and key.client_email and key.private_key:
            return {"grant_type": GRANT, "assertion": self._assertion(key, int(time()))}
        raise _bad_key("is not one of a service account, a person or a workload")

    def _assertion(self, key: "_KeyFile", now: int) -> str:
        header = {"alg": "RS256", "typ": "JWT"}
        if key.private_key_id:
            header["kid"] = key.private_key_id
        claims = {
            "iss": key.client_email,
            "scope": self._scope,
            "aud": self._client.url,
            "iat": now - SKEW_SECONDS,
            "exp": now - SKEW_SECONDS + LIFE_SECONDS,
        }
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        private = private_key(key.private_key.encode(), KEY_FILE)
        return f"{signed}.{_base64(rs256(private, signed.encode()))}"


class _KeyFile(Struct):
    type: str = ""
    client_email: str = ""
    private_key: str = ""
    private_key_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""


def _content(secret: str) -> bytes:
    if secret.lstrip().startswith("{"):
        return secret.encode()
    return read(secret, KEY_FILE)


def _decoded(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise _bad_key("is not a JSON file as Google makes them") from None


def _encoded(value: object) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bad_key(what: str) -> UpstreamError:
    return UpstreamError("auth", f"{KEY_FILE} {what}.", nothing_sent=True)
