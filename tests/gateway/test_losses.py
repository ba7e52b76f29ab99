"""What an answer loses on its way into its client's format is told, and nothing else is."""

import json
from typing import Any, ClassVar

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
SEARCHED = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
CITED = {"type": "web_search_result_location", "url": "https://a.example", "cited_text": "x"}
TEXT = {"type": "text", "text": "found"}


def answer(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-scripted",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def as_stream(whole: dict[str, Any]) -> bytes:
    said: list[dict[str, Any]] = [{"type": "message_start", "message": whole | {"content": []}}]
    for index, block in enumerate(whole["content"]):
        begun = block | {"text": "", "citations": []} if "text" in block else block
        said.append({"type": "content_block_start", "index": index, "content_block": begun})
        if "text" in block:
            deltas = [{"type": "text_delta", "text": block["text"]}]
            deltas += [
                {"type": "citations_delta", "citation": citation}
                for citation in block.get("citations", ())
            ]
            said += [
                {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
            ]
        said.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    said += [
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())
        for event in said
    )


async def ask(yard: Yard, path: str, whole: dict[str, Any], *, stream: bool) -> Heard:
    anthropic = yard.provider("anthropic")
    if stream:
        anthropic.sends(200, EVENTS, as_stream(whole))
    else:
        anthropic.sends(200, JSON, json.dumps(whole).encode())
    body = yard.body(stream=stream) | {"model": "claude-scripted", "max_tokens": 9}
    if path.endswith("/responses"):
        body = {"model": "claude-scripted", "input": "hi", "stream": stream}
    heard = await yard.call(path, body)
    assert heard.status == 200
    return heard


def lost(yard: Yard) -> list[str]:
    findings = yard.last.exchange.findings
    return [f.detail["part"] for f in findings if f.action == "answer_lost" and f.detail]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "blocks", "told"),
    [
        ("/v1/chat/completions", (SEARCHED, TEXT), ["web_search_tool_result"]),
        ("/v1/chat/completions", (SEARCHED, TEXT, SEARCHED), ["web_search_tool_result"]),
        ("/v1/chat/completions", (TEXT | {"citations": [CITED]},), []),
        ("/v1/responses", (TEXT | {"citations": [CITED]},), []),
        ("/v2/chat", (TEXT | {"citations": [CITED, CITED]},), ["citations"]),
        ("/v1/chat/completions", (TEXT,), []),
        ("/v1/messages", (SEARCHED, TEXT | {"citations": [CITED]}), []),
        ("/anthropic/v1/messages", (SEARCHED, TEXT | {"citations": [CITED]}), []),
    ],
)
async def test_each_thing_is_told_once(
    yard: Yard, path: str, blocks: tuple[dict[str, Any], ...], told: list[str], stream: bool
) -> None:
    await ask(yard, path, answer(*blocks), stream=stream)
    assert lost(yard) == told


@pytest.mark.parametrize("stream", [False, True])
async def test_only_so_many_losses_are_told(yard: Yard, stream: bool) -> None:
    blocks = [{"type": f"odd_{number}"} for number in range(50)]
    await ask(yard, "/v1/chat/completions", answer(*blocks, TEXT), stream=stream)
    assert lost(yard) == [f"odd_{number}" for number in range(20)]


async def test_a_whole_answer_that_is_given_as_a_stream_tells_too(yard: Yard) -> None:
    yard.enable("cache")
    whole = answer(SEARCHED, TEXT)
    await ask(yard, "/v1/chat/completions", whole, stream=False)
    heard = await ask(yard, "/v1/chat/completions", whole, stream=True)
    assert heard.events
    assert lost(yard) == ["web_search_tool_result"]


class TestOfMistral:
    """Its content is a list where anything but text stands in it."""

    PICTURE: ClassVar = {"type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    CONTENT: ClassVar = [
        {"type": "text", "text": "It is"},
        {"type": "reference", "reference_ids": [1, 2]},
        PICTURE,
        {"type": "text", "text": " blue."},
    ]

    def sends(self, yard: Yard, *, stream: bool) -> None:
        mistral = yard.provider("mistral")
        head = {"id": "c1", "object": "chat.completion", "created": 1, "model": "mistral-x"}
        said = {"role": "assistant", "content": self.CONTENT}
        choice = {"index": 0, "finish_reason": "stop"}
        if not stream:
            whole = head | {"choices": [choice | {"message": said}]}
            mistral.sends(200, JSON, json.dumps(whole).encode())
            return
        chunk = head | {"choices": [choice | {"delta": said}]}
        data = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(chunk).encode()
        mistral.sends(200, EVENTS, data)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("/v1/messages", {"citations", "images"}),
            ("/v1/responses", {"citations"}),
            ("/v2/chat", {"citations", "images"}),
        ],
    )
    async def test_parts_that_are_lost_between_texts_are_told(
        self, yard: Yard, path: str, told: set[str], stream: bool
    ) -> None:
        self.sends(yard, stream=stream)
        body = yard.body(stream=stream) | {"model": "mistral/mistral-x", "max_tokens": 9}
        if path.endswith("/responses"):
            body = {"model": "mistral/mistral-x", "input": "hi", "stream": stream}
        heard = await yard.call(path, body)
        assert heard.status == 200
        assert b"It is" in heard.body
        assert (b"iVBORw0KGgo=" in heard.body) == ("images" not in told)
        assert sorted(lost(yard)) == sorted(told)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("module", [None, "secretscan"])
    async def test_clients_of_chat_find_citations_beside_the_text(
        self, yard: Yard, module: str | None, stream: bool
    ) -> None:
        self.sends(yard, stream=stream)
        if module is not None:
            yard.enable(module)
        body = yard.body(stream=stream) | {"model": "mistral/mistral-x"}
        heard = await yard.call("/v1/chat/completions", body)
        picture = {"type": "image_url", "image_url": {"url": self.PICTURE["image_url"]}}
        said: dict[str, Any] = {"content": "", "images": [], "citations": []}
        events = [event.json for event in heard.events if event.json]
        chunks = events if stream else [heard.json]
        for chunk in chunks:
            for choice in chunk["choices"]:
                part = choice["delta" if stream else "message"]
                for name in said:
                    said[name] += part.get(name) or type(said[name])()
        for entry in (*said["images"], *said["citations"]):
            # Those in a stream have one, for official accumulators.
            assert (entry.pop("index", None) is not None) == stream or module is not None
        assert said == {
            "content": "It is blue.",
            "images": [picture],
            "citations": [{"type": "reference", "reference_ids": [1, 2]}],
        }
        assert not lost(yard)
