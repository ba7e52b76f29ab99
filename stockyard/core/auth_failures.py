"""Count refused credentials by reason and by the network they came from.

A caller without a Key must not be able to fill a disk or a log, so refused credentials are not
logged one by one. They are counted for a minute, by reason and by network (IPv4 by /24, IPv6 by
/48). Beyond 200 networks in one minute, the others are counted together.
"""

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from time import time_ns

from stockyard.core.signals import CredentialsRefused, RefusedFrom

MOST = 200
"""Networks that are counted separately in one minute."""
OTHERS = "others"
PREFIX = {4: 24, 6: 48}


class AuthFailures:
    """Counts until `roll_up`, which announces the counts and starts again from zero."""

    def __init__(
        self,
        announce: Callable[[CredentialsRefused], None],
        now_ms: Callable[[], int] = lambda: time_ns() // 1_000_000,
    ) -> None:
        self._announce = announce
        self._now_ms = now_ms
        self._since = now_ms()
        self._counts: Counter[tuple[str, str]] = Counter()
        self.totals: Counter[str] = Counter()
        """By reason, since the start."""

    def note(self, address: str, why: str) -> None:
        """Count a refused credential."""
        self.totals[why] += 1
        one = (why, network_of(address))
        if one not in self._counts and len(self._counts) >= MOST:
            one = (why, OTHERS)
        self._counts[one] += 1

    async def roll_up(self) -> None:
        """The job: announce what was refused since its last run."""
        counts, since = self._counts, self._since
        self._counts, self._since = Counter(), self._now_ms()
        if counts:
            sums = (RefusedFrom(count, *of) for of, count in counts.most_common())
            self._announce(CredentialsRefused(tuple(sums), since, self._since))


def network_of(address: str) -> str:
    try:
        version = ip_address(address.partition("%")[0]).version
    except ValueError:
        return OTHERS  # a socket of this machine has none
    return str(ip_network((address.partition("%")[0], PREFIX[version]), strict=False))
