"""Tokens for a key file of Google: of a service account, a person who signed in, or a workload.

A service account signs a statement of who it is (RFC 7523) and gets a token for it; a person's file
holds a refresh token; that of a workload describes who vouches for it (`google_federated.py`). The
file also names an address for tokens. It is not followed: a secret goes only where the provider's
row says.

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
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.google_federated import Described, GoogleFederated
from stockyard.upstream.tokens.small_file import read
from stockyard.upstream.tokens.token import Token

T = TypeVar("T")

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_SECONDS = 3600
SKEW_SECONDS = 10
"""Our clock may be ahead of Google's."""


class GoogleAccount:
    """A Source. The secret is the content of the file, or where the file is."""

    def __init__(
        self, asking: Asking, secret: Secret, scope: str, federated: GoogleFederated
    ) -> None:
        self._asking = asking
        self._federated = federated
        self._secret = secret
        self._scope = scope

    async def fetch(self) -> Token:
        # The file is read anew each time, so that one that was replaced is used at once.
        form = await asyncio.get_running_loop().run_in_executor(None, self._form)
        if isinstance(form, Described):
            return await self._federated.fetch(form)
        return await self._asking.form(form)

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
            "aud": self._asking.url,
            "iat": now - SKEW_SECONDS,
            "exp": now - SKEW_SECONDS + LIFE_SECONDS,
        }
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        return f"{signed}.{_base64(_signature(key.private_key, signed.encode()))}"


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
    return read(secret, "The key file of the Credential")


def _decoded(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise _bad_key("is not a JSON file as Google makes them") from None


def _signature(private_key: str, signed: bytes) -> bytes:
    # Imported late: it takes 30 ms, and few installations call Google this way.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _bad_key("holds no private key that can be read") from None
    if not isinstance(key, RSAPrivateKey):
        raise _bad_key("holds another private key than RSA")
    return key.sign(signed, PKCS1v15(), SHA256())


def _encoded(value: object) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bad_key(what: str) -> UpstreamError:
    return UpstreamError("auth", f"The key file of the Credential {what}.", nothing_sent=True)
