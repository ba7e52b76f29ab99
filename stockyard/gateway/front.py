"""What all connections of one process share: limits, counts, health, and stopping.

Lanes ask here whether a connection may exist, and count here what they refuse. The server tells all
lanes through here that the process is stopping.
"""

import asyncio
from collections import Counter
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from stockyard.core.outbox import Outbox
from stockyard.core.subscriber import subscriber
from stockyard.gateway.busy_poll import BusyPoll
from stockyard.gateway.contract import Peer, Plane
from stockyard.gateway.deadlines import DeadlineClock
from stockyard.gateway.health import Health
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.overload import Overload
from stockyard.gateway.proxies import Proxies

if TYPE_CHECKING:
    from stockyard.gateway.lane import Lane


REFUSING = 64
"""How many connections beyond the limit are accepted, to be answered that there are too many."""


class Front:
    def __init__(
        self,
        plane: Plane,
        health: Health,
        limits: HttpLimits | None = None,
        *,
        websocket_paths: tuple[str, ...] = (),
        probe_networks: tuple[str, ...] = (),
        trusted_proxies: tuple[str, ...] = (),
        overload: Overload | None = None,
        busy_poll_s: float = 0,
    ) -> None:
        self.plane = plane
        self.health = health
        self._overload = overload
        self.limits = limits or HttpLimits()
        self.websocket_paths = websocket_paths
        self.draining = False
        """Whether every answer is the last of its connection."""
        self.refusing = False
        """Whether new requests are refused."""
        self.lanes: set[Lane] = set()
        self.http_rejects: Counter[str] = Counter()
        """How many requests were refused, by rule. The rules are a closed set."""
        self.timeouts: Counter[str] = Counter()
        """How many connections missed a deadline, by its name."""
        self.dropped_fields = 0
        self.keepalive_s = self.limits.keepalive_timeout_s
        """How long a connection may wait for its next request."""
        self.clock = DeadlineClock(self.lanes, self.limits.tick_s)
        self.busy_poll = BusyPoll(busy_poll_s, self.lanes)
        self.outbox = Outbox(sent=self.busy_poll.begin)
        self._per_address: Counter[str] = Counter()
        self._probes = tuple(ip_network(network) for network in probe_networks)
        self.proxies = Proxies(trusted_proxies)

    def enter(self, lane: "Lane", loop: asyncio.AbstractEventLoop) -> None:
        self.lanes.add(lane)
        self._note_crowding()
        self._per_address[subscriber(lane.peer.address)] += 1
        if not self.clock.running:
            self.clock.start(loop)

    def leave(self, lane: "Lane") -> None:
        if lane not in self.lanes:
            return
        self.lanes.discard(lane)
        self._note_crowding()
        address = subscriber(lane.peer.address)
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]

    def full_for(self, peer: Peer) -> bool:
        """Whether all connection slots for this peer are taken. The last ones are for probes."""
        reserved = 0 if self._may_probe(peer) else self.limits.probe_connections
        return len(self.lanes) >= self.limits.connections - reserved

    def turns_away(self, peer: Peer) -> str | None:
        """The limit for which a new connection is closed without an answer, if any."""
        if len(self.lanes) >= self.limits.connections + REFUSING:
            return "overrun"
        if peer.loopback or self._per_address[subscriber(peer.address)] < self.limits.per_address:
            return None
        return None if self.proxies.trusts(peer.address) else "per_address"

    def refuses_body(self, size: int) -> bool:
        """Whether there is no memory for a body of this size now."""
        overload = self._overload
        return overload is not None and overload.refuses(
            size, lambda: sum(lane.announced for lane in self.lanes)
        )

    def drain(self, *, gently: bool = False) -> None:
        """Close idle connections now, and every other one once its answer is complete.

        `gently`: a request that still arrives on an open connection is answered, as the last one.
        """
        self.draining = True
        self.refusing = not gently
        self.health.not_ready("draining")
        for lane in list(self.lanes):
            lane.drain()

    def shutdown(self) -> None:
        """End calls that are still running, with the error event of their format."""
        for lane in list(self.lanes):
            lane.shutdown()

    def abort(self) -> None:
        """Abort every connection that is left."""
        for lane in list(self.lanes):
            lane.abort()

    def _note_crowding(self) -> None:
        limits = self.limits
        crowded = len(self.lanes) * 5 > limits.connections * 4
        self.keepalive_s = (
            limits.crowded_keepalive_timeout_s if crowded else limits.keepalive_timeout_s
        )

    def _may_probe(self, peer: Peer) -> bool:
        local = peer.loopback and not self.proxies.trusts(peer.address)
        return local or _within(peer, self._probes)


def _within(peer: Peer, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return bool(networks) and any(ip_address(peer.address) in network for network in networks)
