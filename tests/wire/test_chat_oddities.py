"""What providers of chat do each in their way, at the level of bytes (`wire.md` 4.12)."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import ReasoningDelta, TextDelta
from stockyard.core.folding import fold
from stockyard.core.messages import ToolCall
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Pen, Plain
from stockyard.wire.formats import FORMATS
from stockyard.wire.sse import LineBlocks

CHAT = FORMATS["openai.chat"]
NONE: frozenset[str] = frozenset()
SINGLE_LF = frozenset({"single_lf_events"})


def rewritten(body: dict[str, Any]) -> dict[str, Any]:
    """A request that was read and written again, with an unknown field added."""
    said = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | body
    content = CHAT.decode_request(json.dumps(said).encode())
    written = CHAT.encode_request(Request(model="m", content=content), features=NONE, traits=NONE)
    assert written.dropped == ()
    read: dict[str, Any] = json.loads(written.body)
    return read


LINES = b'data: {"a":1}\nevent: error\ndata: {"b":2}\r\n: ping\n\ndata: [DONE]\n'


@given(st.lists(st.integers(0, len(LINES)), max_size=6))
def test_lines_are_events_however_they_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(LINES)]
    cutter = LineBlocks()
    blocks = [b for i, j in pairwise(places) for b in cutter.feed(LINES[i:j])]
    assert blocks == [
        b'data: {"a":1}\n\n',
        b'event: error\ndata: {"b":2}\n\n',
        b": ping\n\n",
        b"data: [DONE]\n\n",
    ]
    assert cutter.rest() == b""


def test_a_line_is_read_as_soon_as_it_ends() -> None:
    reader = CHAT.reader(traits=SINGLE_LF)
    line = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}'
    assert reader.feed(line) == []
    assert [e.text for e in reader.feed(b"\n") if isinstance(e, TextDelta)] == ["hi"]


def test_on_native_paths_the_bytes_stay_as_they_came() -> None:
    look = CHAT.look(traits=SINGLE_LF, keep_usage=True, native=True)
    line = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n'
    assert look.feed(line) + look.end() == line


@pytest.mark.parametrize("end", [b"data: [DONE]", b"data: [DONE] \n", b"data: {", b"\n"])
def test_a_whole_answer_keeps_its_last_bytes_on_native_paths(end: bytes) -> None:
    look = CHAT.look(traits=NONE, keep_usage=True, native=True)
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\n'
    assert look.feed(chunk + end) + look.end() + look.terminator == chunk + end


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True},
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "signature": "s"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "reasoning", "summary": [{"text": "hm", "signature": "s"}, {"text": "so"}]},
        {"type": "reference", "reference_ids": [1]},
    ],
)
def test_entries_of_content_lists_go_back_as_they_came(entry: dict[str, Any]) -> None:
    """4.11 and 4.12, Databricks."""
    turn = {"role": "assistant", "content": [entry, {"type": "text", "text": "hi"}]}
    assert rewritten({"messages": [turn]})["messages"] == [turn]


def test_texts_may_stand_bare_in_content_lists() -> None:
    """OpenAI and OpenRouter take them so."""
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    said = rewritten({"messages": [{"role": "user", "content": ["Look:", picture]}]})
    assert said["messages"][0]["content"] == [{"type": "text", "text": "Look:"}, picture]


@pytest.mark.parametrize("summary", [None, [], "hm", [None], [{"text": 1}], {"text": "hm"}])
def test_a_summary_of_another_shape_breaks_no_stream(summary: Any) -> None:
    entry = {"type": "reasoning", "summary": summary}
    chunk = {"choices": [{"index": 0, "delta": {"content": [entry]}, "finish_reason": "stop"}]}
    reader = CHAT.reader(traits=NONE)
    events = [*reader.feed(b"data: %b\n\n" % json.dumps(chunk).encode()), *reader.end()]
    thought = "".join(e.text for e in events if isinstance(e, ReasoningDelta))
    assert thought == ("hm" if summary in ("hm", {"text": "hm"}) else "")


def test_a_seed_keeps_the_name_that_the_client_gave_it() -> None:
    """clients.md 6."""
    assert rewritten({"random_seed": 7})["random_seed"] == 7
    assert rewritten({"seed": 7, "random_seed": 8}).items() >= {"seed": 7, "random_seed": 8}.items()
    content = CHAT.decode_request(b'{"model":"m","messages":[],"random_seed":7}')
    assert isinstance(content, Content)
    assert content.seed == 7


FIELDS = ("index", "delta", "message", "text", "finish_reason", "usage")
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ODD)),
    st.booleans(),
)
def test_no_odd_value_of_a_choice_breaks_the_reading(choice: dict[str, Any], native: bool) -> None:
    said = json.dumps({"choices": [choice]}).encode()
    stream = b"data: %b\n\n" % said
    for read in (
        lambda: CHAT.facts(said, traits=NONE),
        lambda: CHAT.decode_response(said, traits=NONE),
        lambda: CHAT.reader(traits=NONE).feed(stream),
        lambda: CHAT.look(traits=NONE, keep_usage=True, native=native).feed(stream),
    ):
        with suppress(UpstreamError):  # no answer, perhaps; and nothing else
            read()


def test_a_result_whose_call_nobody_made_is_left_out() -> None:
    """`wire.md` 8, rule 6."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    kept = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "7"},
    ]
    asked = [*kept, {"role": "tool", "tool_call_id": "b", "content": "8"}]
    content = CHAT.decode_request(json.dumps({"model": "m", "messages": asked}).encode())
    written = CHAT.encode_request(Request(model="m", content=content), features=NONE, traits=NONE)
    assert written.dropped == ("messages.tool_call_id:b",)
    sent = json.loads(written.body)["messages"]
    assert [m.get("tool_call_id") for m in sent] == [None, None, "a"]


