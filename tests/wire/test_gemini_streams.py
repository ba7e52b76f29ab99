"""Streams of `gemini`, read and forwarded."""

import json
from typing import Any

import pytest

from stockyard.core.events import Finished
from stockyard.core.folding import fold
from stockyard.core.messages import Image, Opaque, Reasoning, Text
from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.formats import FORMATS
from tests.wire.gemini_streams import (
    ARRAY,
    COUNTS,
    EVENTS,
    NONE,
    PEN,
    call,
    chunk,
    documents,
    events_of,
    output_of,
    parts_of,
    read,
    text,
    written,
)


def array_of(*chunks: Any) -> bytes:
    return b"[" + b"\n,\r\n".join(json.dumps(c).encode() for c in chunks) + b"\n]"


def test_s24_stop_is_not_the_end() -> None:
    output = output_of(
        chunk(text("a"), finish="STOP"), chunk(text("b")), chunk(text("c"), finish="STOP")
    )

    assert output.choices[0].message.text == "abc"
    assert output.choices[0].finish == "stop"


def test_the_last_finish_counts() -> None:
    output = output_of(chunk(text("a"), finish="STOP"), chunk(text("b"), finish="MAX_TOKENS"))

    assert output.choices[0].finish == "length"


def test_a_call_makes_the_finish_tool_calls_whatever_is_said() -> None:
    output = output_of(chunk(call("f", args={"a": 1})), chunk(text(""), finish="STOP"))

    assert (output.choices[0].finish, output.choices[0].native_finish) == ("tool_calls", "STOP")


def test_s26_whole_calls_without_ids_get_some_that_never_change() -> None:
    chunks = (chunk(call("f", args={"a": 1}), call("f", args={"a": 2}), finish="STOP"),)

    first, second = parts_of(*chunks)

    assert (first.arguments, second.arguments) == ('{"a":1}', '{"a":2}')
    assert first.id != second.id
    assert [part.id for part in parts_of(*chunks)] == [first.id, second.id]


def test_ids_that_repeat_within_an_answer_are_told_apart() -> None:
    first, second = parts_of(chunk(call("f", id="1"), call("f", id="1"), finish="STOP"))

    assert first.id == "1"
    assert second.id not in ("", "1")


def test_arguments_in_pieces_are_put_together() -> None:
    def piece(path: str, **value: Any) -> dict[str, Any]:
        return {
            "functionCall": {"partialArgs": [{"jsonPath": path, **value}], "willContinue": True}
        }

    parts = parts_of(
        chunk(call("f", id="1", willContinue=True) | {"thoughtSignature": "c2ln"}),
        chunk(piece("$.city", stringValue="Ro", willContinue=True)),
        chunk(piece("$.city", stringValue="me")),
        chunk(piece("$.days[1]", numberValue=2)),
        chunk(piece("$['a b'].c", boolValue=True), piece("$.none", nullValue="NULL_VALUE")),
        chunk(piece("no path", stringValue="x"), piece("$.days.x", stringValue="x")),
        chunk({"functionCall": {}}),
        chunk(call("g", args={}), finish="STOP"),
    )

    assert [(part.name, part.signature) for part in parts] == [("f", "c2ln"), ("g", None)]
    assert json.loads(parts[0].arguments) == {
        "city": "Rome",
        "days": [None, 2],
        "a b": {"c": True},
        "none": None,
    }


def test_arguments_that_are_never_ended_end_with_the_stream() -> None:
    growing = {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "numberValue": 1}]}}
    growing["functionCall"]["willContinue"] = True  # type: ignore[assignment]  # a dict of JSON

    parts = parts_of(chunk(call("f", willContinue=True)), chunk(growing, finish="STOP"))

    assert [part.arguments for part in parts] == ['{"a":1}']


def test_thoughts_texts_and_other_parts_keep_their_order() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}

    parts = parts_of(
        chunk(text("Hm", thought=True)),
        chunk(text(".", thought=True, thoughtSignature="c2ln")),
        chunk(text("a"), code, picture, text("b")),
        chunk(text("c"), finish="STOP"),
    )

    assert parts == [
        Reasoning(text="Hm.", signature="c2ln", made_by="gemini"),
        Text(text="a"),
        Opaque(format="gemini", value=code),
        Image(data="aGk=", media_type="image/png"),
        Text(text="bc"),
    ]


