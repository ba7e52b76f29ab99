"""Tokens of Microsoft Entra, for an application with a client secret.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient


class Entra:
    """Source of tokens for an application."""

    def __init__(self, client: TokenClient, client_id: str, secret: Secret, scope: str) -> None:
        self._client = client
        self._client_id = client_id
        self._secret = secret
        self._scope = scope

    async def fetch(self) -> Token:
        return await self._client.form(
            {
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_secret": self._secret.reveal(),
                "scope": self._scope,
            }
        )
