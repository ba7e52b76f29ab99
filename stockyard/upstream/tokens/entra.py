"""Tokens for an application that is registered with Microsoft Entra and has a client secret.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.token import Token


class Entra:
    """A Source."""

    def __init__(self, asking: Asking, client_id: str, secret: Secret, scope: str) -> None:
        self._asking = asking
        self._client_id = client_id
        self._secret = secret
        self._scope = scope

    async def fetch(self) -> Token:
        return await self._asking.form(
            {
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_secret": self._secret.reveal(),
                "scope": self._scope,
            }
        )
