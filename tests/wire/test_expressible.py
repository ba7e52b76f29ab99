"""What formats say of their answers that they can say, and what their writers do."""

from typing import Any

import msgspec
import pytest

from stockyard.core.events import Event
from stockyard.core.folding import unfold
from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Video,
)
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Pen
from stockyard.wire.expressible import LONGEST, Expressible, may_lose
from stockyard.wire.formats import FORMATS
from stockyard.wire.streamed import StreamedCodec

CHATS = (
    *("openai.chat", "openai.responses", "anthropic.messages", "gemini", "openai.completions"),
    *("bedrock.converse", "cohere.chat", "ollama.chat", "ollama.generate"),
)
"""All but `bedrock.invoke`, whose answers are those of `anthropic.messages` in other frames."""
USAGE = Usage(in_fresh=1, out_text=1)
LINK = {"url": "https://seen.example", "title": "seen", "start_index": 0, "end_index": 2}
PLACE = {"type": "char_location", "cited_text": "seen", "document_index": 0}
STRETCH = {"start": 0, "end": 2, "text": "he", "sources": [{"type": "document", "id": "seen"}]}
NOTE = {"type": "file_citation", "file_id": "seen", "filename": "a", "index": 0}
LOGPROBS = {"content": [{"token": "seen", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}
DATA = "c2VlbiBzZWVuIHNlZW4gc2Vlbg"

EVERYBODY_SAYS: tuple[AnyPart, ...] = (
    Text(text="hello"),
    Refusal(text="no"),
    ToolCall(id="call_1", name="f", arguments="{}"),
    Reasoning(text="hm"),
)


def an_output(*parts: AnyPart, logprobs: Any = None) -> Output:
    message = Message(role="assistant", parts=parts)
    choice = Choice(message=message, finish="stop", logprobs=logprobs)
    return Output(id="a", model="m", choices=(choice,))


def cited(citation: dict[str, Any]) -> Output:
    return an_output(Text(text="hello", citations=(citation,)))


def a_pen() -> Pen:
    return Pen(
        id="x" * 26,
        input_estimate=lambda: 1,
        elapsed_us=lambda: 1,
        model="m",
        created=1,
        wants_usage=True,
        asked=b'{"model":"m","messages":[{"role":"user","content":"hi"}],"input":"hi"}',
        reasoning_field="reasoning_content",
    )


def says_of(name: str) -> Expressible:
    codec = FORMATS[name]
    assert isinstance(codec, StreamedCodec)
    return codec.says


@pytest.mark.parametrize("name", CHATS)
@pytest.mark.parametrize(
    ("what", "output", "sign"),
    [
        ("citations", cited(LINK), b"seen.example"),
        ("citations", cited(PLACE), b"char_location"),
        ("citations", cited(STRETCH), b'"seen"'),
        ("citations", cited(NOTE), b"file_citation"),
        ("logprobs", an_output(Text(text="hello"), logprobs=LOGPROBS), b"-0.1"),
        ("audio", an_output(Audio(data=DATA, format="wav", id="a")), DATA.encode()),
        ("images", an_output(Image(data=DATA, media_type="image/png")), DATA.encode()),
        ("video", an_output(Video(data=DATA, media_type="video/mp4")), DATA.encode()),
        ("documents", an_output(Document(data=DATA, media_type="application/pdf")), DATA.encode()),
        ("zap", an_output(Opaque(format="x", value={"type": "zap", "it": "seen"})), b'"seen"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_said_is_told_by_name_and_what_is_told_is_not_said(
    name: str, what: str, output: Output, sign: bytes
) -> None:
    codec, says = FORMATS[name], says_of(name)
    events = unfold(output, USAGE)
    writer = codec.writer(a_pen())
    streamed = writer.write(events) + writer.end()
    told = set(says.lost_of(output))
    assert told == {lost for event in events for lost in says.lost_in(event)}
    assert told <= {what}
    assert (sign in streamed) is not bool(told)
    if not told:
        assert sign in codec.encode_response(Response(output, usage=USAGE), a_pen())


@pytest.mark.parametrize("name", [*CHATS, "bedrock.invoke"])
def test_what_all_of_them_can_say_is_never_told(name: str) -> None:
    output, says = an_output(*EVERYBODY_SAYS), says_of(name)
    assert not list(says.lost_of(output))
    assert not [lost for event in unfold(output, USAGE) for lost in says.lost_in(event)]


@pytest.mark.parametrize("name", [*CHATS, "bedrock.invoke"])
def test_an_event_that_is_passed_over_loses_nothing(name: str) -> None:
    known = (*EVERYBODY_SAYS, Audio(data=DATA), Image(url="https://a"), Opaque(format="x", value=1))
    events: list[Event] = unfold(an_output(*known, logprobs=LOGPROBS), USAGE)
    passed = [event for event in events if not may_lose(event)]
    assert passed
    assert not [lost for event in passed for lost in says_of(name).lost_in(event)]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ({"type": "web_search_call"}, "web_search_call"),
        ({"executableCode": {}}, "executableCode"),
        ({"type": "x" * 100}, "x" * LONGEST),
        ({"type": 1}, "block"),
        ({}, "block"),
        ("odd", "block"),
    ],
)
def test_a_block_is_told_by_what_it_calls_itself(value: Any, name: str) -> None:
    assert list(Expressible().lost_of(an_output(Opaque(format="x", value=value)))) == [name]


@pytest.mark.parametrize("logprobs", [None, {"content": None}, {"content": []}, {}])
def test_empty_log_probabilities_are_no_loss(logprobs: Any) -> None:
    assert not list(Expressible().lost_of(an_output(Text(text="a"), logprobs=logprobs)))


def test_the_blocks_of_a_format_s_own_are_said() -> None:
    block = {"type": "web_search_tool_result", "tool_use_id": "t", "content": []}
    output = an_output(Opaque(format="anthropic.messages", value=block))
    for name in ("anthropic.messages", "bedrock.invoke"):
        assert not list(says_of(name).lost_of(output))
    written = FORMATS["anthropic.messages"].encode_response(Response(output, usage=USAGE), a_pen())
    assert msgspec.json.decode(written)["content"] == [block]
