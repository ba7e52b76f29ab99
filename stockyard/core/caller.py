"""Who called, and what its Key allows and prescribes."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

from msgspec import Struct

from stockyard.core.allowance import Allowance

Lossy = Literal["strict", "warn", "silent"]
"""What to do with request fields that the provider's format has no equivalent for: `strict` refuses
the call, `warn` drops them and names them in a header of the answer, `silent` drops them. The trace
names them in any case."""

FIRST_TEAM = "default"
"""The team of Keys that are created without one."""


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
    """The client program, from its User-Agent."""
    addresses: tuple[str, ...] = ()
    """Networks from which its Key may be used; empty means any."""
    limits: tuple[Allowance, ...] = ()
    """The limits of its Key."""
    lossy: Lossy | None = None
    """What its Key prescribes for fields that the provider's format has no equivalent for."""
    strange: bool = False
    """It has no Key of ours but a provider's own secret, which only that provider can verify."""
    user: str = ""
    customer: str = ""
    """Both as claimed by the caller: good for attribution, never for permission."""

    @property
    def partition(self) -> str:
        """The namespace of what is kept for it: its team's. Strangers each have their own."""
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
