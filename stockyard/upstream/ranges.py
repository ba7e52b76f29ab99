"""Which ranges of addresses may be called: the tables of `security.md` 6.2 and 6.3 as data.

The first row that contains an address decides. The standard library's `is_private` and
`is_global` are not used: in some versions they call NAT64, 6to4, site-local and multicast forms
of internal addresses global.
"""

from enum import Enum, auto
from ipaddress import IPv4Network, IPv6Network

import msgspec


class Rule(Enum):
    """What may happen to an address of a range."""

    ALLOW = auto()
    DENY = auto()
    OPENABLE = auto()
    """Denied until the operator allows the network, the pair of host and port, or the provider."""
    PAIR_ONLY = auto()
    """Denied until the operator names host and port; a network never opens it."""
    NEVER = auto()
    """Hands out credentials of the machine: nothing opens it."""
    JUDGE_IPV4 = auto()
    """Stands for the IPv4 address in its last four bytes, which decides."""
    JUDGE_IPV4_IF_NAT64 = auto()


class Range(msgspec.Struct, frozen=True):
    network: IPv4Network | IPv6Network
    name: str
    """The reason code of a refusal."""
    rule: Rule


def _v4(network: str, name: str, rule: Rule = Rule.DENY) -> Range:
    return Range(IPv4Network(network), name, rule)


def _v6(network: str, name: str, rule: Rule = Rule.DENY) -> Range:
    return Range(IPv6Network(network), name, rule)


IPV4 = (
    _v4("100.100.100.200/32", "metadata", Rule.NEVER),
    _v4("168.63.129.16/32", "metadata", Rule.NEVER),
    _v4("169.254.0.0/16", "metadata", Rule.NEVER),
    _v4("192.0.0.192/32", "metadata", Rule.NEVER),
    _v4("0.0.0.0/8", "unspecified"),
    _v4("10.0.0.0/8", "private", Rule.OPENABLE),
    _v4("100.64.0.0/10", "private", Rule.OPENABLE),
    _v4("127.0.0.0/8", "loopback", Rule.PAIR_ONLY),
    _v4("172.16.0.0/12", "private", Rule.OPENABLE),
    _v4("192.0.0.0/24", "reserved"),
    _v4("192.0.2.0/24", "documentation"),
    _v4("192.31.196.0/24", "reserved"),
    _v4("192.52.193.0/24", "reserved"),
    _v4("192.88.99.0/24", "tunnel"),
    _v4("192.168.0.0/16", "private", Rule.OPENABLE),
    _v4("192.175.48.0/24", "reserved"),
    _v4("198.18.0.0/15", "reserved"),
    _v4("198.51.100.0/24", "documentation"),
    _v4("203.0.113.0/24", "documentation"),
    _v4("224.0.0.0/4", "multicast"),
    _v4("240.0.0.0/4", "reserved"),
    _v4("0.0.0.0/0", "public", Rule.ALLOW),
)

IPV6 = (
    _v6("fd00:ec2::/32", "metadata", Rule.NEVER),
    _v6("fd20:ce::254/128", "metadata", Rule.NEVER),
    _v6("::/128", "unspecified"),
    _v6("::1/128", "loopback", Rule.PAIR_ONLY),
    _v6("::ffff:0:0/96", "mapped", Rule.JUDGE_IPV4),
    _v6("::ffff:0:0:0/96", "tunnel"),
    _v6("::/96", "tunnel"),
    _v6("64:ff9b::/96", "tunnel", Rule.JUDGE_IPV4_IF_NAT64),
    _v6("64:ff9b:1::/48", "tunnel"),
    _v6("100::/64", "reserved"),
    _v6("100:0:0:1::/64", "reserved"),
    _v6("2001::/23", "reserved"),
    _v6("2001:db8::/32", "documentation"),
    _v6("3fff::/20", "documentation"),
    _v6("2002::/16", "tunnel"),
    _v6("2620:4f:8000::/48", "reserved"),
    _v6("5f00::/16", "reserved"),
    _v6("fc00::/7", "private", Rule.OPENABLE),
    _v6("fe80::/10", "link_local"),
    _v6("fec0::/10", "link_local"),
    _v6("ff00::/8", "multicast"),
    _v6("2000::/3", "public", Rule.ALLOW),
    _v6("::/0", "unassigned"),
)
