"""Streams of Converse, from the event lists in `cases`, framed as the service frames them."""

import contextlib
import json
import pathlib

import pytest

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.messages import AnyPart, Message, Text, ToolCall
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.bedrock_converse.codec import ConverseCodec
from stockyard.wire.codec import Pen
from tests.bedrock_answers import (
    COUNTS,
    END,
    START,
    TEXT_STREAM,
    TOOL_STREAM,
    delta,
    frames,
    stopped,
)

CODEC = ConverseCodec()
NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)
STREAMS = sorted((pathlib.Path(__file__).parent / "cases").glob("*/bedrock_converse.stream.jsonl"))
EACH_STREAM = pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.parent.name)


def framed(path: pathlib.Path) -> list[bytes]:
    return [frames(tuple(json.loads(line))) for line in path.read_text().splitlines()]


def read(stream: bytes, size: int = 1 << 20) -> list[Event]:
    reader = CODEC.reader(traits=NONE)
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def parts_of(stream: bytes) -> tuple[AnyPart, ...]:
    return fold(read(stream))[0].choices[0].message.parts


@EACH_STREAM
def test_a_stream_says_what_the_whole_answer_says(path: pathlib.Path) -> None:
    whole = json.loads(path.with_name("bedrock_converse.json").read_text())["response"]
    body = json.dumps(whole).encode()
    output, usage = fold(read(b"".join(framed(path))))
    written = json.loads(CODEC.encode_response(Response(output, usage=usage), PEN))
    expected = CODEC.decode_response(body, traits=NONE)
    assert output.choices[0].finish == expected.choices[0].finish
    assert usage == CODEC.facts(body, traits=NONE).usage
    assert written["output"] == whole["output"]


@EACH_STREAM
def test_s08_a_stream_reads_the_same_byte_by_byte(path: pathlib.Path) -> None:
    stream = b"".join(framed(path))
    for size in (1, 2, 7, 64):
        assert read(stream, size) == read(stream)


@EACH_STREAM
def test_a_stream_is_forwarded_as_it_came_byte_by_byte(path: pathlib.Path) -> None:
    stream = b"".join(framed(path))
    for size in (1, 3, len(stream)):
        look = CODEC.look(traits=NONE, keep_usage=True, native=True)
        pieces = [look.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
        assert b"".join(pieces) + look.end() + look.terminator == stream
        assert look.terminator == framed(path)[-1]
        assert look.complete
        assert look.usage == fold(read(stream))[1]


@EACH_STREAM
def test_s19_a_cut_stream_is_complete_only_after_its_stop(path: pathlib.Path) -> None:
    events = framed(path)
    for count in range(len(events)):
        start = b"".join(events[:count])
        reader = CODEC.reader(traits=NONE)
        look = CODEC.look(traits=NONE, keep_usage=True, native=False)
        reader.feed(start)
        look.feed(start)
        stopped_before_end = count == len(events) - 1
        assert reader.complete is look.complete is stopped_before_end
        if not stopped_before_end:
            with pytest.raises(UpstreamError) as raised:
                reader.end()
            assert raised.value.kind == "interrupted"


def test_blocks_may_grow_side_by_side() -> None:
    first = {"toolUse": {"toolUseId": "a", "name": "x"}}
    second = {"toolUse": {"toolUseId": "b", "name": "y"}}
    stream = frames(
        START,
        ("contentBlockStart", {"contentBlockIndex": 3, "start": first}),
        ("contentBlockStart", {"contentBlockIndex": 5, "start": second}),
        delta(5, toolUse={"input": '{"n":'}),
        delta(3, toolUse={"input": "{}"}),
        delta(5, toolUse={"input": "2}"}),
        END,
        COUNTS,
    )
    assert [(p.id, p.arguments) for p in parts_of(stream)] == [("a", "{}"), ("b", '{"n":2}')]  # type: ignore[union-attr]  # both are calls
    assert fold(read(stream))[0].choices[0].finish == "tool_calls"


def test_thinking_comes_with_its_signature_and_sealed_thinking_whole() -> None:
    stream = frames(
        START,
        delta(0, reasoningContent={"text": "Two "}),
        delta(0, reasoningContent={"text": "and two."}),
        delta(0, reasoningContent={"signature": "c2ln"}),
        stopped(0),
        delta(1, reasoningContent={"redactedContent": "c2VhbGVk"}),
        stopped(1),
        delta(2, text="4"),
        stopped(2),
        END,
        COUNTS,
    )
    output, usage = fold(read(stream))
    written = json.loads(CODEC.encode_response(Response(output, usage=usage), PEN))
    assert written["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Two and two.", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "c2VhbGVk"}},
        {"text": "4"},
    ]
    writer = CODEC.writer(PEN)
    assert fold(read(writer.write(read(stream)) + writer.end())) == fold(read(stream))


