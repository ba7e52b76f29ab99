"""Tokens for GitHub Copilot, valid for half an hour, in exchange for a GitHub token."""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient


class Copilot:
    """Source of tokens for a GitHub token."""

    def __init__(self, client: TokenClient, secret: Secret) -> None:
        self._client = client
        self._secret = secret

    async def fetch(self) -> Token:
        shown = b"token " + self._secret.reveal().encode()
        return await self._client.get(
            {}, [(b"authorization", shown), (b"user-agent", b"stockyard")]
        )
