"""Streams of `gemini`, written."""

import json
from typing import Any

import pytest

from stockyard.core.events import (
    ArgumentsDelta,
    Event,
    Finished,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.folding import fold
from stockyard.core.messages import Text, ToolCall
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault
from stockyard.wire.formats import FORMATS
from tests.wire.gemini_streams import (
    ARRAY,
    COUNTS,
    EVENTS,
    PEN,
    call,
    chunk,
    documents,
    events_of,
    parts_of,
    read,
    text,
    written,
)

FAULT = Fault(status=502, kind="interrupted", code="stream_interrupted", message="It broke off.")
ANSWER: tuple[Event, ...] = (
    PartStarted(key="r", kind="reasoning"),
    ReasoningDelta(key="r", text="Hm."),
    PartEnded(key="r"),
    PartStarted(key="t", kind="text"),
    TextDelta(key="t", text="a\nb"),
    PartEnded(key="t"),
    PartStarted(key="c", kind="tool_call", id="1", name="f"),
    ArgumentsDelta(key="c", text='{"a"'),
    ArgumentsDelta(key="c", text=":1}"),
    PartEnded(key="c"),
    Finished(reason="tool_calls"),
    UsageSeen(usage=Usage(in_fresh=10, out_text=5)),
)


def test_a_written_stream_has_nothing_but_its_events() -> None:
    said = documents(written(*ANSWER))

    parts = [part for d in said for c in d["candidates"] for part in c["content"]["parts"]]
    assert parts == [
        text("Hm.", thought=True),
        text("a\nb"),
        call("f", id="1", args={"a": 1}),
        text(""),
    ]
    assert all((d["modelVersion"], d["responseId"]) == ("m", "r1") for d in said)
    assert [d["candidates"][0].get("finishReason") for d in said] == [None, None, None, "STOP"]
    assert [d.get("usageMetadata") for d in said] == [None, None, None, COUNTS]


def test_an_array_says_the_same_as_events() -> None:
    array = written(*ANSWER, codec=ARRAY)

    assert json.loads(array) == documents(written(*ANSWER))
    assert array.startswith(b"[{")
    assert b"}\n,\r\n{" in array


def test_s21_the_finish_waits_for_the_usage() -> None:
    writer = EVENTS.writer(PEN)

    assert writer.write([Started(), Finished(reason="stop")]) == b""
    assert documents(writer.end())[0]["candidates"][0]["finishReason"] == "STOP"


def test_an_empty_answer_still_ends_properly() -> None:
    (only,) = documents(written())

    assert only["candidates"][0]["finishReason"] == "STOP"


def test_a_call_that_never_ended_goes_out_at_the_end() -> None:
    first, _ = documents(written(PartStarted(key="c", kind="tool_call", id="1", name="f")))

    assert first["candidates"][0]["content"]["parts"] == [call("f", id="1", args={})]


def test_a_refusal_is_told_as_a_text_that_was_filtered() -> None:
    said = documents(
        written(
            PartStarted(key="r", kind="refusal"),
            RefusalDelta(key="r", text="No."),
            PartEnded(key="r"),
            Finished(reason="stop"),
        )
    )

    assert said[0]["candidates"][0]["content"]["parts"] == [text("No.")]
    assert said[-1]["candidates"][0]["finishReason"] == "SAFETY"


@pytest.mark.parametrize(("made_by", "shown"), [("gemini", True), ("anthropic.messages", False)])
def test_only_signatures_of_this_format_are_shown(made_by: str, shown: bool) -> None:
    stream = written(
        PartStarted(key="r", kind="reasoning"),
        ReasoningDelta(key="r", text="Hm."),
        SignatureDelta(key="r", signature="c2ln", made_by=made_by),
        PartEnded(key="r"),
    )

    assert (b"thoughtSignature" in stream) is shown


@pytest.mark.parametrize(
    "before", [call("f", args={}) | {"thoughtSignature": "YQ=="}, text("Hm.", thought=True)]
)
def test_a_signature_that_comes_last_and_alone_is_kept_in_its_place(before: Any) -> None:
    """`wire.md` 4.5: a last event may hold only a signature, with an empty text."""
    chunks = (chunk(before), chunk(text("", thoughtSignature="c2ln"), finish="STOP"))

    events = read(events_of(*chunks))

    assert parts_of(*chunks)[-1] == Text(text="", extra={"gemini": {"thoughtSignature": "c2ln"}})
    said = [
        p
        for d in documents(written(*events))
        for c in d["candidates"]
        for p in c["content"]["parts"]
    ]
    assert said == [before, text("", thoughtSignature="c2ln"), text("")]
    for other in ("anthropic.messages", "openai.chat", "openai.responses"):
        writer = FORMATS[other].writer(PEN)
        assert b"c2ln" not in writer.write(events) + writer.end()


@pytest.mark.parametrize("codec", [EVENTS, ARRAY])
def test_what_was_read_is_written_again(codec: Any) -> None:
    chunks = (
        chunk(text("Hm.", thought=True, thoughtSignature="c2ln")),
        chunk(text("a")),
        chunk(text("", thoughtSignature="c2ln")),
        chunk(call("f", args={"a": 1}) | {"thoughtSignature": "c2ln"}, call("g", args={})),
        chunk(text(""), finish="STOP", counts=COUNTS, safetyRatings=[{"category": "X"}]),
    )
    events = read(events_of(*chunks))

    again = read(written(*events, codec=codec), codec)

    assert fold(again) == fold(events)
    assert b"safetyRatings" in written(*events)
    assert written(*events).count(b"thoughtSignature") == 3


@pytest.mark.parametrize(
    ("codec", "start"), [(EVENTS, b'data: {"error":{"code":503,'), (ARRAY, b',\r\n{"error":{')]
)
def test_a_broken_stream_ends_with_an_error(codec: Any, start: bytes) -> None:
    writer = codec.writer(PEN)
    sent = writer.write(list(ANSWER[:6]))

    ending = writer.fail(FAULT)

    assert ending.startswith(start)
    assert ending == codec.failed_stream(FAULT)
    if codec is ARRAY:
        assert json.loads(sent + ending)[-1]["error"]["status"] == "UNAVAILABLE"
    else:
        assert documents(sent + ending)[-1]["error"]["status"] == "UNAVAILABLE"


def test_an_array_that_breaks_at_once_is_an_array_all_the_same() -> None:
    assert [list(item) for item in json.loads(ARRAY.writer(PEN).fail(FAULT))] == [["error"]]


@pytest.mark.parametrize("codec", [EVENTS, ARRAY])
def test_nothing_is_sent_to_keep_such_a_stream_alive(codec: Any) -> None:
    assert (codec.ping, codec.comments, codec.terminator) == (b"", False, b"")


def test_a_whole_call_in_one_event_opens_and_closes_a_block_of_messages() -> None:
    events = read(events_of(chunk(text("a"), call("f", args={"a": 1}), call("g"), finish="STOP")))
    writer = FORMATS["anthropic.messages"].writer(PEN)

    stream = writer.write(events) + writer.end()

    again = fold(read(stream, FORMATS["anthropic.messages"]))[0].choices[0]
    calls = [p for p in again.message.parts if isinstance(p, ToolCall)]
    assert [(c.name, c.arguments or "{}") for c in calls] == [("f", '{"a":1}'), ("g", "{}")]
    assert again.finish == "tool_calls"
