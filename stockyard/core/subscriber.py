"""The part of an address that identifies one network subscriber."""

from ipaddress import ip_network


def subscriber(address: str) -> str:
    """For IPv6 the /64 network, because one subscriber controls all of it."""
    if ":" not in address:
        return address
    try:
        return str(ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address
