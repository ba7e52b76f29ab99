"""Tokens for the identity of a machine at Azure.

https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient

URL = "http://169.254.169.254/metadata/identity/oauth2/token"
API_VERSION = "2018-02-01"


class EntraManaged:
    """Source of tokens for the machine. Used only if the operator chose it."""

    def __init__(self, client: TokenClient, client_id: str, scope: str) -> None:
        """`client_id` chooses among several identities of a machine; it may be empty."""
        self._client = client
        self._client_id = client_id
        self._scope = scope

    async def fetch(self) -> Token:
        query = {"api-version": API_VERSION, "resource": self._scope.removesuffix("/.default")}
        if self._client_id:
            query["client_id"] = self._client_id
        return await self._client.get(query, [(b"metadata", b"true")])
