"""Tokens for a client's id and secret, as RFC 6749 has it in section 4.4.

Where the provider gives out both as one key in base64, there is no id, and the secret is that key.
"""

from base64 import b64encode
from uuid import uuid4

from stockyard.core.target import Secret
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.token import Token


class ClientCredentials:
    """A Source."""

    def __init__(
        self, asking: Asking, client_id: str, secret: Secret, scope: str, number_field: str = ""
    ) -> None:
        """`number_field` is a header field in which a new UUID is wanted with every request."""
        self._asking = asking
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
        return await self._asking.form(form, head)

    def _key(self) -> bytes:
        secret = self._secret.reveal()
        if not self._client_id:
            return secret.encode()
        return b64encode(f"{self._client_id}:{secret}".encode())
