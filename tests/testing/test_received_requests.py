"""A scripted provider remembers what it was asked, and on which connection."""

import asyncio
import json

import pytest

from stockyard.testing import RawClient, ScriptedProvider, a_call

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


async def test_a_request_is_remembered_as_it_came(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("hello")
    client.ask(CHAT + "?a=1", a_call(temperature=0.5), headers={"X-Case": "Kept"})
    await client.until(b"hello")

    last = provider.last
    assert (last.method, last.target, last.path, last.query) == ("POST", CHAT + "?a=1", CHAT, "a=1")
    assert last.prompt == "hi"
    assert last.json["temperature"] == 0.5
    assert json.loads(last.body) == last.json
    assert (b"X-Case", b"Kept") in last.raw_headers
    assert last.headers["x-case"] == "Kept"
    assert last.answered_at is not None


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        ("plain", "plain"),
        ([{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}], "two parts"),
        ([{"type": "image_url"}, {"type": "text", "text": "seen"}], "seen"),
        (None, ""),
    ],
)
async def test_the_prompt_is_the_last_thing_the_user_said(
    provider: ScriptedProvider, client: RawClient, content: object, prompt: str
) -> None:
    provider.says("ok")
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": "x"}]
    client.ask(CHAT, a_call(messages=turns))
    await client.until(b"ok")
    assert provider.prompts == [prompt]


async def test_a_body_that_is_not_json_is_kept_too(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.sends(200, {}, b"fine")
    client.send(b"POST /upload HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n")
    client.send(b"3\r\n\x00\x01\xff\r\n0\r\n\r\n")
    await client.until(b"fine")
    assert provider.last.body == b"\x00\x01\xff"
    assert provider.last.json is None
    assert provider.last.prompt == ""


async def test_a_call_that_expects_100_is_told_to_go_on(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("ok")
    head = b"POST /v1/messages HTTP/1.1\r\nhost: p\r\ncontent-length: 2\r\n"
    client.send(head + b"expect: 100-continue\r\n\r\n")
    await client.until(b"100 Continue")
    client.send(b"{}")
    await client.until(b"ok")


async def test_connections_are_kept_and_counted(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("one", "two")
    for word in (b"one", b"two"):
        client.ask(CHAT, a_call())
        await client.until(word)
    async with RawClient.to(provider.url) as other:
        other.ask(CHAT, a_call())
        await other.until(b"two")

    assert [request.connection for request in provider.requests] == [1, 1, 2]
    assert provider.connections == 2


async def test_a_connection_the_client_does_not_keep_is_closed(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("bye")
    client.send(b"POST /v1/messages HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n")
    assert b"bye" in await client.to_the_end()
    assert provider.last.closed_at is None, "it was the provider who closed"


async def test_a_slow_reader_gets_all_of_an_answer_after_which_the_connection_closes(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.sends(200, {}, b"x" * 20_000_000).closes()
    client.ask(CHAT, a_call())
    assert await provider.called()
    await asyncio.sleep(0.05)
    await client.to_the_end()
    assert len(client.reply.body) == 20_000_000


async def test_it_tells_when_the_client_hangs_up(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.streams("a", "b").stalls_after("first_content")
    client.ask(CHAT, a_call(stream=True))
    await client.until(b'"a"')
    assert not await provider.closed_by_client(0.01)
    await client.aclose()
    assert await provider.closed_by_client()
    assert provider.last.answered_at is None


async def test_it_tells_whether_it_was_called(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("ok")
    assert not await provider.called(within=0.01)
    client.ask(CHAT, a_call())
    assert await provider.called()
    assert not await provider.called(times=2, within=0.01)
    with pytest.raises(LookupError):
        assert ScriptedProvider().last
