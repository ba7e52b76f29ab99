"""Whole answers replayed as streams (`streaming.md` S45 to S47): nothing may be lost on the way.

Whatever parts an answer has, a client that streams gets what a client that does not stream gets.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.core.folding import fold, unfold
from stockyard.core.messages import (
    AnyPart,
    Audio,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.sources import unwrapped

CHAT = FORMATS["openai.chat"]
NONE: frozenset[str] = frozenset()
FORMATS_OF_CHATS = (
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "gemini",
    "bedrock.converse",
    "cohere.chat",
    "ollama.chat",
    "ollama.generate",
    "openai.completions",
)
USAGE = Usage(in_fresh=1, out_text=1)
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)

words = st.text("aé😀 .", min_size=1, max_size=9).filter(lambda text: bool(text.strip()))
makers = st.sampled_from(["openai.responses", "anthropic.messages", "gemini", "bedrock.converse"])
webs = st.builds(
    lambda url: {"type": "url_citation", "url": f"https://{url}", "title": "A"},
    st.text("ab.", min_size=1),
)
seals = st.just("c2ln")
parts = st.one_of(
    st.builds(Text, text=words),
    st.builds(Text, text=words, citations=st.tuples(webs)),
    st.builds(Refusal, text=words),
    st.builds(Reasoning, text=words),
    st.builds(Reasoning, summary=st.tuples(words), made_by=makers | st.none()),
    st.builds(Reasoning, text=words, signature=seals, made_by=makers),
    st.builds(Reasoning, signature=seals, made_by=makers),
    st.builds(Reasoning, redacted=seals, made_by=makers),
    st.builds(Reasoning, encrypted=seals, made_by=st.just("openai.responses")),
    st.builds(
        ToolCall,
        id=st.uuids().map(str),
        name=st.just("f"),
        arguments=st.sampled_from(["", "{}", '{"a":[1,{}]}', "null", "[1]", "no object"]),
        signature=seals | st.none(),
    ),
    st.builds(
        ToolCall,
        id=st.uuids().map(str),
        name=st.just("f"),
        arguments=words,
        kind=st.sampled_from(["custom", "server"]),
    ),
    st.builds(Image, data=st.just(PNG), media_type=st.just("image/png")),
    st.builds(Opaque, format=makers, value=st.just({"type": "x", "x": {"y": 1}})),
)


def an_answer(said: Sequence[AnyPart]) -> Output:
    called = any(isinstance(part, ToolCall) for part in said)
    message = Message(role="assistant", parts=tuple(said))
    choice = Choice(message=message, finish="tool_calls" if called else "stop")
    return Output(id="x", model="m", created=1, choices=(choice,))


def pen() -> Pen:
    return Pen(id="1", model="m", created=1, wants_usage=True)


def read_whole(name: str, answer: Output) -> Output:
    codec = FORMATS[name]
    read = codec.decode_response(
        codec.encode_response(Response(answer, usage=USAGE), pen()), traits=NONE
    )
    assert isinstance(read, Output)
    return read


def read_stream(name: str, answer: Output) -> Output:
    codec = FORMATS[name]
    writer, reader = codec.writer(pen()), codec.reader(traits=NONE)
    stream = writer.write(unfold(answer, USAGE)) + writer.end()
    return fold([*reader.feed(stream), *reader.end()])[0]


def heard(answer: Output) -> dict[str, Any]:
    """What a client gets of an answer, however it is cut into parts."""
    [choice] = answer.choices
    found = choice.message.parts
    thoughts = [p for p in found if isinstance(p, Reasoning)]
    seal = [(p.signature, p.redacted, p.encrypted, p.made_by) for p in thoughts]
    return {
        "text": "".join(p.text for p in found if isinstance(p, Text)),
        "citations": sorted(_source(c) for p in found if isinstance(p, Text) for c in p.citations),
        "refusal": "".join(p.text for p in found if isinstance(p, Refusal)),
        "thinking": "".join(p.text or "".join(p.summary) for p in thoughts),
        "sealed": [one for one in seal if any(one[:3])],
        "calls": [
            (p.id, p.name, p.kind, p.arguments or "{}", p.signature)
            for p in found
            if isinstance(p, ToolCall)
        ],
        "images": [(p.url, p.data) for p in found if isinstance(p, Image)],
        "sound": [p.data for p in found if isinstance(p, Audio)],
        "blocks": [p.value for p in found if isinstance(p, Opaque)],
        "finish": choice.finish,
    }


def _source(citation: dict[str, Any]) -> tuple[str, str]:
    """Not its place, which is counted in a text that streams cut differently."""
    said = unwrapped(citation)
    return said["url"], said["title"]


def thinks_once(said: Sequence[AnyPart]) -> bool:
    """In chat streams thinking that is signed and thinking that is not have two channels, between
    which their order is lost."""
    return sum(isinstance(part, Reasoning) for part in said) < 2


@pytest.mark.parametrize("name", FORMATS_OF_CHATS)
@settings(max_examples=60, deadline=None)
@given(said=st.lists(parts, min_size=1, max_size=4).filter(thinks_once))
def test_a_stream_tells_what_a_whole_answer_tells(name: str, said: list[AnyPart]) -> None:
    answer = an_answer(said)
    assert heard(read_stream(name, answer)) == heard(read_whole(name, answer))


def test_a_gemini_stream_places_citations_in_all_of_its_text() -> None:
    place = {"start_index": 4, "end_index": 9}
    link: dict[str, Any] = {"type": "url_citation", "url": "https://a", "title": "A", **place}
    cited = Text(text="two words", citations=(link,))
    read = read_stream("gemini", an_answer([Text(text="é."), cited]))
    [text] = read.choices[0].message.parts
    assert isinstance(text, Text)
    [citation] = text.citations
    assert text.text[citation["start_index"] : citation["end_index"]] == "words"


def test_a_summary_of_chat_keeps_its_type_in_streams() -> None:
    detail = {"type": "reasoning.summary", "summary": "Hm.", "format": "unknown", "index": 0}
    said = {"role": "assistant", "content": "yes", "reasoning_details": [detail]}
    body = {"id": "1", "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    answer = CHAT.decode_response(json.dumps(body).encode(), traits=NONE)
    assert isinstance(answer, Output)
    writer = CHAT.writer(pen())
    deltas = [
        json.loads(line[6:])["choices"][0]["delta"]
        for line in writer.write(unfold(answer, None)).splitlines()
        if line
    ]
    assert {"reasoning_content": "Hm.", "reasoning_details": [detail]} in deltas
    whole = json.loads(CHAT.encode_response(Response(read_stream("openai.chat", answer)), pen()))
    assert whole["choices"][0]["message"]["reasoning_content"] == "Hm."


def test_a_call_may_be_signed_by_a_later_piece() -> None:
    signed: dict[str, Any] = {"google": {"thought_signature": "c2ln"}}
    pieces: list[dict[str, Any]] = [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"function": {"arguments": "{}"}, "extra_content": signed},
        {"function": {"arguments": ""}, "extra_content": signed},
    ]
    chunks: list[dict[str, Any]] = [
        {"delta": {"tool_calls": [{"index": 0, **piece}]}} for piece in pieces
    ]
    reader = CHAT.reader(traits=NONE)
    data = b"".join(
        b"data: " + json.dumps({"choices": [{"index": 0, **chunk}]}).encode() + b"\n\n"
        for chunk in [*chunks, {"delta": {}, "finish_reason": "tool_calls"}]
    )
    output, _ = fold([*reader.feed(data), *reader.end()])
    [call] = output.choices[0].message.parts
    assert isinstance(call, ToolCall)
    assert (call.arguments, call.signature) == ("{}", "c2ln")
