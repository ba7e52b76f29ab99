"""A client that leaves: its call ends at once, upstream too, and once in the books (S37 to S39)."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Sequence

import pytest

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.errors import Abandoned
from stockyard.gateway.call import Call
from stockyard.testing import RawClient, Script
from stockyard.testing.yard import CHAT, Yard, becomes
from tests.yard_modules import ENDED, Ender


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    ENDED.clear()


class Holder(Ender):
    """Needs the whole stream."""

    name = "holder"
    stage = Stage.INSPECT
    streaming = Streaming.WHOLE


class Editor(Module[ModuleConfig]):
    name = "editor"
    category = "observe"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Event) -> Sequence[Event]:
        return [event]


class Waiter(Ender):
    """Waits longer than any client."""

    name = "waiter"
    stage = Stage.ADMIT
    patience_seconds = 30.0

    async def on_request(self, x: Exchange) -> None:
        await asyncio.sleep(20)


class Gate(Ender):
    """Waits until it is opened."""

    name = "gate"
    stage = Stage.ADMIT
    opens: asyncio.Event

    async def on_request(self, x: Exchange) -> None:
        ENDED.append("waits")
        await type(self).opens.wait()


class Teller(Module[ModuleConfig]):
    """Takes its time over the end."""

    name = "teller"
    category = "observe"
    stage = Stage.ADMIT
    patience_seconds = 30.0
    goes_on: asyncio.Event

    async def on_response(self, x: Exchange) -> None:
        ENDED.append("begins")
        await type(self).goes_on.wait()
        ENDED.append("response")


class SlowEnder(Module[ModuleConfig]):
    name = "slow_ender"
    category = "observe"
    stage = Stage.ADMIT

    async def on_response(self, x: Exchange) -> None:
        ENDED.append("begins")
        await asyncio.sleep(0.1)
        ENDED.append("response")

    def on_error(self, x: Exchange, error: Exception) -> None:
        ENDED.append(type(error).__name__)


async def left(yard: Yard) -> None:
    """The call ended once, as abandoned, and left nothing behind."""
    assert await yard.ended(1)
    assert await yard.quiet()
    assert len(yard.calls) == 1
    assert (yard.last.status, yard.last.abandoned) == (499, True)
    assert isinstance(yard.last.error, Abandoned)


async def call_and_leave(yard: Yard, when: Callable[[RawClient], object]) -> None:
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
        waits = when(client)
        if asyncio.iscoroutine(waits):
            await waits


def is_called(yard: Yard) -> Callable[[RawClient], object]:
    return lambda _client: yard.provider("openai").called()


MOMENTS: list[tuple[str, Callable[[Script], object], str]] = [
    ("before the head", lambda p: p.streams("hel", "lo").stalls_after("nothing"), ""),
    ("in the head", lambda p: p.streams("hel", "lo").stalls_after("half_header"), ""),
    ("before content", lambda p: p.streams("hel", "lo").stalls_after("open"), ""),
    ("mid-stream", lambda p: p.streams("hel", "lo").stalls_after("first_content"), "hel"),
    ("before the end", lambda p: p.streams("hel", "lo").stalls_after("usage"), "lo"),
    ("in an error", lambda p: p.fails(500).stalls_after_bytes(10), ""),
]


@pytest.mark.parametrize("modules", [(), (Ender,), (Holder,), (Editor, Ender)], ids=str)
@pytest.mark.parametrize(("_name", "script", "seen"), MOMENTS, ids=[m[0] for m in MOMENTS])
async def test_s37_upstream_is_closed_whenever_the_client_leaves(
    yard: Yard,
    _name: str,
    script: Callable[[Script], object],
    seen: str,
    modules: tuple[type[Module[ModuleConfig]], ...],
) -> None:
    script(yard.provider("openai"))
    for module in modules:
        yard.add(module)
    waits = is_called(yard)
    if seen and Holder not in modules:
        waits = lambda client: client.until(seen.encode())  # noqa: E731  one line in a table of them
    await call_and_leave(yard, waits)
    assert await yard.provider("openai").closed_by_client()
    await left(yard)
    assert yard.last.outcomes == ["abandoned"]
    assert (["Abandoned"] if Ender in modules or Holder in modules else []) == ENDED


@pytest.mark.parametrize("waits", [False, True], ids=["plain", "async"])
async def test_s37_upstream_is_closed_when_the_client_leaves_a_whole_answer(
    yard: Yard, waits: bool
) -> None:
    yard.provider("openai").says("hello").stalls_after("head")
    yard.add(SlowEnder if waits else Ender)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        assert await yard.provider("openai").called()
    assert await yard.provider("openai").closed_by_client()
    await left(yard)
    assert ENDED == ["Abandoned"]


async def test_s37_a_client_that_leaves_as_a_module_goes_on_has_nothing_sent(yard: Yard) -> None:
    openai = yard.provider("openai").says("never")
    Gate.opens = asyncio.Event()
    yard.add(Gate)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        assert await becomes(lambda: ENDED == ["waits"])
        [call] = yard.stockyard.office.running
        assert isinstance(call, Call)
        Gate.opens.set()
        call.gone()
        await left(yard)
    assert not openai.requests


async def test_s37_a_client_that_leaves_while_a_module_waits_has_nothing_sent(yard: Yard) -> None:
    openai = yard.provider("openai").says("never")
    yard.add(Waiter)
    yard.add(Ender)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        await asyncio.sleep(0.05)
    await left(yard)
    assert not openai.requests
    assert ENDED == ["Abandoned"]


async def test_s37_a_client_that_leaves_in_the_turn_of_its_request_is_in_the_books(
    yard: Yard,
) -> None:
    yard.provider("openai").says("never")
    yard.add(Waiter)
    yard.add(Ender)
    body = b'{"model":"gpt-4o","messages":[]}'
    async with yard.raw():
        lanes = yard.stockyard.front.lanes
        assert await becomes(lambda: bool(lanes))
        lane = next(iter(lanes))
        head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {yard.key}\r\n"
        lane.data_received(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        lane.eof_received()
        await left(yard)
    assert yard.last.exchange.capture == "metadata"
    assert ENDED == ["Abandoned"]


async def test_s37_a_client_that_leaves_with_its_request(yard: Yard) -> None:
    yard.provider("openai").says("never").stalls_after("nothing")
    yard.add(Waiter)
    await yard.open()
    for _ in range(20):
        port = yard.url.rpartition(":")[2]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b'{"model":"gpt-4o","messages":[]}'
        head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {yard.key}\r\n"
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()
        await writer.wait_closed()
    assert await yard.quiet()
    assert {call.status for call in yard.calls} <= {499}


async def test_s37_a_reset_counts_as_leaving(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"hel")
        connected = client._writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client._writer.transport.abort()
        assert await yard.provider("openai").closed_by_client()
    await left(yard)


async def test_a_client_that_leaves_while_the_end_is_being_told_ends_the_call_once(
    yard: Yard,
) -> None:
    yard.provider("openai").streams("hel", "lo")
    Teller.goes_on = asyncio.Event()
    yard.add(Teller)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
        assert await becomes(lambda: ENDED == ["begins"])
        [call] = yard.stockyard.office.running
    assert await becomes(lambda: call.x.abandoned)
    Teller.goes_on.set()
    await left(yard)
    assert ENDED == ["begins", "response"]
    assert yard.last.outcomes == ["ok"]


async def test_s44_random_leaving_leaks_nothing(yard: Yard) -> None:
    openai = yard.provider("openai").streams("a", "b", "c", "d").slowly(before=0.005, between=0.005)
    yard.enable("ratelimit", limits=[{"by": "key", "concurrent": 1000}])
    yard.add(Ender)
    await yard.open()
    assert (await yard.stream("hi")).ended
    before = len(asyncio.all_tasks())
    chance = random.Random(7)

    async def leaves() -> None:
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
            await asyncio.sleep(chance.random() * 0.05)

    await asyncio.gather(*(leaves() for _ in range(60)))
    assert await yard.ended(61)
    assert await yard.quiet()
    assert len(yard.calls) == 61
    assert await becomes(lambda: len(asyncio.all_tasks()) <= before + openai.open_connections)
    assert len(ENDED) == 61
    assert len(yard.stockyard.office.pings) == 0
