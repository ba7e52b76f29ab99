"""How many connections are served at once: for all, for one address, and in a crowd."""

import asyncio
from contextlib import ExitStack

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from stockyard.gateway.connection import Connection
from stockyard.gateway.contract import Peer
from stockyard.gateway.front import REFUSING, Front
from stockyard.gateway.health import Health
from stockyard.gateway.lane import Lane
from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import LaneHost, ScriptedPlane, a_request


def test_one_address_has_so_many_connections_but_loopback_is_exempt() -> None:
    limits = HttpLimits(per_address=1, tick_s=0.02)
    with LaneHost(limits) as host, host.client() as first, host.client() as second:
        for client in (first, second):
            client.send(a_request("GET /livez"))
            assert client.answer().status == 200


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("10.0.0.1", "10.0.0.1", False),
    ],
)
async def test_an_ipv6_network_counts_as_one_address_and_a_proxy_as_none(
    first: str, second: str, same: bool
) -> None:
    limits = HttpLimits(per_address=1)
    front = Front(ScriptedPlane(), Health("1"), limits, trusted_proxies=("10.0.0.0/8",))
    config = Config(front.plane, lifespan="off", log_config=None)  # type: ignore[arg-type]  # no ASGI app is called
    lane = Lane(front, config=config, server_state=ServerState(), app_state={})
    lane.peer = Peer(first, 1, loopback=False)
    front.enter(lane, asyncio.get_running_loop())
    turned_away = front.turns_away(Peer(second, 1, loopback=False))
    front.leave(lane)
    front.clock.stop()
    assert turned_away == ("per_address" if same else None)


async def test_a_connection_that_ends_makes_room_and_one_that_was_turned_away_does_not() -> None:
    front = Front(ScriptedPlane(), Health("1"), HttpLimits(per_address=2))
    config = Config(front.plane, lifespan="off", log_config=None)  # type: ignore[arg-type]  # no ASGI app is called
    peer = Peer("203.0.113.1", 1, loopback=False)
    loop = asyncio.get_running_loop()
    first, second, third = (
        Lane(front, config=config, server_state=ServerState(), app_state={}) for _ in range(3)
    )
    for lane in (first, second, third):
        lane.peer = peer
    front.enter(first, loop)
    front.enter(second, loop)
    assert front.turns_away(peer) == "per_address"
    front.leave(third)
    assert front.turns_away(peer) == "per_address"
    front.leave(first)
    assert front.turns_away(peer) is None
    front.enter(first, loop)
    assert front.turns_away(peer) == "per_address"
    front.leave(first)
    front.leave(second)
    front.clock.stop()
    assert not front._per_address


def test_beyond_the_last_connection_there_is_a_503() -> None:
    limits = HttpLimits(connections=2, tick_s=0.02)
    with LaneHost(limits) as host, host.client() as first, host.client() as second:
        for client in (first, second):
            client.send(a_request("GET /livez"))
            assert client.answer().status == 200
        with host.client() as third:
            answer = third.answer()
            assert answer.status == 503
            assert third.closed_by_server()
        assert host.front.http_rejects == {"connections": 1}


def test_far_beyond_the_last_connection_there_is_not_even_an_answer() -> None:
    peer = Peer("203.0.113.1", 1, loopback=False)
    front = Front(ScriptedPlane(), Health("1"), HttpLimits(connections=-REFUSING))
    assert front.turns_away(peer) == "overrun"


def test_the_last_slots_are_for_probes() -> None:
    limits = HttpLimits(connections=16)
    front = Front(ScriptedPlane(), Health("1"), limits, probe_networks=("192.0.2.0/24",))
    assert front.full_for(Peer("203.0.113.1", 1, loopback=False))
    assert not front.full_for(Peer("192.0.2.9", 1, loopback=False))
    assert not front.full_for(Peer("127.0.0.1", 1, loopback=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
async def test_connections_from_this_machine_are_known_by_their_address(host: str) -> None:
    front = Front(ScriptedPlane(), Health("1"), HttpLimits())
    met: asyncio.Queue[Connection] = asyncio.Queue()

    class Meeting(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.take(transport)
            met.put_nowait(self)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Meeting(front), host, 0)
    port = server.sockets[0].getsockname()[1]
    transport, _ = await loop.create_connection(asyncio.Protocol, host, port, local_addr=(host, 0))
    peer = (await asyncio.wait_for(met.get(), 5)).peer
    transport.abort()
    server.close()
    assert (peer.address, peer.loopback) == (host, True)


def test_in_a_crowd_connections_wait_less_for_their_next_request() -> None:
    limits = HttpLimits(connections=5, keepalive_timeout_s=60, tick_s=0.02)
    with LaneHost(limits) as host, ExitStack() as crowd:
        for _ in range(4):
            crowd.enter_context(host.client())
        assert host.soon(lambda: len(host.front.lanes) == 4)
        assert host.front.keepalive_s == limits.keepalive_timeout_s
        with host.client():
            assert host.soon(lambda: len(host.front.lanes) == 5)
            assert host.front.keepalive_s == limits.crowded_keepalive_timeout_s
        assert host.soon(lambda: host.front.keepalive_s == limits.keepalive_timeout_s)
