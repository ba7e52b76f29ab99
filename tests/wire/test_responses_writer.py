"""What clients of Responses rely on in a stream that we write."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
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
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Message, Opaque, Reasoning, Refusal, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.openai_responses.codec import ResponsesCodec

CODEC = ResponsesCodec()
NONE: frozenset[str] = frozenset()
FAULT = Fault(
    status=502, kind="interrupted", code="stream_interrupted", message="It broke.", request_id="r"
)


def pen(**asked: Any) -> Pen:
    body = json.dumps({"model": "m", "input": "hi", **asked}).encode()
    return Pen(id="1", model="m", created=7, wants_usage=True, asked=body)


def said(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream. Each is one named block of one line of data."""
    events = []
    for block in stream.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def written(events: list[Event], **asked: Any) -> list[dict[str, Any]]:
    writer = CODEC.writer(pen(**asked))
    return said(b"".join(writer.write([event]) for event in events) + writer.end())


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def text(key: str, *pieces: str) -> list[Event]:
    deltas = [TextDelta(key=key, text=piece) for piece in pieces]
    return [PartStarted(key=key, kind="text"), *deltas, PartEnded(key=key)]


def call(key: str, *pieces: str, name: str = "weather") -> list[Event]:
    opened = PartStarted(key=key, kind="tool_call", id=f"call_{key}", name=name)
    deltas = [ArgumentsDelta(key=key, text=piece) for piece in pieces]
    return [opened, *deltas, PartEnded(key=key)]


