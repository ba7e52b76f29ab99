"""Who is behind an address, as far as that can be told: what one subscriber is given."""

from ipaddress import ip_network


def subscriber(address: str) -> str:
    """An IPv6 address counts as its /64, for one subscriber commands all of it."""
    if ":" not in address:
        return address
    try:
        return str(ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
