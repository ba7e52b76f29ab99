"""What is known of a request once its caller is: who asks for what, and how."""

from copy import copy

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.caller import Caller
from stockyard.core.inbound import Asked
from stockyard.core.target import Credential
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import Head


class Visit(Struct, frozen=True, eq=False):
    head: Head
    endpoint: Endpoint
    caller: Caller
    asked: Asked
    own: Credential | None = None
    """The provider's secret that the caller brought, or the only Credential that may be used."""

    def at(self, endpoint: Endpoint) -> "Visit":
        """The same, shown to another door."""
        return replace(self, endpoint=endpoint)

    def under(self, credential: Credential | None) -> "Visit":
        """The same, with this Credential or with whichever serves."""
        return replace(self, own=credential)

    def asking(self, query: str) -> "Visit":
        """The same, with another query."""
        head = copy(self.head)
        head.query = query
        return replace(self, head=head)
