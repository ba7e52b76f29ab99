"""Tokens for GitHub Copilot, which live half an hour, for a GitHub token that lives long."""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.token import Token


class Copilot:
    """A Source."""

    def __init__(self, asking: Asking, secret: Secret) -> None:
        self._asking = asking
        self._secret = secret

    async def fetch(self) -> Token:
        shown = b"token " + self._secret.reveal().encode()
        return await self._asking.get(
            {}, [(b"authorization", shown), (b"user-agent", b"stockyard")]
        )