def test_a_picture_that_was_only_thought_of_is_shown_to_nobody_else() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thought": True}
    chunks = (chunk(picture, text("a"), finish="STOP"),)

    assert parts_of(*chunks) == [Opaque(format="gemini", value=picture), Text(text="a")]
    events = read(events_of(*chunks))
    assert picture in documents(written(*events))[0]["candidates"][0]["content"]["parts"]
    writer = FORMATS["anthropic.messages"].writer(PEN)
    assert b"aGk=" not in writer.write(events) + writer.end()


def test_a_pair_that_was_cut_between_events_is_joined() -> None:
    first, second = '{"text": "\\ud83d"}', '{"text": "\\ude00!"}'
    frame = 'data: {"candidates":[{"content":{"parts":[%s]}%s}]}\r\n\r\n'
    data = (frame % (first, "") + frame % (second, ',"finishReason":"STOP"')).encode()

    assert fold(read(data))[0].choices[0].message.text == "\U0001f600!"


def test_several_candidates_are_several_choices() -> None:
    other = chunk(text("b"), finish="MAX_TOKENS")
    other["candidates"][0]["index"] = 1

    output = output_of(chunk(text("a"), finish="STOP"), other)

    assert [(c.index, c.message.text, c.finish) for c in output.choices] == [
        (0, "a", "stop"),
        (1, "b", "length"),
    ]


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ([None, COUNTS], Usage(in_fresh=10, out_text=5)),
        # Seen: a chunk in the middle that knows less than the one before it.
        (
            [{"promptTokenCount": 200, "totalTokenCount": 241, "thoughtsTokenCount": 41}, COUNTS],
            Usage(in_fresh=10, out_text=5, out_reasoning=41, flags=("usage_inconsistent",)),
        ),
        (
            [COUNTS | {"toolUsePromptTokenCount": 7, "totalTokenCount": 22}, None],
            Usage(in_fresh=10, out_text=5, in_tool=7),
        ),
    ],
)
def test_of_several_usages_the_last_one_counts(counts: list[Any], usage: Usage) -> None:
    first, last = (chunk(text("a"), counts=said) for said in counts)
    last["candidates"][0]["finishReason"] = "STOP"

    assert fold(read(events_of(first, last)))[1] == usage


def test_a_blocked_prompt_is_an_answer() -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": COUNTS}

    (finished,) = [e for e in read(events_of(blocked)) if isinstance(e, Finished)]

    assert (finished.reason, finished.native) == ("content_filter", "PROHIBITED_CONTENT")
    look = EVENTS.look(traits=NONE, keep_usage=True, native=False)
    assert look.feed(events_of(blocked)) == events_of(blocked)
    assert look.complete
    assert look.content


# Errors inside a stream

