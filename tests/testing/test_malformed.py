"""The sixty malformed answers of reliability.md are there, and each is sent as it is meant."""

import pytest

from stockyard.testing import RawClient, ScriptedProvider, a_call
from stockyard.testing.malformed import BODY, ENCODING, FRAMING, MALFORMED, STATUS, STREAMS

PATHS = ("/v1/chat/completions", "/v1/messages")


def test_there_are_sixty() -> None:
    counts = [len(group) for group in (FRAMING, STATUS, ENCODING, BODY, STREAMS)]
    assert counts == [16, 8, 8, 12, 16]
    assert len(MALFORMED) == 60


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", MALFORMED)
async def test_each_can_be_told_and_sent(name: str, path: str) -> None:
    async with ScriptedProvider() as provider:
        MALFORMED[name](provider).closes()
        async with RawClient.to(provider.url) as client:
            client.ask(path, a_call(stream=True))
            assert await client.to_the_end()
            assert not client.reset


# What a well-behaved neighbour of the fault looks like, and what makes it malformed.
SIGNS: dict[str, tuple[bytes, bytes]] = {
    "chunk size of 18 F": (b"FFFFFFFFFFFFFFFFFF\r\n", b"\r\n2\r\n"),
    "two content lengths": (b"content-length: 2\r\ncontent-length: 3", b"chunked"),
    "LF-only head": (b"OK\ncontent-length", b"\r"),
    "100 interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 100, b"103"),
    "204 with a body": (b"204 No Content", b"chunked"),
    "two content types": (b"text/html", b"chunked"),
    "gzip declared but plain": (b"content-encoding: gzip", b"\x1f\x8b"),
    "NaN": (b'"prompt_tokens": NaN', b"null"),
    "half an event at EOF": (b'data: {"type": "cont', b"[DONE]"),
    "terminator twice": (b"[DONE]\n\n\r\ne\r\ndata: [DONE]", b"error"),
    "no finish": (b" two", b'"stop"'),
    "error as the first event": (b'"error"', b"one"),
    "error after content": (b'"one"', b"two"),
    "negative usage": (b'"prompt_tokens":-5', b'"total_tokens":12'),
    "tool delta without index": (b'"tool_calls":[{"function"', b"1000000000"),
    "index of a thousand million": (b'"index":1000000000', b"xyz"),
    "line above 32 MiB": (b"x" * 33 * 2**20, b" two"),
}


@pytest.mark.parametrize("name", SIGNS)
async def test_it_bears_the_sign_of_its_fault(name: str) -> None:
    present, absent = SIGNS[name]
    async with ScriptedProvider() as provider:
        MALFORMED[name](provider).closes()
        async with RawClient.to(provider.url) as client:
            client.ask(PATHS[0], a_call(stream=True))
            wire = await client.to_the_end()
    assert present in wire
    assert absent not in wire
