"""Tokens for the identity of a machine at Google: Compute Engine, Cloud Run, GKE.

https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
"""

from stockyard.upstream.tokens.token import Token
from stockyard.upstream.tokens.token_client import TokenClient

URL = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"


class GoogleMetadata:
    """Source of tokens for the machine. Used only if the operator chose it."""

    def __init__(self, client: TokenClient, scope: str) -> None:
        self._client = client
        self._scope = scope

    async def fetch(self) -> Token:
        return await self._client.get({"scopes": self._scope}, [(b"metadata-flavor", b"Google")])
