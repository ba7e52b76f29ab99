"""Tokens for a workload that another issuer vouches for, such as a pod of Kubernetes at Azure.

https://learn.microsoft.com/en-us/entra/workload-id/workload-identity-federation
"""

from stockyard.core.target import Secret
from stockyard.upstream.tokens.asking import Asking
from stockyard.upstream.tokens.small_file import content_of
from stockyard.upstream.tokens.token import Token

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class EntraFederated:
    """A Source. The secret is where the issuer's statement is; the issuer renews that file."""

    def __init__(self, asking: Asking, client_id: str, secret: Secret, scope: str) -> None:
        self._asking = asking
        self._client_id = client_id
        self._secret = secret
        self._scope = scope

    async def fetch(self) -> Token:
        statement = await content_of(self._secret.reveal(), "The statement of the Credential")
        return await self._asking.form(
            {
                "grant_type": "client_credentials",
                "client_id": self._client_id,
                "client_assertion_type": ASSERTION,
                "client_assertion": statement.decode("utf-8", "replace").strip(),
                "scope": self._scope,
            }
        )
