"""Lanes that tests speak with, all served by one host for a whole file of tests."""

from collections.abc import Iterator

import pytest

from stockyard.gateway.lane import Lane
from stockyard.testing.lane_host import Call, Client, LaneHost


@pytest.fixture(scope="module")
def shared_host() -> Iterator[LaneHost]:
    with LaneHost() as host:
        yield host


@pytest.fixture
def host(shared_host: LaneHost) -> LaneHost:
    """It has forgotten what earlier tests asked for."""
    shared_host.plane.calls.clear()
    shared_host.plane.requests.clear()
    shared_host.plane.opened = 0
    return shared_host


def the_call(host: LaneHost) -> Call:
    """The call that came last, once it has come."""
    assert host.soon(lambda: host.plane.calls)
    return host.plane.calls[-1]


def the_lane(host: LaneHost, client: Client) -> Lane:
    """The one this client is connected to: those of earlier tests may still linger."""
    port = client.socket.getsockname()[1]
    return host.do(lambda: next(lane for lane in host.front.lanes if lane.peer.port == port))