def answered(message: dict[str, Any], finish: str = "stop") -> dict[str, Any]:
    """An answer that was read and written again."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    body = json.dumps({"id": "a", "choices": [choice]}).encode()
    output = CHAT.decode_response(body, traits=NONE)
    pen = Pen(id="a", model="m", created=1, wants_usage=False)
    read: dict[str, Any] = json.loads(CHAT.encode_response(Response(output), pen))["choices"][0]
    return read


def test_json_that_comes_as_an_object_is_text() -> None:
    """Cloudflare, when a schema was asked for."""
    said = answered({"content": {"name": "Emily", "age": 32}})
    assert said["message"]["content"] == '{"name":"Emily","age":32}'


def test_fields_with_nothing_in_them_are_no_call_and_no_sound() -> None:
    """Snowflake sends all the fields that there are."""
    blank = {"function_call": {"name": "", "arguments": ""}, "audio": {"id": "", "data": ""}}
    said = answered({"content": "hi", **blank}, finish="")
    assert said["finish_reason"] == "stop"
    assert said["message"] == {"role": "assistant", "content": "hi", "refusal": None}


@pytest.mark.parametrize(
    ("sound", "form"),
    [("//NkxAAA", "mp3"), ("UklGRgAA", "wav"), ("data:audio/ogg;base64,T2dn", "ogg")],
)
def test_sound_without_an_object_around_it_is_sound(sound: str, form: str) -> None:
    """Mistral's clients send it so; both forms are taken there."""
    turn = {"role": "user", "content": [{"type": "input_audio", "input_audio": sound}]}
    [part] = rewritten({"messages": [turn]})["messages"][0]["content"]
    assert part["input_audio"] == {"data": sound.rpartition(",")[2], "format": form}


def test_sound_by_address_goes_back_as_it_came() -> None:
    part = {"type": "input_audio", "input_audio": "https://sound.example/a.mp3"}
    turn = {"role": "user", "content": [part]}
    assert rewritten({"messages": [turn]})["messages"] == [turn]


