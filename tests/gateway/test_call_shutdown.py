"""The process stops: what runs may finish, what takes too long is told so (S48)."""

import asyncio

import apsw
import msgspec
import pytest

from stockyard.apps.lookout.models import Trace
from stockyard.apps.lookout.store import COLUMNS
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig
from stockyard.gateway.asgi import AsgiReply
from stockyard.gateway.contract import Peer, Running, Whole
from stockyard.gateway.http import read_head
from stockyard.gateway.limits import HttpLimits
from stockyard.testing.yard import CHAT, MESSAGES, Yard
from tests.yard_modules import ENDED, Ender


class Waiting(Ender):
    name = "waiting"

    async def on_request(self, x: Exchange) -> None:
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    ENDED.clear()


async def test_s48_a_stream_that_ends_in_time_is_not_touched(yard: Yard) -> None:
    openai = yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
    yard.set("server.drain", "5s")
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"hel")
        closing = asyncio.create_task(yard.close())
        await asyncio.sleep(0.05)
        openai.goes_on()
        wire = await client.to_the_end()
    await closing
    assert b"[DONE]" in wire
    assert wire.endswith(b"0\r\n\r\n")
    assert [call.status for call in yard.calls] == [200]


@pytest.mark.parametrize("module", [None, Ender, Waiting])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_s48_a_stream_that_takes_too_long_ends_with_an_error_event(
    yard: Yard, provider: str, path: str, module: type[Module[ModuleConfig]] | None
) -> None:
    yard.provider(provider).streams("hel", "lo").stalls_after("first_content")
    yard.set("server.drain", "50ms")
    if module is not None:
        yard.add(module)
    async with yard.raw() as client:
        client.ask(path, yard.body("hi", stream=True), headers=yard.headers)
        await client.until(b"hel")
        closing = asyncio.create_task(yard.close())
        wire = await client.to_the_end()
    await closing
    assert b"The gateway is stopping" in wire
    assert b'"server_shutdown"' in wire
    assert b"[DONE]" not in wire
    assert b"message_stop" not in wire
    assert wire.endswith(b"0\r\n\r\n")
    assert len(yard.calls) == 1
    assert ([] if module is None else ["Refused"]) == ENDED


@pytest.mark.parametrize("module", [None, Ender, Waiting])
async def test_s48_a_call_without_an_answer_is_a_503(
    yard: Yard, module: type[Module[ModuleConfig]] | None
) -> None:
    openai = yard.provider("openai").says("late").stalls_after("nothing")
    yard.set("server.drain", "50ms")
    if module is not None:
        yard.add(module)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        assert await openai.called()
        closing = asyncio.create_task(yard.close())
        wire = await client.to_the_end()
    await closing
    assert wire.startswith(b"HTTP/1.1 503")
    assert b'"server_shutdown"' in wire
    assert [call.status for call in yard.calls] == [503]
    assert len(ENDED) == (0 if module is None else 1)
    assert await openai.closed_by_client()


async def test_nothing_is_left_of_a_yard(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    before = asyncio.all_tasks()
    await yard.chat("hi")
    await yard.close()
    assert asyncio.all_tasks() == before


def begun(yard: Yard) -> Running:
    """A call that has come in and has not had its first step yet."""
    lines = [f"POST {CHAT} HTTP/1.1", "host: localhost", "content-length: 2"]
    lines += [f"{name}: {value}" for name, value in yard.headers.items()]
    head = read_head("\r\n".join([*lines, "", ""]).encode(), HttpLimits())
    opening = yard.stockyard.plane.open(head, Peer("127.0.0.1", 1, loopback=True))
    assert opening is not None
    assert not isinstance(opening, Whole)
    running = opening.start(AsgiReply("POST"), msgspec.json.encode(yard.body()))
    assert running is not None
    return running


async def test_a_call_that_a_stop_meets_before_its_first_step_has_its_trace(yard: Yard) -> None:
    yard.provider("openai").says("never")
    yard.add(Waiting)
    await yard.open()

    begun(yard).shutdown()
    await yard.close()

    assert [call.status for call in yard.calls] == [503]
    assert traces(yard) == [("refused", 503)]
    assert ENDED == []


async def test_a_call_that_its_client_left_just_before_the_end_has_its_trace(yard: Yard) -> None:
    yard.provider("openai").says("never")
    yard.add(Waiting)
    await yard.open()

    begun(yard).gone()
    await yard.close()

    assert traces(yard) == [("abandoned", 499)]


def traces(yard: Yard) -> list[tuple[str, int]]:
    """Of a yard that is closed: how each call ended."""
    database = apsw.Connection(str(yard.stockyard.database.path))
    kept = [name for name in Trace.__struct_fields__ if name not in COLUMNS]
    place = f"$[{kept.index('http_status')}]"
    rows = database.execute("select status, json_extract(row, ?) from traces", (place,))
    found = [(str(status), int(http)) for status, http in rows]
    database.close()
    return found
