"""Images named by URL, for providers that take bytes: fetched with care."""

import base64
import json
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from stockyard.upstream import image_fetch
from stockyard.wire.media import image_type
from tests.upstream.google import PERSON
from tests.upstream.images import OLLAMA, PNG, a_chat, chat, opened

CONVERSE = "bedrock/amazon.nova-lite-v1:0"
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
CONVERSED = json.dumps(
    {
        "output": {"message": {"role": "assistant", "content": [{"text": "a cat"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }
).encode()


async def test_ollamas_own_format_gets_bytes(yard: Yard, web: ScriptedProvider) -> None:
    ollama = yard.provider("ollama").says("a cat")
    opened(yard, web)
    image = {"type": "image", "source": {"type": "url", "url": f"{web.url}/a"}}
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": [image]}]}
    heard = await yard.call("/v1/messages", {"model": OLLAMA, **body})
    assert heard.status == 200
    assert ollama.last.path == "/api/chat"
    assert ollama.last.fields["messages"][0]["images"] == [base64.b64encode(PNG).decode()]


async def test_without_images_the_bytes_are_the_clients(yard: Yard, web: ScriptedProvider) -> None:
    ollama = yard.provider("ollama").says("a cat")
    opened(yard, web)
    for url in ("data:image/png;base64,aGk=", "see http://example.com"):
        body = json.dumps(a_chat(url), indent=1).encode()
        assert (await yard.call("/v1/chat/completions", body)).status == 200
        assert ollama.last.body == body.replace(b"ollama/llava", b"llava")
    assert not web.requests


async def test_ollama_gets_the_bytes_of_an_image(yard: Yard, web: ScriptedProvider) -> None:
    ollama = yard.provider("ollama").says("a cat")
    opened(yard, web)
    heard = await chat(yard, f"{web.url}/a.png?size=2")
    assert (heard.status, heard.text) == (200, "a cat")
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    image = ollama.last.fields["messages"][0]["content"][1]
    assert image == {"type": "image_url", "image_url": {"url": url}}
    assert web.last.method == "GET"
    assert web.last.target == "/a.png?size=2"
    assert web.last.body == b""


async def test_converse_gets_an_image_with_its_real_type(yard: Yard, web: ScriptedProvider) -> None:
    bedrock = yard.provider("bedrock", settings={"region": "us-east-1"})
    bedrock.sends(200, {"content-type": "application/json"}, CONVERSED)
    opened(yard, web, JPEG)
    heard = await chat(yard, f"{web.url}/a", model=CONVERSE)
    assert heard.status == 200, heard.body
    image = bedrock.last.fields["messages"][0]["content"][1]["image"]
    assert image["format"] == "jpeg"
    assert image["source"] == {"bytes": base64.b64encode(JPEG).decode()}


async def test_as_many_images_are_fetched_as_one_request_may_have(
    yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_fetch, "MAX_IMAGES", 2)
    yard.provider("ollama").says("two cats")
    opened(yard, web)
    heard = await chat(yard, f"{web.url}/1", f"{web.url}/2")
    assert (heard.status, heard.text) == (200, "two cats")
    assert [request.path for request in web.requests] == ["/1", "/2"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_claude_at_other_hosts_gets_the_bytes_of_an_image(
    yard: Yard, web: ScriptedProvider, path: str
) -> None:
    url = f"{web.url}/a"
    image: dict[str, Any] = {"type": "image", "source": {"type": "url", "url": url}}
    body = a_chat(url)
    if path == "/v1/messages":
        content = [{"type": "text", "text": "?"}, image]
        body = {"max_tokens": 9, "messages": [{"role": "user", "content": content}]}
    async with ScriptedProvider() as desk:
        desk.sends(200, {}, b'{"access_token":"t","expires_in":3600}')
        vertex = yard.provider(
            "vertex-anthropic",
            settings={"project": "p", "location": "europe-west1"},
            token_url=f"{desk.url}/token",
            api_key=PERSON,
        ).fails(400)
        opened(yard, web)
        await yard.call(path, body | {"model": "vertex-anthropic/claude-sonnet-4-5@20250929"})
    source = vertex.last.fields["messages"][0]["content"][1]["source"]
    data = base64.b64encode(PNG).decode()
    assert source == {"type": "base64", "media_type": "image/png", "data": data}


async def test_the_fetch_tells_nothing_of_the_caller(yard: Yard, web: ScriptedProvider) -> None:
    yard.provider("ollama").says("a cat")
    opened(yard, web)
    await chat(yard, f"{web.url}/a")
    assert set(web.last.headers) == {"host", "accept", "accept-encoding", "user-agent"}


async def test_an_image_that_is_named_often_is_fetched_once(
    yard: Yard, web: ScriptedProvider
) -> None:
    ollama = yard.provider("ollama").says("cats")
    opened(yard, web)
    await chat(yard, *[f"{web.url}/a"] * 5, f"{web.url}/b")
    assert sorted(request.path for request in web.requests) == ["/a", "/b"]
    assert ollama.last.body.count(base64.b64encode(PNG)) == 6


async def test_the_next_call_fetches_an_image_again(yard: Yard, web: ScriptedProvider) -> None:
    yard.provider("ollama").says("a cat")
    opened(yard, web)
    for _ in range(2):
        await chat(yard, f"{web.url}/a")
    assert len(web.requests) == 2


async def test_images_in_results_of_tools_are_fetched_too(
    yard: Yard, web: ScriptedProvider
) -> None:
    ollama = yard.provider("ollama").says("a cat")
    opened(yard, web)
    source = {"type": "url", "url": f"{web.url}/a"}
    result = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "image", "source": source}],
    }
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    body = {"model": OLLAMA, "max_tokens": 9, "messages": messages}
    heard = await yard.call("/v1/messages", body)
    assert heard.status == 200
    assert base64.b64encode(PNG).decode() in json.dumps(ollama.last.fields)


async def test_a_stream_begins_after_the_fetch(yard: Yard, web: ScriptedProvider) -> None:
    yard.provider("ollama").streams("a ", "cat")
    opened(yard, web)
    heard = await chat(yard, f"{web.url}/a", stream=True)
    assert heard.pieces == ["a ", "cat"]


async def test_providers_that_take_urls_get_urls(yard: Yard, web: ScriptedProvider) -> None:
    openai, anthropic = yard.provider("openai").says("x"), yard.provider("anthropic").says("x")
    opened(yard, web)
    for model in ("gpt-4o", "claude-sonnet-4-5"):
        assert (await chat(yard, f"{web.url}/a", model=model)).status == 200
    assert f"{web.url}/a".encode() in openai.last.body
    assert f"{web.url}/a".encode() in anthropic.last.body
    assert not web.requests


async def test_a_caller_that_leaves_ends_the_fetch(yard: Yard, web: ScriptedProvider) -> None:
    ollama = yard.provider("ollama")
    opened(yard, web).stalls_after_bytes(10)
    async with yard.raw() as client:
        client.ask("/v1/chat/completions", a_chat(f"{web.url}/a"), headers=yard.headers)
        assert await web.called()
    assert await web.closed_by_client()
    assert await yard.ended(1)
    assert yard.last.abandoned
    assert not ollama.requests


async def test_slow_addresses_of_one_key_make_no_other_wait(
    yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_fetch, "MAX_OF_ONE_KEY", 1)
    ollama = yard.provider("ollama").says("a cat")
    opened(yard, web).stalls_after_bytes(10).sends(200, {"content-type": "image/png"}, PNG)
    await yard.open()
    _, other = await yard.stockyard.keys.create("other")
    async with yard.raw() as one, yard.raw() as two:
        for client in (one, two):
            client.ask("/v1/chat/completions", a_chat(f"{web.url}/a"), headers=yard.headers)
        assert await web.called()
        yard.key = other
        assert (await chat(yard, f"{web.url}/b")).text == "a cat"
        assert [request.target for request in web.requests] == ["/a", "/b"]
    assert len(ollama.requests) == 1
    assert await yard.quiet()


async def test_a_repeat_fetches_again(yard: Yard, web: ScriptedProvider) -> None:
    ollama = yard.provider("ollama").fails(503)
    yard.enable("retrypilot", base_ms=1)
    opened(yard, web)
    await chat(yard, f"{web.url}/a")
    assert len(ollama.requests) == len(web.requests) > 1
    assert all(base64.b64encode(PNG) in request.body for request in ollama.requests)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"GIF87a..", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", None),
        (b"GIF88a", None),
        (b"", None),
    ],
)
def test_an_image_is_known_by_its_first_bytes(data: bytes, kind: str | None) -> None:
    assert image_type(data) == kind
