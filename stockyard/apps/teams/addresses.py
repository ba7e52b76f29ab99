"""The networks a Key may be used from."""

from collections.abc import Sequence
from ipaddress import ip_network

from stockyard.errors import Refused

MOST = 100


def networks_of(addresses: Sequence[str]) -> tuple[str, ...]:
    """The networks as they are kept. A single address is a network of one. Raises Refused."""
    if len(addresses) > MOST:
        raise Refused(400, "invalid", f"A Key takes at most {MOST} addresses.")
    return tuple(dict.fromkeys(map(_network, addresses)))


def _network(written: str) -> str:
    try:
        return str(ip_network(written))
    except ValueError:
        raise Refused(
            400, "invalid", f"'{written[:50]}' is no address and no network, such as 10.1.0.0/16."
        ) from None
