"""Streams of Cohere and Ollama: what providers send oddly, and what clients must not be sent."""

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
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.formats import FORMATS

COHERE, OLLAMA, GENERATE = "cohere.chat", "ollama.chat", "ollama.generate"
NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1_700_000_000, wants_usage=True)
FAULT = Fault(status=502, kind="provider_fault", code="stream_interrupted", message="It broke off.")


def event(kind: str, message: dict[str, Any] | None = None, **fields: Any) -> bytes:
    said = {"delta": {"message": message}} if message is not None else {}
    return b"data: " + json.dumps({"type": kind, **said, **fields}).encode() + b"\n\n"


def line(message: dict[str, Any] | None = None, **fields: Any) -> bytes:
    head = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": False}
    return json.dumps(head | {"message": message or {"content": ""}} | fields).encode() + b"\n"


def text(piece: str, index: int = 0) -> bytes:
    return event("content-delta", {"content": {"text": piece}}, index=index)


def start(index: int = 0) -> bytes:
    return event("content-start", {"content": {"type": "text", "text": ""}}, index=index)


END = event("message-end", delta={"finish_reason": "COMPLETE"})
DONE = line(done=True, done_reason="stop")


def parts(name: str, data: bytes) -> list[Any]:
    reader = FORMATS[name].reader(traits=NONE)
    return list(fold([*reader.feed(data), *reader.end()])[0].choices[0].message.parts)


def written(name: str, events: list[Event]) -> list[Any]:
    writer = FORMATS[name].writer(PEN)
    stream = writer.write(events) + writer.end()
    found = (one.removeprefix(b"data: ") for one in stream.splitlines() if b"{" in one)
    return [json.loads(one) for one in found]


class TestReading:
    def test_cohere_may_send_the_call_in_a_list_and_without_an_id(self) -> None:
        call = [{"function": {"name": "f", "arguments": None}}]
        data = event("tool-call-start", {"tool_calls": call}, index=0) * 2 + END
        first, second = parts(COHERE, data)
        assert first.id.startswith("call_")
        assert first.id != second.id

    def test_arguments_may_come_as_an_object(self) -> None:
        call = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}
        data = event("tool-call-start", {"tool_calls": call}, index=0) + END
        assert parts(COHERE, data)[0].arguments == '{"a":1}'

    def test_calls_of_ollama_get_the_same_ids_whole_and_streamed(self) -> None:
        calls = [{"function": {"name": "f", "arguments": {"a": n}}} for n in range(2)]
        one_by_one = b"".join(line({"content": "", "tool_calls": [call]}) for call in calls)
        whole = json.loads(
            line({"content": "", "tool_calls": calls}, done=True, done_reason="stop")
        )
        output: Any = FORMATS[OLLAMA].decode_response(json.dumps(whole).encode(), traits=NONE)
        streamed = parts(OLLAMA, one_by_one + DONE)
        assert [p.id for p in streamed] == [p.id for p in output.choices[0].message.parts]
        assert len({p.id for p in streamed}) == 2

    def test_the_last_line_may_say_something_too(self) -> None:
        said = {"content": "b", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
        data = line({"content": "a"}) + line(said, done=True, done_reason="stop")
        spoken, call = parts(OLLAMA, data)
        assert (spoken.text, call.name) == ("ab", "f")

    @pytest.mark.parametrize("reason", ["load", "unload", None, "new"])
    def test_an_answer_may_be_only_an_end(self, reason: str | None) -> None:
        reader = FORMATS[OLLAMA].reader(traits=NONE)
        (*_, finished) = reader.feed(line(done=True, done_reason=reason))
        assert finished == Finished(reason="stop", native=reason, extra={OLLAMA: {}})

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            (COHERE, start() + text("\ud83d") + text("\ude00") + END),
            (OLLAMA, line({"content": "\ud83d"}) + line({"content": "\ude00"}) + DONE),
        ],
    )
    def test_s01_halves_of_a_character_are_joined(self, name: str, data: bytes) -> None:
        assert parts(name, data) == [Text(text="\U0001f600")]

    def test_s28_thinking_after_text_is_a_part_of_its_own(self) -> None:
        data = line({"content": "", "thinking": "a"}) + line({"content": "b"})
        found = parts(OLLAMA, data + line({"content": "", "thinking": "c"}) + DONE)
        assert [type(p) for p in found] == [Reasoning, Text, Reasoning]

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            (COHERE, b'event: error\ndata: {"message":"No."}\n\n'),
            (COHERE, b'data: {"error":{"message":"No."}}\n\n'),
            (COHERE, event("message-end", delta={"finish_reason": "ERROR", "error": "No."})),
            (OLLAMA, b'{"error":"No."}\n'),
            (GENERATE, b'{"error":"No."}\n'),
        ],
    )
    def test_s15_errors_are_raised_by_whoever_reads(self, name: str, data: bytes) -> None:
        codec = FORMATS[name]
        look = codec.look(traits=NONE, keep_usage=True, native=False)
        for reads in (codec.reader(traits=NONE), look):
            with pytest.raises(UpstreamError) as raised:
                reads.feed(data)
            assert raised.value.message == "No."

    @pytest.mark.parametrize(
        ("name", "data"),
        [(COHERE, b"data: <html>\n\n"), (COHERE, b"data: [1]\n\n"), (OLLAMA, b"<html>\n")],
    )
    def test_what_is_no_stream_of_the_format_is_no_answer(self, name: str, data: bytes) -> None:
        look = FORMATS[name].look(traits=NONE, keep_usage=True, native=False)
        with pytest.raises(UpstreamError) as raised:
            look.feed(data)
        assert raised.value.kind == "bad_answer"

    @pytest.mark.parametrize(
        ("name", "ended"), [(COHERE, END + b"data: [DONE]\n\n"), (OLLAMA, DONE)]
    )
    def test_s20_what_follows_the_end_is_forwarded_natively_only(
        self, name: str, ended: bytes
    ) -> None:
        for native, trailing in ((True, ended), (False, b"")):
            look = FORMATS[name].look(traits=NONE, keep_usage=True, native=native)
            out = look.feed(ended + ended) + look.end() + look.terminator
            assert out.count(b"COMPLETE") + out.count(b"done_reason") == 1 + bool(trailing)


