"""Events and answers of hostile providers, which would hold up all other calls, and large ones of
honest providers."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stockyard.core.events import Event, LogprobsAdded, PartStarted
from stockyard.core.folding import fold
from stockyard.errors import UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.formats import FORMATS
from stockyard.wire.realtime import Begun, heard_in
from stockyard.wire.surrogates import MAX_ODD, decode_event
from stockyard.wire.width import LARGE, MAX_AT_ONCE, MAX_THINGS, weighed

READ = 64 * 1024
MANY = 40_000


def reads(data: bytes) -> list[bytes]:
    return [data[start : start + READ] for start in range(0, len(data), READ)]


def events_of(format: str, data: bytes) -> list[Event]:
    reader = FORMATS[format].reader(traits=frozenset())
    events = [event for piece in reads(data) for event in reader.feed(piece)]
    return events + reader.end()


def look_at(format: str, data: bytes, *, native: bool = False) -> bytes:
    look = FORMATS[format].look(traits=frozenset(), keep_usage=True, native=native)
    return b"".join(map(look.feed, reads(data))) + look.end() + look.terminator


def as_event(document: bytes) -> bytes:
    return b"data: " + document + b"\n\n"


def as_line(document: bytes) -> bytes:
    return document + b"\n"


def as_array(document: bytes) -> bytes:
    return b"[" + document + b"]"


def as_frame(document: bytes) -> bytes:
    return eventstream.event("contentBlockDelta", document)


def many(thing: str) -> bytes:
    return b"[" + b",".join([thing.encode()] * MANY) + b"]"


HOSTILE = [
    ("openai.chat", as_event, b'{"choices":%b}' % many("{}")),
    ("openai.chat", as_event, b'{"choices":[{"delta":{"tool_calls":%b}}]}' % many("{}")),
    ("openai.chat", as_event, b'{"choices":[],"usage":%b}' % many("{}")),
    ("openai.completions", as_event, b'{"choices":%b}' % many("{}")),
    ("openai.responses", as_event, b'{"type":"response.created","x":%b}' % many("{}")),
    ("anthropic.messages", as_event, b'{"type":"message_start","x":%b}' % many("[]")),
    ("gemini", as_event, b'{"candidates":%b}' % many("{}")),
    ("gemini.array", as_array, b'{"candidates":[{"content":{"parts":%b}}]}' % many("{}")),
    ("cohere.chat", as_event, b'{"type":"citation-start","delta":%b}' % many("[]")),
    ("ollama.chat", as_line, b'{"message":{"tool_calls":%b}}' % many("{}")),
    ("bedrock.converse", as_frame, b'{"delta":%b}' % many("{}")),
]


@pytest.mark.parametrize(("format", "framed", "document"), HOSTILE)
@pytest.mark.parametrize("read", [events_of, look_at])
def test_an_event_of_nothing_but_brackets_ends_the_stream(
    format: str,
    framed: Callable[[bytes], bytes],
    document: bytes,
    read: Callable[[str, bytes], Any],
) -> None:
    with pytest.raises(UpstreamError) as raised:
        read(format, framed(document))
    assert (raised.value.kind, raised.value.code) == ("bad_answer", "limit_exceeded")


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(many("{}"), id="objects"),
        pytest.param(b"[" * 2 * MANY, id="depth"),
        pytest.param(b"{" + b",".join([b'"a":1'] * 2 * MANY) + b"}", id="keys of one object"),
        pytest.param(b'{"a":"' + b"[" * MANY + b'","b":' + many("{}"), id="beside a text"),
    ],
)
def test_a_document_with_little_text_is_refused_before_it_is_decoded(document: bytes) -> None:
    with pytest.raises(UpstreamError):
        weighed(document)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b'"%b"' % (b"{[:" * LARGE), id="text of brackets"),
        pytest.param(b'"%b"' % (rb"\"{[:\\" * LARGE), id="text of escapes"),
        pytest.param(b"[" + b"0.1," * LARGE + b"1]", id="numbers"),
        pytest.param(b"[" + b"{}," * (LARGE // 4) + b"{}]", id="no larger than a read"),
        pytest.param(bytes(range(256)) * 4096, id="sound"),
    ],
)
def test_texts_numbers_and_sound_may_fill_a_document(document: bytes) -> None:
    assert weighed(document) is document


def test_a_document_of_small_objects_is_refused_even_with_some_text_in_each() -> None:
    things = [{"text": "x" * 20}] * (MAX_THINGS + 1)
    document = msgspec.json.encode({"parts": things})
    assert weighed(document)
    with pytest.raises(UpstreamError):
        decode_event(document)


def alternatives(tokens: int) -> list[dict[str, Any]]:
    one = {"token": " a", "logprob": -0.1, "bytes": [32, 97]}
    return [{**one, "top_logprobs": [one] * 20}] * tokens


def test_the_probabilities_of_twenty_alternatives_for_each_token_pass() -> None:
    chunk = {
        "choices": [
            {
                "index": 0,
                "delta": {"content": " a" * 3000},
                "logprobs": {"content": alternatives(3000)},
                "finish_reason": "stop",
            }
        ]
    }
    stream = as_event(msgspec.json.encode(chunk)) + as_event(b"[DONE]")
    assert look_at("openai.chat", stream) == stream
    (told,) = (e for e in events_of("openai.chat", stream) if isinstance(e, LogprobsAdded))
    assert len(told.value["content"]) == 3000


def test_an_answer_of_ten_thousand_items_passes() -> None:
    part = {"type": "output_text", "text": "Done.", "annotations": [], "logprobs": []}
    message = {"type": "message", "role": "assistant", "status": "completed", "content": [part]}
    call = {"type": "function_call", "name": "look", "arguments": "{}", "status": "completed"}
    items = [
        item
        for number in range(5000)
        for item in (
            {"id": f"msg_{number}", **message},
            {"id": f"fc_{number}", "call_id": f"call_{number}", **call},
        )
    ]
    response = {"id": "resp_1", "model": "m", "status": "completed", "output": items}
    completed = {"type": "response.completed", "response": response}
    stream = b"event: response.completed\n" + as_event(msgspec.json.encode(completed))
    assert look_at("openai.responses", stream) == stream
    parts = [e for e in events_of("openai.responses", stream) if isinstance(e, PartStarted)]
    assert len(parts) == 10_000


def test_a_hundred_and_twenty_eight_choices_pass() -> None:
    chunks = [
        {"choices": [{"index": n, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
        for n in range(128)
    ]
    stream = b"".join(as_event(msgspec.json.encode(chunk)) for chunk in chunks)
    assert look_at("openai.chat", stream) == stream
    output, _ = fold(events_of("openai.chat", stream))
    assert len(output.choices) == 128


def test_a_picture_of_twenty_megabytes_passes_in_one_event() -> None:
    data = "QUJD" * (5 * 1024 * 1024)
    inline = {"inlineData": {"mimeType": "image/png", "data": data}}
    answer = {"candidates": [{"content": {"parts": [inline]}, "finishReason": "STOP"}]}
    stream = b"data: " + msgspec.json.encode(answer) + b"\r\n\r\n"
    assert look_at("gemini", stream, native=True) == stream
    (part,) = (e for e in events_of("gemini", stream) if isinstance(e, PartStarted))
    assert part.whole is not None


HALVES = {
    rb"\ud83d": "\ufffd",
    rb"\ude00": "\ufffd",
    rb"\ud83d\ude00": "\U0001f600",
    rb"\\ud83d": r"\ud83d",
    rb"\\\ud83d": "\\\ufffd",
    rb"\ud83d\ud83d\ude00": "\ufffd\U0001f600",
    b"\xff": "\ufffd",
}


def test_half_characters_in_a_large_event_are_replaced() -> None:
    texts = b",".join(b'"%b"' % text for text in (*HALVES, b"x" * MAX_ODD))
    assert decode_event(b"[%b]" % texts)[:-1] == list(HALVES.values())


def test_a_large_event_with_numbers_that_are_none_is_not_json() -> None:
    with pytest.raises(ValueError, match="invalid"):
        decode_event(b'["%b",NaN]' % (b"x" * MAX_ODD))


@pytest.mark.parametrize(
    ("format", "answer"),
    [
        ("openai.embeddings", {"data": [{"index": 0, "embedding": [0.5], "object": "embedding"}]}),
        ("ollama.embed", {"embeddings": [[0.25, 0.125, 0.0625, 0.5]]}),
        ("cohere.rerank", {"results": [{"index": 0, "relevance_score": 0.5, "x": "x" * 20}]}),
        ("openai.chat", {"choices": [{"message": {"content": "x" * 20}}]}),
        ("openai.responses", {"object": "response", "output": [{"type": "x" * 20}]}),
        ("anthropic.messages", {"content": [{"type": "text", "text": "x" * 20}]}),
        ("gemini", {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]}),
        ("cohere.chat", {"message": {"content": [{"type": "text", "text": "x" * 20}]}}),
        ("ollama.chat", {"done": True, "message": {"content": "", "images": ["x" * 20]}}),
    ],
)
def test_a_whole_answer_of_too_many_things_is_not_taken_apart(format: str, answer: Any) -> None:
    body = msgspec.json.encode(widened(answer))
    with pytest.raises(UpstreamError) as raised:
        FORMATS[format].decode_response(body, traits=frozenset())
    assert (raised.value.kind, raised.value.code) == ("bad_answer", "limit_exceeded")


def widened(value: Any) -> Any:
    """The same with its first list repeated."""
    if isinstance(value, list):
        return value * (MAX_THINGS + 1)
    if isinstance(value, dict):
        return {name: widened(inner) for name, inner in value.items()}
    return value


def test_an_object_of_very_many_keys_is_not_taken_apart() -> None:
    body = msgspec.json.encode({"error": {f"key {n}": "x" for n in range(MAX_THINGS)}})
    with pytest.raises(UpstreamError, match="too many parts"):
        decode_event(body)


def test_a_message_of_nothing_but_brackets_tells_nothing() -> None:
    told = b'{"type":"response.created","response":{"id":"resp_1"},"x":%b}'
    assert heard_in(told % b"[]") == Begun("resp_1")
    assert heard_in(told % many("{}")) is None


@pytest.mark.parametrize("format", ["openai.chat", "anthropic.messages", "gemini"])
def test_names_of_counts_without_number_are_not_kept(format: str) -> None:
    def event(names: dict[str, int]) -> bytes:
        usage = {"prompt_tokens": 3, "input_tokens": 3, "promptTokenCount": 3, **names}
        told = {"choices": [], "usage": usage, "usageMetadata": usage}
        return as_event(msgspec.json.encode({"type": "message_delta", "delta": {}, **told}))

    look = FORMATS[format].look(traits=frozenset(), keep_usage=True, native=True)
    reader = FORMATS[format].reader(traits=frozenset())
    for n in range(1000):
        look.feed(event({f"count{n}": n}))
        reader.feed(event({f"count{n}": n}))
    for part in (look, reader):
        said = vars(part)["_usage_said"]  # nothing else shows what is kept
        kept = said._others | said._most if format == "gemini" else said
        assert len(kept) <= 300
    assert look.usage is not None
    assert look.usage.prompt == 3


def test_an_event_that_becomes_very_many_of_ours_is_passed_to_nobody() -> None:
    things = [{"type": "text", "text": "x" * 20}] * (MAX_AT_ONCE // 3 + 1)
    start = {"type": "message_start", "message": {"content": things}}
    reader = FORMATS["anthropic.messages"].reader(traits=frozenset())
    with pytest.raises(UpstreamError, match="too many parts"):
        reader.feed(as_event(msgspec.json.encode(start)))
    assert reader.before_error == []
