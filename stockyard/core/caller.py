"""Who called, and what its Key allows and asks for."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

from msgspec import Struct

from stockyard.core.allowance import Allowance

Lossy = Literal["strict", "warn", "silent"]
"""Whether fields that a provider's format cannot say are refused, or left out and told to the
caller, or left out. The trace tells of them in any case."""


FIRST_TEAM = "default"
"""Whose Keys are that are made for no other team."""


class Caller(Struct, frozen=True, kw_only=True):
    """Who called. Resolved before any module runs."""

    key_id: str
    key_name: str = ""
    team_id: str = FIRST_TEAM
    project: str = ""
    labels: dict[str, str] = {}
    address: str = ""
    loopback: bool = False
    app: str = ""
    """The client program, from its user agent."""
    addresses: tuple[str, ...] = ()
    """The networks its Key may be used from; empty: any."""
    limits: tuple[Allowance, ...] = ()
    """Those of its Key."""
    lossy: Lossy | None = None
    """What its Key says should become of fields that a provider's format cannot say."""
    strange: bool = False
    """It brought a provider's secret, of which nobody here knows whether it is good."""
    user: str = ""
    customer: str = ""
    """As claimed by the caller: good for attribution, never for permission."""

    @property
    def partition(self) -> str:
        """Whose kept answers it shares: its team's. Strangers share nothing with each other."""
        return self.key_id if self.strange else self.team_id

    def may_call_from(self, address: str) -> bool:
        if not self.addresses:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False  # a Unix socket has none
        mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return any((mapped or found) in ip_network(network) for network in self.addresses)
