"""Reading Responses streams and answers: what providers send, and what breaks."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import Event, bears_content
from stockyard.core.folding import fold
from stockyard.core.messages import AnyPart, Opaque, Reasoning, Refusal, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.openai_responses.codec import ResponsesCodec

CODEC = ResponsesCodec()
NONE: frozenset[str] = frozenset()
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m", "output": []}}
MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": ""}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": []}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def added(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return event("output_item.added", output_index=index, item=item)


def done(item: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return event("output_item.done", output_index=index, item=item)


def completed(*items: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = {"id": "resp_1", "status": "completed", "output": list(items), **fields}
    return event("completed", response=response)


def delta(kind: str, text: str, index: int = 0) -> dict[str, Any]:
    return event(f"{kind}.delta", output_index=index, content_index=0, delta=text)


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events
    )


def read(*events: dict[str, Any]) -> list[Event]:
    reader = CODEC.reader(traits=NONE)
    return reader.feed(stream(*events)) + reader.end()


def parts(*events: dict[str, Any]) -> tuple[AnyPart, ...]:
    return fold(read(*events))[0].choices[0].message.parts


def broken(data: bytes) -> UpstreamError:
    reader = CODEC.reader(traits=NONE)
    with pytest.raises(UpstreamError) as raised:
        _ = reader.feed(data) + reader.end()
    return raised.value


TEXT_ITEM = {**MESSAGE, "content": [{"type": "output_text", "text": "Hi", "annotations": []}]}


@pytest.mark.parametrize(
    "events",
    [
        [CREATED, added(MESSAGE), delta("output_text", "Hi"), done(TEXT_ITEM), completed()],
        [CREATED, added(MESSAGE), done(TEXT_ITEM), completed(TEXT_ITEM)],
        [CREATED, done(TEXT_ITEM), completed(TEXT_ITEM)],
        [CREATED, completed(TEXT_ITEM)],
        [completed(TEXT_ITEM)],
        [CREATED, added(MESSAGE), delta("output_text", "Hi"), completed(TEXT_ITEM)],
    ],
    ids=["deltas", "no deltas", "only done", "only at the end", "nothing else", "never done"],
)
def test_a_text_is_read_once_however_it_is_told(events: list[dict[str, Any]]) -> None:
    (part,) = parts(*events)
    assert isinstance(part, Text)
    assert part.text == "Hi"


@pytest.mark.parametrize(
    "events",
    [
        [added(CALL), delta("function_call_arguments", "{}"), done({**CALL, "arguments": "{}"})],
        [added(CALL), done({**CALL, "arguments": "{}"})],
        [done({**CALL, "arguments": "{}"})],
    ],
)
def test_a_call_is_read_once_however_it_is_told(events: list[dict[str, Any]]) -> None:
    output, _ = fold(read(CREATED, *events, completed({**CALL, "arguments": "{}"})))
    (part,) = output.choices[0].message.parts
    assert isinstance(part, ToolCall)
    assert (part.id, part.name, part.arguments) == ("call_1", "f", "{}")
    assert output.choices[0].finish == "tool_calls"


def test_pieces_of_reasoning_are_one_text_and_its_seal_comes_last() -> None:
    pieces = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    whole = {**REASONING, "summary": pieces, "encrypted_content": "c2VhbA=="}
    events = [
        CREATED,
        added({**REASONING, "encrypted_content": "another"}),
        event("reasoning_summary_part.added", output_index=0, summary_index=0),
        delta("reasoning_summary_text", "One."),
        event("reasoning_summary_part.added", output_index=0, summary_index=1),
        delta("reasoning_summary_text", "Two."),
        done(whole),
        completed(),
    ]
    told = parts(*events)
    assert [p.text for p in told if isinstance(p, Reasoning)] == ["One.\n\nTwo.", ""]
    assert [p.encrypted for p in told if isinstance(p, Reasoning)] == [None, "c2VhbA=="]
    body = json.dumps({"object": "response", "output": [whole]}).encode()
    at_once = CODEC.decode_response(body, traits=NONE).choices[0].message.parts
    assert [getattr(p, "text", "") for p in at_once] == ["One.\n\nTwo.", ""]


def test_a_refusal_is_a_refusal() -> None:
    part = {"type": "refusal", "refusal": ""}
    opened = event("content_part.added", output_index=0, content_index=0, part=part)
    (told,) = parts(CREATED, added(MESSAGE), opened, delta("refusal", "No."), completed())
    assert isinstance(told, Refusal)
    assert told.text == "No."


CITED = {"type": "url_citation", "url": "https://example.com", "start_index": 0, "end_index": 2}
ANNOTATED = event("output_text.annotation.added", output_index=0, content_index=0, annotation=CITED)
TEXT_PART = {"type": "output_text", "text": "Hi", "annotations": [CITED]}
PART_DONE = event("content_part.done", output_index=0, content_index=0, part=TEXT_PART)
UNCITED_DONE = PART_DONE | {"part": TEXT_PART | {"annotations": []}}
CITED_ITEM = {**MESSAGE, "content": [TEXT_PART]}


@pytest.mark.parametrize(
    "events",
    [
        [delta("output_text", "Hi"), ANNOTATED, PART_DONE],
        [delta("output_text", "Hi"), PART_DONE],
        [delta("output_text", "Hi"), PART_DONE, ANNOTATED],
        [delta("output_text", "Hi"), UNCITED_DONE, ANNOTATED],
        [delta("output_text", "Hi")],
        [],
    ],
    ids=["before", "with the part", "and once more", "after", "with the item", "alone"],
)
def test_a_citation_is_read_once_however_it_is_told(events: list[dict[str, Any]]) -> None:
    told = [added(MESSAGE), *events, done(CITED_ITEM), completed(CITED_ITEM)]
    (text,) = parts(*told)
    assert isinstance(text, Text)
    assert [citation["url"] for citation in text.citations] == ["https://example.com"]


def test_items_that_only_this_format_knows_pass_whole() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    life = event("web_search_call.searching", output_index=0, item_id="ws_1")
    (told,) = parts(CREATED, added({**search, "status": "in_progress"}), life, done(search),
                    completed(search))  # fmt: skip
    assert told == Opaque(format="openai.responses", value=search)


def test_lifecycle_commits_to_nothing() -> None:
    reader = CODEC.reader(traits=NONE)
    part = event("content_part.added", output_index=1, content_index=0,
                 part={"type": "output_text", "text": ""})  # fmt: skip
    life = [CREATED, event("in_progress"), {"type": "keepalive", "sequence_number": 3},
            added(REASONING), added(MESSAGE, 1), part]  # fmt: skip
    assert not any(map(bears_content, reader.feed(stream(*life))))
    assert any(map(bears_content, reader.feed(stream(added(CALL, 2)))))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_output_tokens", "length"),
        ("REASON_MAX_LEN", "length"),
        ("content_filter", "content_filter"),
        ("steered", "stop"),
    ],
)
def test_an_incomplete_answer_says_why(reason: str, finish: str) -> None:
    response = {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": []}
    output, _ = fold(read(CREATED, event("incomplete", response=response)))
    assert (output.choices[0].finish, output.choices[0].native_finish) == (finish, reason)
    body = json.dumps({"object": "response", **response}).encode()
    assert CODEC.decode_response(body, traits=NONE).choices[0].finish == finish


LIMIT = {"code": "rate_limit_exceeded", "message": "Slow down."}


@pytest.mark.parametrize(
    "failure",
    [
        {"type": "error", **LIMIT, "param": None},
        {"type": "error", "error": {"type": "rate_limit_error", **LIMIT}},
        event("failed", response={"status": "failed", "error": LIMIT}),
    ],
    ids=["flat", "nested", "failed"],
)
def test_an_error_in_the_stream_is_an_error(failure: dict[str, Any]) -> None:
    error = broken(stream(CREATED, failure))
    assert (error.kind, error.message) == ("rate_limited", "Slow down.")
    assert error.code == "rate_limit_exceeded"


def test_what_came_before_an_error_is_kept() -> None:
    reader = CODEC.reader(traits=NONE)
    with pytest.raises(UpstreamError):
        reader.feed(stream(CREATED, added(MESSAGE), delta("output_text", "Hi"), {"type": "error"}))
    assert any(map(bears_content, reader.before_error))


def test_a_failed_answer_is_an_error() -> None:
    answer = {"object": "response", "status": "failed", "error": LIMIT, "output": []}
    for take in (CODEC.facts, CODEC.decode_response):
        with pytest.raises(UpstreamError) as raised:
            take(json.dumps(answer).encode(), traits=NONE)
        assert raised.value.kind == "rate_limited"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"output":{}}', b'{"output":[1]}']
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        CODEC.decode_response(body, traits=NONE)
    assert raised.value.kind == "bad_answer"


def test_an_answer_for_later_has_nothing_to_say_yet() -> None:
    body = json.dumps({"object": "response", "id": "resp_1", "status": "queued", "output": []})
    assert CODEC.facts(body.encode(), traits=NONE).usage == Usage(), "it is reported later"
    assert CODEC.decode_response(body.encode(), traits=NONE).choices[0].native_finish == "queued"


@pytest.mark.parametrize(
    "data",
    [b"data: [1]\n\n", b"data: nonsense\n\n", b'data: {"type":"response.output_item.added"}\n\n',
     b'data: {"type":"response.completed","response":{"output":[1]}}\n\n'],
)  # fmt: skip
def test_what_is_no_stream_of_a_response_is_refused(data: bytes) -> None:
    assert broken(data).kind == "bad_answer"


def test_a_cut_stream_is_interrupted() -> None:
    assert broken(stream(CREATED, added(MESSAGE), delta("output_text", "Hi"))).kind == "interrupted"
    assert broken(b"").kind == "interrupted"


def test_an_end_mark_of_another_format_is_no_end() -> None:
    assert broken(stream(CREATED) + b"data: [DONE]\n\n").kind == "interrupted"
    read_to_end = CODEC.reader(traits=NONE)
    read_to_end.feed(stream(CREATED, completed()) + b"data: [DONE]\n\n")
    assert read_to_end.complete


def test_a_character_cut_in_two_is_joined() -> None:
    first = b'data: {"type":"response.output_text.delta","output_index":0,"content_index":0,'
    data = stream(CREATED, added(MESSAGE)) + first + b'"delta":"\\ud83d"}\n\n'
    data += first + b'"delta":"\\ude00"}\n\n' + stream(completed())
    reader = CODEC.reader(traits=NONE)
    output, _ = fold(reader.feed(data) + reader.end())
    assert output.choices[0].message.text == "\U0001f600"


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=400))
def test_nonsense_in_the_middle_is_an_error_and_nothing_else(junk: bytes, at: int) -> None:
    data = stream(CREATED, added(MESSAGE), delta("output_text", "Hi"), completed(TEXT_ITEM))
    reader = CODEC.reader(traits=NONE)
    look = CODEC.look(traits=NONE, keep_usage=True, native=False)
    for take in (reader, look):
        with contextlib.suppress(UpstreamError):
            take.feed(data[:at] + junk + data[at:])
            take.end()