def test_a_choice_that_names_a_function_is_one_without_its_type() -> None:
    """Hugging Face's clients leave the type out."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    said = rewritten({"tools": tools, "tool_choice": {"function": {"name": "f"}}})
    assert said["tool_choice"] == {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("choice", "plain"),
    [
        ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "any"}, "required"),
        ({"type": "required"}, "required"),
        ({"type": "auto"}, "auto"),
        ({"type": "none"}, "none"),
    ],
)
def test_a_choice_in_the_words_of_another_format_is_understood(
    choice: dict[str, Any], plain: object
) -> None:
    """Clients mix them up, and some providers of chat (xAI) take them."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert rewritten({"tools": tools, "tool_choice": choice})["tool_choice"] == plain


@pytest.mark.parametrize("choice", [{"type": ["auto"]}, {"type": "tool"}, {"name": "f"}, 7])
def test_a_choice_that_says_nothing_is_refused(choice: object) -> None:
    with pytest.raises(Refused, match="tool_choice"):
        rewritten({"tool_choice": choice})


def test_a_finish_that_says_one_call_is_one_of_calls() -> None:
    """DeepSeek's reasoning models on Azure spell it so."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    answer = json.dumps({"choices": [{"message": message, "finish_reason": "tool_call"}]}).encode()
    assert CHAT.facts(answer, traits=NONE).odd_finish == ""
    output = CHAT.decode_response(answer, traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].finish == "tool_calls"


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ({"content": {"a": 1}}, {"content": '{"a":1}'}),
        ({"content": "hi", "function_call": {"name": "", "arguments": ""}}, {"content": "hi"}),
    ],
)
def test_clients_of_the_format_hear_it_as_they_expect_it(
    message: dict[str, Any], plain: dict[str, Any]
) -> None:
    assert isinstance(CHAT, Plain)
    make_plain = CHAT.plain(frozenset({"content_object", "finish_empty_with_tools"}))
    assert make_plain is not None
    said = make_plain(json.dumps({"choices": [{"message": message, "finish_reason": ""}]}).encode())
    assert json.loads(said)["choices"][0] == {"message": plain, "finish_reason": "stop"}


def test_what_a_stream_says_of_its_answer_is_written_again() -> None:
    """As the provider does it: some of it in each chunk, the rest in the first."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    own = {"service_tier": "default", "system_fingerprint": "fp_1"}
    first = {"choices": [{"index": 0, "delta": {"content": "hi"}}], "provider": "A", "note": None}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    chunks = [head | own | first, head | own | last]
    stream = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    reader = CHAT.reader(traits=frozenset())
    events = reader.feed(stream + b"data: [DONE]\n\n") + reader.end()
    writer = CHAT.writer(Pen(id="chatcmpl-1", model="m", created=1, wants_usage=False))
    written = (writer.write(events) + writer.end()).split(b"\n\n")
    said = [json.loads(line.removeprefix(b"data: ")) for line in written if b"{" in line]
    assert all(chunk.items() >= own.items() for chunk in said)
    assert [chunk.get("provider") for chunk in said] == ["A", *[None] * (len(said) - 1)]
    assert not any("note" in chunk for chunk in said)


def test_a_call_whose_name_comes_with_a_later_piece_has_it() -> None:
    pieces = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"arguments": ""}},
        {"index": 0, "function": {"name": "f", "arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "call_2", "type": "function", "function": {"arguments": "{}"}},
    ]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]} for piece in pieces]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    stream = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    reader = CHAT.reader(traits=NONE)
    output, _ = fold(reader.feed(stream + b"data: [DONE]\n\n") + reader.end())
    calls = [p for p in output.choices[0].message.parts if isinstance(p, ToolCall)]
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("call_1", "f", '{"a":1}'),
        ("call_2", "", "{}"),
    ], "one that is never named is told all the same"
