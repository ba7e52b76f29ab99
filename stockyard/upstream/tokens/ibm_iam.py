"""Tokens for an API key of IBM Cloud.

https://cloud.ibm.com/docs/account?topic=account-iamtoken_from_apikey
"""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.token import Token

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


class IbmIam:
    """A Source."""

    def __init__(self, asking: Asking, secret: Secret) -> None:
        self._asking = asking
        self._secret = secret

    async def fetch(self) -> Token:
        return await self._asking.form({"grant_type": GRANT, "apikey": self._secret.reveal()})
