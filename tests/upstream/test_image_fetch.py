"""Images named by URL, for providers that take bytes: fetched with care, or refused in words."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from stockyard.upstream import image_fetch
from stockyard.wire.media import image_type
from tests.upstream.google import PERSON

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
OLLAMA, CONVERSE = "ollama/llava", "bedrock/amazon.nova-lite-v1:0"


@pytest.fixture
async def web() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as web:
        yield web


def opened(
    yard: Yard, web: ScriptedProvider, body: bytes = PNG, status: int = 200
) -> ScriptedProvider:
    """Users may call this one address, though it is our own machine's."""
    yard.set("egress.allow_private", [web.url.removeprefix("http://")])
    fields = {"content-type": "image/png", "location": f"{web.url}/b"}
    return web.sends(status, fields, body)


def a_chat(*urls: str, model: str = OLLAMA, **more: Any) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [{"type": "text", "text": "What is this?"}, *parts]
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


async def chat(yard: Yard, *urls: str, **more: Any) -> Heard:
    return await yard.call("/v1/chat/completions", a_chat(*urls, **more))


def error_of(heard: Heard) -> dict[str, Any]:
    assert heard.error is not None, heard.body
    return heard.error


def reason_of(error: dict[str, Any]) -> str:
    detail: dict[str, Any] = error["stockyard"]["detail"]
    return str(detail["reason"])


