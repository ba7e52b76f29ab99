"""Tokens for the identity of a machine at Google: Compute Engine, Cloud Run, GKE.

https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
"""

from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.token import Token

URL = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"


class GoogleMetadata:
    """A Source. Asked only when the operator chose it."""

    def __init__(self, asking: Asking, scope: str) -> None:
        self._asking = asking
        self._scope = scope

    async def fetch(self) -> Token:
        return await self._asking.get({"scopes": self._scope}, [(b"metadata-flavor", b"Google")])
