"""Answers that begin ever more choices, calls or parts, of which each is remembered."""

from collections.abc import Callable

import pytest

from stockyard.core.events import PartStarted
from stockyard.core.folding import fold
from stockyard.errors import UpstreamError
from stockyard.wire import eventstream, width
from stockyard.wire.formats import FORMATS
from stockyard.wire.openai_chat import calls

MOST = 100


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(width, "MAX_OPEN", MOST)


def chat(choice: str) -> Callable[[int], bytes]:
    return lambda n: b'data: {"choices":[%b]}\n\n' % choice.replace("#", str(n)).encode()


def typed(kind: str, fields: str) -> Callable[[int], bytes]:
    def event(n: int) -> bytes:
        said = fields.replace("#", str(n))
        return f'event: {kind}\ndata: {{"type":"{kind}",{said}}}\n\n'.encode()

    return event


def gemini(candidate: str) -> Callable[[int], bytes]:
    return lambda n: b'data: {"candidates":[%b]}\r\n\r\n' % candidate.replace("#", str(n)).encode()


def converse(kind: str, payload: str) -> Callable[[int], bytes]:
    return lambda n: eventstream.event(kind, payload.replace("#", str(n)).encode())


GROWING = {
    "choices": ("openai.chat", chat('{"index":#}')),
    "huge indexes": ("openai.chat", chat('{"index":1#000000000000000000000}')),
    "calls": (
        "openai.chat",
        chat('{"delta":{"tool_calls":[{"index":#,"function":{"name":"f"}}]}}'),
    ),
    "calls without names": ("openai.chat", chat('{"delta":{"tool_calls":[{"index":#}]}}')),
    "thoughts": (
        "openai.chat",
        chat('{"delta":{"reasoning_details":[{"type":"reasoning.text","index":#,"text":"a"}]}}'),
    ),
    "completions": ("openai.completions", chat('{"index":#,"text":"a"}')),
    "items": (
        "openai.responses",
        typed("response.output_item.added", '"output_index":#,"item":{"type":"message"}'),
    ),
    "blocks": (
        "anthropic.messages",
        typed("content_block_start", '"index":#,"content_block":{"type":"text"}'),
    ),
    "contents": (
        "cohere.chat",
        typed("content-start", '"index":#,"delta":{"message":{"content":{"type":"text"}}}'),
    ),
    "candidates": ("gemini", gemini('{"index":#}')),
    "fields": ("gemini", gemini('{"field#":1}')),
    "converse blocks": (
        "bedrock.converse",
        converse("contentBlockDelta", '{"contentBlockIndex":#,"delta":{"text":"a"}}'),
    ),
    "pieces of an image": (
        "bedrock.converse",
        lambda n: (
            converse("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"image":{}}}')(n)
            if n
            else converse("contentBlockStart", '{"contentBlockIndex":0,"start":{"image":{}}}')(n)
        ),
    ),
}
SEEN = {"choices", "huge indexes", "completions", "candidates"}
"""Those that are remembered when a stream is forwarded, too."""


@pytest.mark.parametrize("growing", GROWING)
def test_a_stream_that_opens_ever_more_is_an_error_where_it_is_read(growing: str) -> None:
    format, event = GROWING[growing]
    reader = FORMATS[format].reader(traits=frozenset())
    reader.feed(b"".join(map(event, range(MOST))))
    with pytest.raises(UpstreamError) as raised:
        reader.feed(event(MOST) + event(MOST + 1))
    assert (raised.value.kind, raised.value.code) == ("bad_answer", "limit_exceeded")


@pytest.mark.parametrize("growing", sorted(SEEN))
def test_a_stream_that_opens_ever_more_is_an_error_where_it_is_forwarded(growing: str) -> None:
    format, event = GROWING[growing]
    look = FORMATS[format].look(traits=frozenset(), keep_usage=True, native=False)
    look.feed(b"".join(map(event, range(MOST))))
    with pytest.raises(UpstreamError) as raised:
        look.feed(event(MOST) + event(MOST + 1))
    assert (raised.value.kind, raised.value.code) == ("bad_answer", "limit_exceeded")


def test_unfinished_arguments_are_not_parsed_again_with_every_call_that_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = 0

    def counting(text: str) -> bool:
        nonlocal parsed
        parsed += len(text)
        return False

    monkeypatch.setattr(calls, "is_json", counting)
    monkeypatch.setattr(calls, "PATIENCE", 10_000)
    reader = FORMATS["openai.chat"].reader(traits=frozenset())
    huge = chat('{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"%s"}}]}}')
    reader.feed(huge(0).replace(b"%s", b"x" * 4000))
    more = chat('{"delta":{"tool_calls":[{"index":1#,"function":{"name":"f","arguments":"x"}}]}}')
    events = [event for n in range(MOST - 1) for event in reader.feed(more(n))]
    assert sum(isinstance(event, PartStarted) for event in events) == MOST - 1
    assert parsed < 20_000


def test_a_block_of_the_formats_own_grows_by_its_texts() -> None:
    start = typed("content_block_start", '"index":0,"content_block":{"type":"own","text":"a"}')
    more = typed("content_block_delta", '"index":0,"delta":{"type":"own_delta","text":"#"}')
    stop = typed("content_block_stop", '"index":0')
    end = typed("message_delta", '"delta":{"stop_reason":"end_turn"}')
    stream = start(0) + b"".join(map(more, range(10))) + stop(0) + end(0)
    reader = FORMATS["anthropic.messages"].reader(traits=frozenset())
    output, _ = fold(reader.feed(stream) + reader.end())
    (part,) = output.choices[0].message.parts
    assert part.value == {"type": "own", "text": "a0123456789"}  # type: ignore[union-attr]  # Opaque
