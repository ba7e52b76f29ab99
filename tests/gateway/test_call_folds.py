"""S47: what one side streams the other may take whole, and the reverse, by the same pipeline."""

import json

import pytest

from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.testing.yard import CHAT, MESSAGES, Yard

ENDED: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ended() -> None:
    ENDED.clear()


class Streams(Module[ModuleConfig]):
    """Asks every provider for a stream."""

    name = "streams"
    category = "routing"
    stage = Stage.ROUTE
    wanted = True

    def on_request(self, x: Exchange) -> None:
        x.request = x.request.streamed() if self.wanted else x.request.whole()

    def on_response(self, x: Exchange) -> None:
        ENDED.append("response")

    def on_error(self, x: Exchange, error: Exception) -> None:
        ENDED.append(type(error).__name__)


class NeverStreams(Streams):
    name = "never_streams"
    wanted = False


class Shouts(Module[ModuleConfig]):
    name = "shouts"
    category = "shape"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if isinstance(event, TextDelta):
            return TextDelta(key=event.key, text=event.text.upper(), choice=event.choice)
        return event


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
class TestFolds:
    async def test_s47_a_stream_is_folded_for_a_client_that_asked_for_none(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).streams("hel", "lo").counts(30, 7)
        yard.add(Streams)
        yard.add(Shouts)
        answer = await yard.call(path, yard.body("hi"))
        assert script.last.fields["stream"] is True
        assert answer.headers["content-type"] == "application/json"
        assert answer.text == "HELLO"
        assert ENDED == ["response"]
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (30, 7)
        assert answer.json["usage"].get(
            "completion_tokens", answer.json["usage"].get("output_tokens")
        )

    async def test_s47_a_stream_that_breaks_off_becomes_an_error_and_no_half_answer(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        yard.provider(provider).streams("hel", "lo").cuts_after("first_content")
        yard.add(Streams)
        answer = await yard.call(path, yard.body("hi"))
        assert answer.status == 502
        assert answer.error is not None
        assert ENDED == ["UpstreamError"]

    async def test_s47_a_whole_answer_is_unfolded_for_a_client_that_asked_for_a_stream(
        self, yard: Yard, provider: str, path: str
    ) -> None:
        script = yard.provider(provider).says("hello there")
        yard.add(NeverStreams)
        yard.add(Shouts)
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert not script.last.fields.get("stream")
        assert answer.streamed
        assert answer.text == "HELLO THERE"
        assert answer.ended
        assert ENDED == ["response"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (CHAT, 404),
        (MESSAGES, 404),
        ("/v1/models", 404),
        ("/v1/responses", 426),
    ],
)
async def test_s50_a_websocket_is_refused_in_the_words_of_the_path(
    yard: Yard, path: str, status: int
) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    wanted = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    async with yard.raw() as client:
        fields = {"host": "localhost", **yard.headers, **wanted}
        lines = [f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in fields.items()), "", ""]
        client.send("\r\n".join(lines).encode())
        reply = await client.answer()
    assert reply.status == status
    said = json.loads(reply.body)
    assert said["error"]["stockyard"]["code"] in ("not_found", "upgrade_refused")
    assert ("type" in said) is (path == MESSAGES)


async def test_s50_a_client_that_merely_offers_another_protocol_is_answered(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    offer = {"connection": "upgrade, http2-settings", "upgrade": "h2c", "http2-settings": "AAMA"}
    assert (await yard.chat("hi", headers=offer)).text == "hello"
    asked = {"model": yard.body()["model"], "input": "hi"}
    assert (await yard.call("/v1/responses", asked, headers=offer)).status == 200
    assert (await yard.get("/v1/models", headers=offer)).status == 200