class TestCommitting:
    @pytest.mark.parametrize(
        ("name", "held", "commits"),
        [
            (COHERE, event("message-start", {}, id="1") + start(), text("a")),
            (COHERE, start() + text(""), event("tool-plan-delta", {"tool_plan": "a"})),
            (COHERE, b": ping\n\n", event("tool-call-start", {"tool_calls": {}}, index=0)),
            (COHERE, start(), END),
            (OLLAMA, line({"content": ""}), line({"content": "a"})),
            (OLLAMA, line({"content": "", "thinking": ""}), line({"thinking": "a"})),
            (OLLAMA, line(), line({"content": "", "tool_calls": [{}]})),
            (OLLAMA, line(), DONE),
        ],
    )
    def test_s14_only_content_commits(self, name: str, held: bytes, commits: bytes) -> None:
        look = FORMATS[name].look(traits=NONE, keep_usage=True, native=False)
        look.feed(held)
        assert not look.content
        look.feed(commits)
        assert look.content


class TestWriting:
    CALLS: tuple[Event, ...] = (
        Started(id="x"),
        PartStarted(key="t", kind="text"),
        TextDelta(key="t", text="Look: "),
        PartStarted(key="a", kind="tool_call", id="1", name="f"),
        PartStarted(key="b", kind="tool_call", id="2", name="g"),
        ArgumentsDelta(key="b", text='{"b":'),
        ArgumentsDelta(key="a", text='{"a":1}'),
        TextDelta(key="t", text="so."),
        ArgumentsDelta(key="b", text="2}"),
        PartEnded(key="t"),
        PartEnded(key="a"),
        PartEnded(key="b"),
        Finished(reason="tool_calls"),
        UsageSeen(usage=Usage(in_fresh=3, out_text=2)),
    )
    """Parts that grow at the same time."""

    def test_cohere_has_one_part_open_at_a_time(self) -> None:
        kinds = [one["type"] for one in written(COHERE, list(self.CALLS))]
        call = ["tool-call-start", "tool-call-delta", "tool-call-end"]
        content = ["content-start", "content-delta", "content-end"]
        longer = ["tool-call-start", "tool-call-delta", "tool-call-delta", "tool-call-end"]
        assert kinds == ["message-start", *content, *call, *longer, *content, "message-end"]

    def test_cohere_numbers_contents_and_calls_apart(self) -> None:
        said = written(COHERE, list(self.CALLS))
        numbers = [(one["type"], one["index"]) for one in said if one["type"].endswith("-start")
                   and "index" in one]  # fmt: skip
        assert numbers == [
            ("content-start", 0),
            ("tool-call-start", 0),
            ("tool-call-start", 1),
            ("content-start", 1),
        ]

    def test_ollama_sends_calls_whole(self) -> None:
        said = written(OLLAMA, list(self.CALLS))
        calls = [call["function"] for one in said for call in one["message"].get("tool_calls", ())]
        assert calls == [
            {"index": 0, "name": "f", "arguments": {"a": 1}},
            {"index": 1, "name": "g", "arguments": {"b": 2}},
        ]

    @pytest.mark.parametrize("name", [COHERE, OLLAMA])
    def test_what_is_written_is_read_as_it_was_meant(self, name: str) -> None:
        writer, reader = FORMATS[name].writer(PEN), FORMATS[name].reader(traits=NONE)
        stream = writer.write(list(self.CALLS)) + writer.end()
        output, usage = fold([*reader.feed(stream), *reader.end()])
        found = output.choices[0].message.parts
        assert "".join(p.text for p in found if isinstance(p, Text)) == "Look: so."
        calls = [(p.id, p.arguments) for p in found if isinstance(p, ToolCall)]
        assert calls == [("1", '{"a":1}'), ("2", '{"b":2}')]
        assert usage is not None
        assert (usage.prompt, usage.completion) == (3, 2)

    def test_a_call_that_never_ends_goes_out_at_the_end(self) -> None:
        events = list(self.CALLS[:4])
        said = written(COHERE, [*events, TextDelta(key="t", text="more")])
        assert [one["type"] for one in said][-6:-1] == [
            "tool-call-delta", "tool-call-end", "content-start", "content-delta", "content-end",
        ]  # fmt: skip
        assert written(OLLAMA, events)[-2]["message"]["tool_calls"][0]["function"]["name"] == "f"

    @pytest.mark.parametrize("name", [COHERE, OLLAMA, GENERATE])
    def test_only_the_first_answer_of_several_is_written(self, name: str) -> None:
        events: list[Event] = [
            PartStarted(key="a", kind="text"),
            PartStarted(key="b", kind="text", choice=1),
            TextDelta(key="a", text="one"),
            TextDelta(key="b", text="two", choice=1),
            Finished(reason="length"),
            Finished(reason="stop", choice=1),
        ]
        said = str(written(name, events))
        assert "one" in said
        assert "two" not in said
        assert "length" in said.lower() or "MAX_TOKENS" in said

    def test_no_signature_reaches_a_client_that_has_no_place_for_one(self) -> None:
        sealed = Reasoning(redacted="c2VhbA==", made_by="anthropic.messages")
        events: list[Event] = [
            PartStarted(key="r", kind="reasoning", whole=sealed),
            PartEnded(key="r"),
            PartStarted(key="s", kind="reasoning"),
            ReasoningDelta(key="s", text="Hm."),
            PartEnded(key="s"),
        ]
        for name in (COHERE, OLLAMA):
            said = str(written(name, events))
            assert "Hm." in said
            assert "c2VhbA" not in said

    @pytest.mark.parametrize(
        ("name", "last"),
        [
            (COHERE, b'"finish_reason":"ERROR","error":"It broke off."'),
            (OLLAMA, b'{"error":"It broke off."}\n'),
            (GENERATE, b'{"error":"It broke off."}\n'),
        ],
    )
    def test_a_broken_stream_ends_with_an_error_and_no_terminator(
        self, name: str, last: bytes
    ) -> None:
        codec = FORMATS[name]
        writer = codec.writer(PEN)
        writer.write([Started(id="x")])
        for broken in (writer.fail(FAULT), codec.failed_stream(FAULT)):
            assert last in broken
            assert b"[DONE]" not in broken
            assert b'"done":true' not in broken

    def test_comments_are_for_cohere_only(self) -> None:
        ends = {name: FORMATS[name].writer(PEN).end(b": x\n\n") for name in (COHERE, OLLAMA)}
        assert ends[COHERE].endswith(b": x\n\ndata: [DONE]\n\n")
        assert b": x\n" not in ends[OLLAMA]
        assert [FORMATS[name].ping for name in (COHERE, OLLAMA, GENERATE)] == [
            b": ping\n\n", b"", b"",
        ]  # fmt: skip
