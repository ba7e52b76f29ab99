"""Tokens of Microsoft Entra, for a workload that another identity provider vouches for: a pod, say.

https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation
"""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.small_file import content_of
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class EntraFederated:
    """Source of tokens for a workload. The Credential's secret is the path of a file with a
    statement about the workload, which its platform renews."""

    def __init__(self, client: TokenClient, client_id: str, secret: Secret, scope: str) -> None:
        self._client = client
        self._client_id = client_id
        self._secret = secret
        self._scope = scope

    async def fetch(self) -> Token:
        statement = await content_of(self._secret.reveal(), "The statement of the Credential")
        return await self._client.form(
            {
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_assertion_type": ASSERTION,
                "client_assertion": statement.decode("utf-8", "replace").strip(),
                "scope": self._scope,
            }
        )