class TestWhatIsFetched:
    async def test_ollamas_own_format_gets_bytes(self, yard: Yard, web: ScriptedProvider) -> None:
        ollama = yard.provider("ollama").says("a cat")
        opened(yard, web)
        image = {"type": "image", "source": {"type": "url", "url": f"{web.url}/a"}}
        body = {"max_tokens": 9, "messages": [{"role": "user", "content": [image]}]}
        heard = await yard.call("/v1/messages", {"model": OLLAMA, **body})
        assert heard.status == 200
        assert ollama.last.path == "/api/chat"
        assert ollama.last.fields["messages"][0]["images"] == [base64.b64encode(PNG).decode()]

    async def test_without_images_the_bytes_are_the_clients(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        ollama = yard.provider("ollama").says("a cat")
        opened(yard, web)
        for url in ("data:image/png;base64,aGk=", "see http://example.com"):
            body = json.dumps(a_chat(url), indent=1).encode()
            assert (await yard.call("/v1/chat/completions", body)).status == 200
            assert ollama.last.body == body.replace(b"ollama/llava", b"llava")
        assert not web.requests

    async def test_ollama_gets_the_bytes_of_an_image(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
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

    async def test_converse_gets_an_image_with_its_real_type(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        bedrock = yard.provider("bedrock", settings={"region": "us-east-1"})
        bedrock.sends(200, {"content-type": "application/json"}, CONVERSED)
        opened(yard, web, JPEG)
        heard = await chat(yard, f"{web.url}/a", model=CONVERSE)
        assert heard.status == 200, heard.body
        image = bedrock.last.fields["messages"][0]["content"][1]["image"]
        assert image["format"] == "jpeg"
        assert image["source"] == {"bytes": base64.b64encode(JPEG).decode()}

    async def test_as_many_images_are_fetched_as_one_request_may_have(
        self, yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(image_fetch, "MAX_IMAGES", 2)
        yard.provider("ollama").says("two cats")
        opened(yard, web)
        heard = await chat(yard, f"{web.url}/1", f"{web.url}/2")
        assert (heard.status, heard.text) == (200, "two cats")
        assert [request.path for request in web.requests] == ["/1", "/2"]

    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
    async def test_claude_at_other_hosts_gets_the_bytes_of_an_image(
        self, yard: Yard, web: ScriptedProvider, path: str
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

    async def test_the_fetch_tells_nothing_of_the_caller(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        yard.provider("ollama").says("a cat")
        opened(yard, web)
        await chat(yard, f"{web.url}/a")
        assert set(web.last.headers) == {"host", "accept", "accept-encoding", "user-agent"}

    async def test_an_image_that_is_named_often_is_fetched_once(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        ollama = yard.provider("ollama").says("cats")
        opened(yard, web)
        await chat(yard, *[f"{web.url}/a"] * 5, f"{web.url}/b")
        assert sorted(request.path for request in web.requests) == ["/a", "/b"]
        assert ollama.last.body.count(base64.b64encode(PNG)) == 6

    async def test_the_next_call_fetches_an_image_again(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        yard.provider("ollama").says("a cat")
        opened(yard, web)
        for _ in range(2):
            await chat(yard, f"{web.url}/a")
        assert len(web.requests) == 2

    async def test_images_in_results_of_tools_are_fetched_too(
        self, yard: Yard, web: ScriptedProvider
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

    async def test_a_stream_begins_after_the_fetch(self, yard: Yard, web: ScriptedProvider) -> None:
        yard.provider("ollama").streams("a ", "cat")
        opened(yard, web)
        heard = await chat(yard, f"{web.url}/a", stream=True)
        assert heard.pieces == ["a ", "cat"]

    async def test_providers_that_take_urls_get_urls(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        openai, anthropic = yard.provider("openai").says("x"), yard.provider("anthropic").says("x")
        opened(yard, web)
        for model in ("gpt-4o", "claude-sonnet-4-5"):
            assert (await chat(yard, f"{web.url}/a", model=model)).status == 200
        assert f"{web.url}/a".encode() in openai.last.body
        assert f"{web.url}/a".encode() in anthropic.last.body
        assert not web.requests


CONVERSED = json.dumps(
    {
        "output": {"message": {"role": "assistant", "content": [{"text": "a cat"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
    }
).encode()


class TestWhatIsRefused:
    async def refused(self, yard: Yard, *urls: str, status: int = 400) -> dict[str, Any]:
        ollama = yard.provider("ollama")
        heard = await chat(yard, *urls)
        assert heard.status == status, heard.body
        assert not ollama.requests
        error = error_of(heard)
        assert error["param"] == "messages"
        return error

    @pytest.mark.parametrize(
        ("status", "body", "reason"),
        [
            (404, b"", "status"),
            (500, PNG, "status"),
            (302, b"", "status"),
            (200, b"<svg/>", "type"),
            (200, b"<html>", "type"),
            (200, b"", "type"),
            (200, b"RIFF\x00\x00\x00\x00WAVEfmt ", "type"),
            (200, b"%PDF-1.7", "type"),
        ],
    )
    async def test_a_file_that_is_no_image_is_refused(
        self, yard: Yard, web: ScriptedProvider, status: int, body: bytes, reason: str
    ) -> None:
        opened(yard, web, body, status)
        yard.provider("ollama")
        error = await self.refused(yard, f"{web.url}/a")
        assert error["code"] == "image_unavailable"
        assert error["message"].startswith("Image 1 ")
        assert reason_of(error) == reason
        assert [request.path for request in web.requests] == ["/a"]

    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/latest/meta-data/",
            "https://169.254.169.254/",
            "https://[::ffff:169.254.169.254]/",
            "https://metadata.google.internal/",
            "http://127.0.0.1:{port}/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://0x7f000001/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://user:secret@example.com/",
            "https://example.com:8443/",
            "http://example.com/",
            "https://exa mple.com/",
        ],
    )
    async def test_an_address_that_users_may_not_reach_is_refused(
        self, yard: Yard, web: ScriptedProvider, url: str
    ) -> None:
        yard.provider("ollama")
        error = await self.refused(yard, url.format(port=web.url.rpartition(":")[2]))
        assert error["code"] == "image_unavailable"
        assert reason_of(error) in ("denied", "unreachable")
        assert not web.requests

    async def test_an_image_that_cannot_be_reached_is_refused(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        yard.set("egress.allow_private", ["127.0.0.1:1"])
        yard.provider("ollama")
        error = await self.refused(yard, "http://127.0.0.1:1/a")
        assert reason_of(error) == "unreachable"

    async def test_an_image_that_comes_too_slowly_is_refused(
        self, yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(image_fetch, "SECONDS", 0.2)
        opened(yard, web).stalls_after_bytes(10)
        yard.provider("ollama")
        error = await self.refused(yard, f"{web.url}/a")
        assert reason_of(error) == "timeout"
        assert await web.closed_by_client()

    async def test_an_image_that_is_too_large_is_refused(
        self, yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(image_fetch, "MAX_BYTES", 1000)
        opened(yard, web, PNG + bytes(1000))
        yard.provider("ollama")
        error = await self.refused(yard, f"{web.url}/a", status=413)
        assert error["code"] == "body_too_large"

    async def test_images_that_are_too_large_together_are_refused(
        self, yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(image_fetch, "MAX_ALL_BYTES", 3 * len(PNG) - 1)
        opened(yard, web)
        yard.provider("ollama")
        urls = [f"{web.url}/{n}" for n in range(3)]
        error = await self.refused(yard, *urls, status=413)
        assert error["message"].startswith("Image 3 ")

    async def test_too_many_images_are_refused(self, yard: Yard, web: ScriptedProvider) -> None:
        opened(yard, web)
        yard.provider("ollama")
        urls = [f"{web.url}/{n}" for n in range(image_fetch.MAX_IMAGES + 1)]
        error = await self.refused(yard, *urls)
        assert reason_of(error) == "count"
        assert not web.requests

    async def test_any_image_is_refused_where_the_operator_switched_fetching_off(
        self, yard: Yard, web: ScriptedProvider
    ) -> None:
        yard.set("egress.fetch_images", False)
        opened(yard, web)
        yard.provider("ollama")
        error = await self.refused(yard, f"{web.url}/a")
        assert reason_of(error) == "off"
        assert "base64" in error["message"]
        assert not web.requests

    @pytest.mark.parametrize(
        ("path", "body", "param"),
        [
            (
                "/v1/responses",
                {
                    "input": [
                        {
                            "role": "user",
                            "content": [{"type": "input_image", "image_url": "https://10.0.0.1/"}],
                        }
                    ]
                },
                "input",
            ),
            (
                "/v1/messages",
                {
                    "max_tokens": 1,
                    "messages": [
                        {
                            "role": "user",
                            "content": [
                                {
                                    "type": "image",
                                    "source": {"type": "url", "url": "https://10.0.0.1/"},
                                }
                            ],
                        }
                    ],
                },
                None,
            ),
        ],
    )
    async def test_a_refusal_is_told_in_the_words_of_every_dialect(
        self, yard: Yard, path: str, body: dict[str, Any], param: str | None
    ) -> None:
        ollama = yard.provider("ollama")
        heard = await yard.call(path, {"model": OLLAMA, **body})
        assert heard.status == 400
        assert "Image 1" in error_of(heard)["message"]
        assert error_of(heard).get("param") == param
        assert not ollama.requests


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
