"""An authenticated request before its body is read: head, endpoint, caller and control headers."""

from copy import copy

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.caller import Caller
from stockyard.core.inbound import ControlHeaders
from stockyard.core.target import Credential
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import Head


class Visit(Struct, frozen=True, eq=False):
    head: Head
    endpoint: Endpoint
    caller: Caller
    asked: ControlHeaders
    own: Credential | None = None
    """The only Credential that may be used: the provider's secret that the caller brought, or the
    one under which something that the call names was created. None: any."""

    def at(self, endpoint: Endpoint) -> "Visit":
        """A copy for another endpoint."""
        return replace(self, endpoint=endpoint)

    def under(self, credential: Credential | None) -> "Visit":
        """A copy that may use this Credential only; None: any."""
        return replace(self, own=credential)

    def asking(self, query: str) -> "Visit":
        """A copy with another query."""
        head = copy(self.head)
        head.query = query
        return replace(self, head=head)