def items(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What clients hear that read only finished items."""
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


def test_a_text_is_opened_told_again_whole_and_closed() -> None:
    usage = Usage(in_fresh=3, out_text=2)
    events = written(
        [Started(model="x"), *text("a", "He", "llo"), UsageSeen(usage=usage),
         Finished(reason="stop")]
    )  # fmt: skip
    assert types(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in events] == list(range(10))
    assert [event["delta"] for event in events if "delta" in event] == ["He", "llo"]
    last = events[-1]["response"]
    assert last["output"] == items(events)
    assert last["output"][0]["content"][0]["text"] == "Hello"
    assert last["usage"]["total_tokens"] == 5
    assert events[0]["response"]["id"] == last["id"] == "resp_1"
    assert events[0]["response"]["status"] == "in_progress"


def test_the_request_is_repeated_around_the_answer() -> None:
    tools = [{"type": "function", "name": "f", "parameters": {}}]
    asked = {"instructions": "Be brief.", "tools": tools, "metadata": {"a": "b"}, "stream": True}
    events = written([Started(), Finished(reason="stop")], **asked)
    for event in (events[0], events[1], events[-1]):
        response = event["response"]
        assert response["instructions"] == "Be brief."
        assert response["tools"] == tools
        assert response["metadata"] == {"a": "b"}
        assert response["model"] == "m"
        assert "input" not in response
        assert "stream" not in response


def test_reasoning_comes_as_a_summary_with_its_seal() -> None:
    events = written(
        [
            Started(),
            PartStarted(key="r", kind="reasoning"),
            ReasoningDelta(key="r", text="Hm"),
            ReasoningDelta(key="r", text="m."),
            SignatureDelta(key="r", signature="c2ln", made_by="anthropic.messages"),
            PartEnded(key="r"),
            *text("t", "4"),
            Finished(reason="stop"),
        ]
    )
    assert types(events)[2:9] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    thought, answer = items(events)
    assert thought["summary"] == [{"type": "summary_text", "text": "Hmm."}]
    # The client sends the item back, and its maker gets its signature back.
    history = {"model": "m", "input": [thought, answer]}
    parts = CODEC.decode_request(json.dumps(history).encode()).messages[0].parts
    assert isinstance(parts[0], Reasoning)
    assert (parts[0].signature, parts[0].made_by) == ("c2ln", "anthropic.messages")
    assert parts[0].text == "Hmm."


def test_calls_may_be_open_side_by_side() -> None:
    first, second = call("a", '{"x":', "1}"), call("b", "{}")
    events = written([Started(), *first[:2], *second, *first[2:], Finished(reason="tool_calls")])
    done = {item["call_id"]: item["arguments"] for item in items(events)}
    assert done == {"call_a": '{"x":1}', "call_b": "{}"}
    indexes = [e["output_index"] for e in events if e["type"] == "response.output_item.added"]
    assert indexes == [0, 1]
    assert [item["call_id"] for item in events[-1]["response"]["output"]] == ["call_a", "call_b"]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = written([Started(), *call("a"), Finished(reason="tool_calls")])
    assert [event["delta"] for event in events if "delta" in event] == ["{}"]
    assert items(events)[0]["arguments"] == "{}"


def test_items_are_done_in_the_order_in_which_they_began() -> None:
    """Formats that do not say when a text ends end it with the answer."""
    events = written(
        [
            PartStarted(key="r", kind="reasoning"),
            ReasoningDelta(key="r", text="Hm."),
            PartStarted(key="t", kind="text"),
            TextDelta(key="t", text="Let me see."),
            *call("a", "{}"),
            PartEnded(key="r"),
            PartEnded(key="t"),
            Finished(reason="stop"),
        ]
    )
    assert [item["type"] for item in items(events)] == ["reasoning", "message", "function_call"]


def test_a_text_that_goes_on_after_a_call_goes_on_in_its_own_item() -> None:
    first = text("t", "Before", " after")
    events = written([Started(), *first[:2], *call("a", "{}"), *first[2:], Finished(reason="stop")])
    told = [item["content"][0]["text"] for item in items(events) if item["type"] == "message"]
    assert told == ["Before", " after"]


def test_a_refusal_has_events_of_its_own() -> None:
    events = written(
        [Started(), PartStarted(key="f", kind="refusal"), RefusalDelta(key="f", text="No."),
         PartEnded(key="f"), Finished(reason="stop")]
    )  # fmt: skip
    assert types(events)[3:7] == [
        "content_part.added", "refusal.delta", "refusal.done", "content_part.done",
    ]  # fmt: skip
    assert items(events)[0]["content"] == [{"type": "refusal", "refusal": "No."}]


def test_citations_are_annotations() -> None:
    cited = {"type": "web_search_result_location", "url": "https://example.com/", "title": "T"}
    opened, delta, ended = text("t", "It rains.")
    citation = CitationAdded(key="t", format="anthropic.messages", value=cited)
    events = written([Started(), opened, delta, citation, ended, Finished(reason="stop")])
    place = {"start_index": 0, "end_index": 0}
    note = {"type": "url_citation", "url": "https://example.com/", "title": "T", **place}
    assert [e["annotation"] for e in events if "annotation" in e] == [note]
    assert items(events)[0]["content"][0]["annotations"] == [note]


@pytest.mark.parametrize(
    ("reason", "native", "status", "why"),
    [
        ("stop", None, "completed", None),
        ("stop", "end_turn", "completed", None),
        ("tool_calls", None, "completed", None),
        ("length", None, "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", None, "incomplete", {"reason": "content_filter"}),
        ("stop", "steered", "incomplete", {"reason": "steered"}),
    ],
)
def test_every_finish_has_its_last_event(
    reason: Any, native: str | None, status: str, why: dict[str, str] | None
) -> None:
    events = written([Started(), *text("t", "Hi"), Finished(reason=reason, native=native)])
    assert types(events)[-1] == status
    assert events[-1]["response"]["status"] == status
    assert events[-1]["response"]["incomplete_details"] == why
    assert "error" not in types(events)


def test_an_empty_answer_has_a_proper_end() -> None:
    assert types(written([])) == ["created", "in_progress", "completed"]


def test_the_comment_stands_before_the_last_event() -> None:
    writer = CODEC.writer(pen())
    out = writer.write([Started()]) + writer.end(b": stockyard {}\n\n")
    assert out.index(b": stockyard") < out.index(b"event: response.completed")


def test_a_broken_stream_ends_in_an_error_and_then_in_a_failed_response() -> None:
    writer = CODEC.writer(pen(instructions="Be brief."))
    opened = [Started(), *text("a", "One."), PartStarted(key="b", kind="tool_call", name="f")]
    events = said(writer.write(opened) + writer.fail(FAULT))
    error, failed = events[-2:]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert error["type"] == "error"
    assert error["code"] == error["error"]["code"] == "stream_interrupted"
    assert error["message"] == error["error"]["message"] == "It broke."
    assert failed["type"] == "response.failed"
    response = failed["response"]
    assert (response["status"], response["id"]) == ("failed", "resp_1")
    assert response["error"] == {"code": "server_error", "message": "It broke."}
    assert response["instructions"] == "Be brief."
    assert [item["content"][0]["text"] for item in response["output"]] == ["One."]


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("context_length", 400, "context_length_exceeded"),
        ("stream_stalled", 504, "server_error"),
        ("server_shutdown", 503, "server_error"),
        ("answer_blocked", 400, "answer_blocked"),
    ],
)
def test_a_failed_response_has_a_code_that_clients_act_on(
    code: str, status: int, told: str
) -> None:
    fault = Fault(status=status, kind="x", code=code, message="m")
    for stream in (CODEC.writer(pen()).fail(fault), CODEC.failed_stream(fault)):
        assert said(stream)[-1]["response"]["error"]["code"] == told


def test_a_tool_of_free_text_gets_its_text() -> None:
    tools = [{"type": "custom", "name": "run"}]
    asked = call("a", '{"inp', 'ut":"ls -l"}', name="run")
    events = written([Started(), *asked, Finished(reason="tool_calls")], tools=tools)
    assert [event["delta"] for event in events if "delta" in event] == ["ls -l"]
    done = items(events)[0]
    assert (done["type"], done["name"], done["input"]) == ("custom_tool_call", "run", "ls -l")
    assert "custom_tool_call_input.done" in types(events)


def test_what_a_model_wrote_instead_of_such_arguments_is_told_as_it_is() -> None:
    tools = [{"type": "custom", "name": "run"}]
    events = written([*call("a", "ls -l", name="run"), Finished(reason="stop")], tools=tools)
    assert items(events)[0]["input"] == "ls -l"


def test_a_tool_in_a_namespace_is_called_by_its_own_name() -> None:
    inner = {"type": "function", "name": "run", "parameters": {}}
    tools = [{"type": "namespace", "name": "shell", "tools": [inner]}]
    asked = call("a", "{}", name="shell__run")
    done = items(written([*asked, Finished(reason="tool_calls")], tools=tools))[0]
    assert (done["name"], done["namespace"]) == ("run", "shell")
    body = json.loads(whole(ToolCall(id="c", name="shell__run"), tools=tools))
    assert (body["output"][0]["name"], body["output"][0]["namespace"]) == ("run", "shell")


def whole(*parts: Any, **asked: Any) -> bytes:
    choice = Choice(message=Message(role="assistant", parts=parts), finish="stop")
    return CODEC.encode_response(Response(Output(choices=(choice,))), pen(**asked))


def test_whole_answers_and_streams_say_the_same() -> None:
    parts = (
        Reasoning(text="Hm.", signature="c2ln", made_by="anthropic.messages"),
        Text(text="Hello"),
        Refusal(text="No."),
        ToolCall(id="call_1", name="run", arguments='{"input":"ls"}'),
        Opaque(format="openai.responses", value={"type": "web_search_call", "id": "ws_1"}),
    )
    tools = [{"type": "custom", "name": "run"}]
    choice = Choice(message=Message(role="assistant", parts=parts), finish="tool_calls")
    events = written(unfold(Output(choices=(choice,)), None), tools=tools)
    answer = json.loads(whole(*parts, tools=tools))
    assert events[-1]["response"]["output"] == answer["output"]
    assert answer["status"] == "completed"


def test_only_the_first_choice_is_shown() -> None:
    events = written(
        [
            *text("a", "1"),
            PartStarted(key="b", kind="text", choice=1),
            TextDelta(key="b", text="2", choice=1),
            Finished(reason="stop", choice=1),
        ]
    )
    assert [item["content"][0]["text"] for item in items(events)] == ["1"]


KEYS = st.sampled_from(["a", "b", "c"])
KINDS = {"a": "text", "b": "reasoning", "c": "tool_call"}
STEPS = st.one_of(
    KEYS.map(lambda key: opened(key)),
    KEYS.map(lambda key: PartEnded(key=key)),
    st.text().map(lambda text: TextDelta(key="a", text=text)),
    st.text().map(lambda text: ReasoningDelta(key="b", text=text)),
    st.text().map(lambda text: ArgumentsDelta(key="c", text=text)),
)


def opened(key: str) -> PartStarted:
    return PartStarted(key=key, kind=KINDS[key], id=key, name=key)  # type: ignore[arg-type]  # one of the words, from a table


@example([opened("c"), opened("c")])
@example([opened("c"), PartEnded(key="c"), opened("c")])
@example([opened("a"), opened("c"), opened("a"), TextDelta(key="a", text="x")])
@example([opened("b"), ReasoningDelta(key="b", text="x"), opened("b")])
@given(st.lists(STEPS, max_size=20))
def test_whatever_comes_every_event_has_its_place(steps: list[Event]) -> None:
    writer = CODEC.writer(pen())
    out = writer.write([Started(), *steps, Finished(reason="stop")]) + writer.end()
    events = said(out)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    added = [e["output_index"] for e in events if e["type"] == "response.output_item.added"]
    done = [e["output_index"] for e in events if e["type"] == "response.output_item.done"]
    assert added == list(range(len(added)))
    assert sorted(done) == added
    reader = CODEC.reader(traits=NONE)
    assert fold(reader.feed(out) + reader.end())[0].choices[0].finish in ("stop", "tool_calls")
    with pytest.raises(UpstreamError):
        CODEC.reader(traits=NONE).end()
