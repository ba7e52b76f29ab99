"""Tokens for a client's id and secret (RFC 6749, section 4.4).

Some providers give out both as one key in base64: then there is no id, and the secret is that key.
"""

from base64 import b64encode
from uuid import uuid4

from stockyard.core.target import Secret
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient


class ClientCredentials:
    """Source of tokens for a client's id and secret."""

    def __init__(
        self,
        client: TokenClient,
        client_id: str,
        secret: Secret,
        scope: str,
        number_field: str = "",
    ) -> None:
        """`number_field` is a header field that must have a new UUID in every request."""
        self._client = client
        self._client_id = client_id
        self._secret = secret
        self._scope = scope
        self._number_field = number_field

    async def fetch(self) -> Token:
        form = {"grant_type": "client_credentials"}
        if self._scope:
            form["scope"] = self._scope
        head = [(b"authorization", b"Basic " + self._key())]
        if self._number_field:
            head.append((self._number_field.encode(), str(uuid4()).encode()))
        return await self._client.form(form, head)

    def _key(self) -> bytes:
        secret = self._secret.reveal()
        if not self._client_id:
            return secret.encode()
        return b64encode(f"{self._client_id}:{secret}".encode())