OVERLOADED = {"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}
PRETTY = json.dumps(OVERLOADED, indent=2).encode()


@pytest.mark.parametrize("before", [b"", events_of(chunk(text("a")))])
@pytest.mark.parametrize(
    "error",
    [
        events_of(OVERLOADED),
        events_of([OVERLOADED]),
        PRETTY + b"\n\n",
        b"[" + PRETTY + b"]\n\n",
        b"event: error\r\n" + events_of(OVERLOADED),
    ],
)
def test_s15_an_error_in_a_stream_is_an_error(before: bytes, error: bytes) -> None:
    for seen in (
        EVENTS.reader(traits=NONE),
        EVENTS.look(traits=NONE, keep_usage=True, native=False),
    ):
        with pytest.raises(UpstreamError) as raised:
            seen.feed(before + error)
        assert (raised.value.kind, raised.value.message) == ("overloaded", "Overloaded.")
        assert bool(seen.before_error) is bool(before)


def test_s15_an_error_may_end_the_stream_without_a_blank_line() -> None:
    for seen in (
        EVENTS.reader(traits=NONE),
        EVENTS.look(traits=NONE, keep_usage=True, native=False),
    ):
        seen.feed(events_of(chunk(text("a"))) + PRETTY)
        with pytest.raises(UpstreamError) as raised:
            seen.end()
        assert raised.value.kind == "overloaded"


@pytest.mark.parametrize(
    "reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "OTHER"]
)
def test_a_finish_that_is_a_failure_is_no_answer(reason: str) -> None:
    broken = chunk(text("a"), finish=reason)

    for attempt in (
        lambda: read(events_of(broken)),
        lambda: EVENTS.look(traits=NONE, keep_usage=True, native=False).feed(events_of(broken)),
        lambda: EVENTS.facts(json.dumps(broken).encode(), traits=NONE),
        lambda: EVENTS.decode_response(json.dumps(broken).encode(), traits=NONE),
    ):
        with pytest.raises(UpstreamError) as raised:
            attempt()
        assert (raised.value.kind, raised.value.code) == ("provider_fault", reason)


def test_on_a_native_path_such_a_finish_is_the_callers_business() -> None:
    broken = events_of(chunk(text("a"), finish="MALFORMED_FUNCTION_CALL"))

    look = EVENTS.look(traits=NONE, keep_usage=True, native=True)

    assert look.feed(broken) + look.end() == broken
    assert look.complete


@pytest.mark.parametrize(
    "data", [b"data: 5\r\n\r\n", b"data: [1,2]\r\n\r\n", b"data: {oops\r\n\r\n"]
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    for seen in (
        EVENTS.reader(traits=NONE),
        EVENTS.look(traits=NONE, keep_usage=True, native=False),
    ):
        with pytest.raises(UpstreamError) as raised:
            seen.feed(data)
        assert raised.value.kind == "bad_answer"
    native = EVENTS.look(traits=NONE, keep_usage=True, native=True)
    assert native.feed(data) == data


@pytest.mark.parametrize("codec", [EVENTS, ARRAY])
def test_s19_a_stream_without_a_finish_was_cut(codec: Any) -> None:
    chunks = (chunk(text("a")), chunk(text("b")))
    data = events_of(*chunks) if codec is EVENTS else array_of(*chunks)

    reader = codec.reader(traits=NONE)
    reader.feed(data)

    assert not reader.complete
    with pytest.raises(UpstreamError) as raised:
        reader.end()
    assert raised.value.kind == "interrupted"


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        (b": ping\r\n\r\n", b""),
        (b"event: message\r\ndata: {}\r\n\r\n", b"data: {}\r\n\r\n"),
        (b"id: 1\ndata: {}\n\n", b"data: {}\r\n\r\n"),
        (b"data:{}\r\n\r\n", b"data: {}\r\n\r\n"),
        (b"data: {\ndata: }\n\n", b"data: { }\r\n\r\n"),
        (b"data: \r\n\r\n", b""),
        (b"retry: 1000\r\n\r\n", b""),
        (b"data: [DONE]\r\n\r\n", b""),
        (b"\xef\xbb\xbfdata: {}\n\n", b"data: {}\r\n\r\n"),
    ],
)
def test_clients_are_spared_what_they_stumble_over(came: bytes, goes: bytes) -> None:
    unified = EVENTS.look(traits=NONE, keep_usage=True, native=False)
    native = EVENTS.look(traits=NONE, keep_usage=True, native=True)

    assert unified.feed(came) == goes
    assert native.feed(came) == came


@pytest.mark.parametrize(
    ("part", "bears"),
    [
        (text(""), False),
        (text("", thoughtSignature="c2ln"), False),
        (text("a"), True),
        (text("Hm.", thought=True), True),
        (call("f"), True),
        ({"inlineData": {"data": "aGk="}}, True),
        ({"executableCode": {}}, True),
    ],
)
def test_s14_only_content_commits(part: dict[str, Any], bears: bool) -> None:
    look = EVENTS.look(traits=NONE, keep_usage=True, native=False)

    look.feed(events_of({"usageMetadata": COUNTS}, chunk(part)))

    assert look.content is bears
    assert not look.complete


def test_a_look_at_an_array_passes_every_byte() -> None:
    data = array_of(chunk(text("a")), chunk(text("b"), finish="STOP", counts=COUNTS))
    for step in (1, 7, len(data)):
        look = ARRAY.look(traits=NONE, keep_usage=True, native=True)
        out = b"".join(look.feed(data[i : i + step]) for i in range(0, len(data), step))
        assert out + look.end() == data
        assert look.complete
        assert look.usage == Usage(in_fresh=10, out_text=5)
