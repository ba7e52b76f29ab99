"""Tokens for an API key of IBM Cloud.

https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey
"""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


class IbmIam:
    """Source of tokens for an API key."""

    def __init__(self, client: TokenClient, secret: Secret) -> None:
        self._client = client
        self._secret = secret

    async def fetch(self) -> Token:
        return await self._client.form({"grant_type": GRANT, "apikey": self._secret.reveal()})