@pytest.mark.parametrize(("kind", "calls"), [("tool_use", True), ("server_tool_use", False)])
def test_a_call_may_say_that_it_waits_for_the_client(kind: str, calls: bool) -> None:
    call = {"toolUseId": "t1", "name": "weather", "type": kind}
    begun: list[tuple[str, object]] = [
        ("contentBlockStart", {"start": {"toolUse": call}, "contentBlockIndex": 0}),
        ("contentBlockDelta", {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 0}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
    ]
    stream = b"".join(eventstream.event(name, json.dumps(said).encode()) for name, said in begun)
    ended = b"".join(
        eventstream.event(name, json.dumps(said).encode())
        for name, said in (("messageStop", {"stopReason": "tool_use"}), ("metadata", {}))
    )
    begin = eventstream.event("messageStart", b'{"role":"assistant"}')
    (streamed,) = parts_of(begin + stream + ended)
    message = {"role": "assistant", "content": [{"toolUse": {**call, "input": {}}}]}
    body = {"output": {"message": message}, "stopReason": "tool_use", "usage": {}}
    output = CODEC.decode_response(json.dumps(body).encode(), traits=NONE)
    (whole,) = output.choices[0].message.parts
    assert isinstance(streamed, ToolCall) is isinstance(whole, ToolCall) is calls


OWN_CALL = {"toolUseId": "t1", "name": "run", "type": "server_tool_use"}
OWN_RESULT = {"toolUseId": "t1", "status": "success", "type": "run_result"}


def test_what_the_provider_runs_itself_is_whole_in_a_stream_too() -> None:
    blocks = [
        {"toolUse": OWN_CALL | {"input": {"code": "1 + 1"}}},
        {"toolResult": OWN_RESULT | {"content": [{"json": {"out": "2"}}, {"text": "done"}]}},
        {"image": {"format": "png", "source": {"bytes": "aGk="}}},
        {"text": "2"},
    ]
    stream = frames(
        START,
        ("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": OWN_CALL}}),
        delta(0, toolUse={"input": '{"code":'}),
        delta(0, toolUse={"input": '"1 + 1"}'}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolResult": OWN_RESULT}}),
        delta(1, toolResult=[{"json": {"out": "2"}}]),
        delta(1, toolResult=[{"text": "done"}]),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("contentBlockStart", {"contentBlockIndex": 2, "start": {"image": {"format": "png"}}}),
        delta(2, image={"source": {"bytes": "aGk="}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        delta(3, text="2"),
        END,
        COUNTS,
    )
    body = {"output": {"message": {"role": "assistant", "content": blocks}}, "usage": {}}
    whole = CODEC.decode_response(json.dumps(body).encode(), traits=NONE)
    *own, text = whole.choices[0].message.parts
    assert isinstance(text, Text)
    called, answered, drawn, told = parts_of(stream)
    assert told == text
    assert [called, answered] == own[:2]
    writer = CODEC.writer(PEN)
    again = parts_of(writer.write(read(stream)) + writer.end())
    assert again == (called, answered, drawn, told)


@pytest.mark.parametrize(
    "start",
    [{"toolResult": OWN_RESULT}, {"image": {"format": "png"}}, {"toolUse": OWN_CALL}, {"new": 1}],
)
@pytest.mark.parametrize("piece", [{}, {"toolResult": 1}, {"toolUse": {}}, {"image": []}])
def test_odd_pieces_of_them_break_nothing(start: object, piece: dict[str, object]) -> None:
    begun = ("contentBlockStart", {"contentBlockIndex": 0, "start": start})
    with contextlib.suppress(UpstreamError):
        events = read(frames(START, begun, delta(0, **piece), END, COUNTS))
        writer = CODEC.writer(PEN)
        assert read(writer.write(events) + writer.end())


def test_a_half_character_waits_for_its_other_half() -> None:
    cut = [
        eventstream.event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"%b"}}' % h)
        for h in (b"\\ud83d", b"\\ude00!")
    ]
    stream = frames(START) + b"".join(cut) + frames(stopped(0), END)
    assert fold(read(stream))[0].choices[0].message.text == "\N{GRINNING FACE}!"


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_a_failure_is_never_a_finish(reason: str) -> None:
    reader = CODEC.reader(traits=NONE)
    with pytest.raises(UpstreamError) as raised:
        reader.feed(frames(START, ("messageStop", {"stopReason": reason})))
    assert (raised.value.kind, raised.value.code) == ("provider_fault", reason)


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (eventstream.exception("throttlingException", b'{"message":"m"}'), "rate_limited"),
        (eventstream.exception("validationException", b'{"message":"m"}'), "bad_request"),
        (eventstream.exception("internalServerException", b"{}"), "provider_fault"),
        (eventstream.exception("modelStreamErrorException", b"oops"), "provider_fault"),
        (eventstream.exception("serviceUnavailableException", b"{}"), "overloaded"),
        (eventstream.exception("fromNextYearException", b"{}"), "provider_fault"),
        (
            eventstream.frame(
                ((":message-type", "error"), (":error-code", "Internal"), (":error-message", "m")),
                b"",
            ),
            "provider_fault",
        ),
    ],
)
def test_s15_exceptions_in_the_stream_are_errors(frame: bytes, kind: str) -> None:
    reader = CODEC.reader(traits=NONE)
    with pytest.raises(UpstreamError) as raised:
        reader.feed(frames(START, delta(0, text="Hi")) + frame)
    assert raised.value.kind == kind
    assert len(reader.before_error) == 3


@pytest.mark.parametrize("stream", [TEXT_STREAM, TOOL_STREAM])
def test_what_is_written_is_read_back(stream: bytes) -> None:
    writer = CODEC.writer(PEN)
    events = read(stream)
    written = b"".join(writer.write([event]) for event in events) + writer.end()
    assert fold(read(written)) == fold(events)


def test_blanks_between_words_stay_in_an_answer() -> None:
    """Citations cut a text into blocks, and some hold nothing but a space."""
    parts = tuple(Text(text=text) for text in ("One.", " ", "Two."))
    choice = Choice(message=Message(role="assistant", parts=parts), finish="stop")
    written = CODEC.encode_response(Response(Output(model="m", choices=(choice,))), PEN)
    blocks = json.loads(written)["output"]["message"]["content"]
    assert [block["text"] for block in blocks] == ["One.", " ", "Two."]
