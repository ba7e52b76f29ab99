"""A scripted provider does the same on uvloop, where the gateway runs."""

import asyncio

import uvloop

from stockyard.testing import MALFORMED, Point, RawClient, ScriptedProvider, a_call
from stockyard.testing.steps import Farewell

PATH = "/v1/messages"
CUTS: tuple[tuple[Point, Farewell], ...] = (
    ("nothing", "fin"),
    ("nothing", "rst"),
    ("half_header", "fin"),
    ("half_chunk_data", "rst"),
    (3, "fin"),
    ("end", "rst"),
)


def test_cuts_stalls_and_malformed_answers_work_on_uvloop() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(everything())


async def everything() -> None:
    for point, how in CUTS:
        async with ScriptedProvider() as provider, RawClient.to(provider.url) as client:
            provider.streams("a", "b").cuts_after(point, how=how)
            client.ask(PATH, a_call(stream=True))
            await client.to_the_end()
            assert client.reset == (how == "rst"), (point, how)
    for tell in MALFORMED.values():
        async with ScriptedProvider() as provider, RawClient.to(provider.url) as client:
            tell(provider).closes()
            client.ask(PATH, a_call(stream=True))
            assert await client.to_the_end()
            assert not client.reset
    async with ScriptedProvider() as provider, RawClient.to(provider.url) as client:
        provider.streams("a").stalls_after("open")
        client.ask(PATH, a_call(stream=True))
        assert b"text_delta" not in await client.until_quiet()
        provider.goes_on()
        await client.until(b"message_stop")
        await client.aclose()
        assert await provider.closed_by_client()
