"""How a turn ends, in the words of every format (`wire.md` 6).

The matrices of `wire.md` 13.3 that are about ends: turn termination, truncated turn, stop-sequence
terminal, and the end of a tool's call.
"""

import json
from itertools import product
from typing import Any

import pytest

from stockyard.core.events import Event, Finished, UsageSeen
from stockyard.core.folding import fold, unfold
from stockyard.core.messages import Finish, Message, Refusal, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from tests.wire.last_words import LAST_WORDS

NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)
USAGE = Usage(in_fresh=3, out_text=2)

ENDS: dict[str, dict[Finish, str]] = {
    "anthropic.messages": {
        "stop": "end_turn stop_sequence pause_turn compaction",
        "length": "max_tokens model_context_window_exceeded",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    },
    "gemini": {
        "stop": "STOP NO_IMAGE ESCALATION",
        "length": "MAX_TOKENS CONTINUATION",
        "content_filter": "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII LANGUAGE"
        " IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER MODEL_ARMOR",
    },
    "bedrock.converse": {
        "stop": "end_turn stop_sequence",
        "length": "max_tokens model_context_window_exceeded",
        "tool_calls": "tool_use",
        "content_filter": "guardrail_intervened content_filtered",
    },
    "cohere.chat": {
        "stop": "COMPLETE STOP_SEQUENCE",
        "length": "MAX_TOKENS",
        "tool_calls": "TOOL_CALL",
        "content_filter": "ERROR_TOXIC",
    },
    "openai.responses": {
        "stop": "steered max_messages",
        "length": "max_output_tokens",
        "content_filter": "content_filter",
    },
    "ollama.chat": {"stop": "stop load unload", "length": "length"},
    "openai.chat": {
        "stop": "stop eos",
        "length": "length model_length model_context_window_exceeded",
        "tool_calls": "tool_calls function_call",
        "content_filter": "content_filter sensitive",
    },
}
FAILURES = {
    "gemini": "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL MISSING_THOUGHT_SIGNATURE"
    " MALFORMED_RESPONSE TOO_MANY_TOOL_CALLS OTHER",
    "bedrock.converse": "malformed_model_output malformed_tool_use",
    "cohere.chat": "ERROR TIMEOUT",
    "openai.chat": "error network_error insufficient_system_resource abort",
}
WORDS = [
    (format_, word, finish)
    for format_, ends in ENDS.items()
    for finish, words in ends.items()
    for word in words.split()
]
FAILING = [(format_, word) for format_, words in FAILURES.items() for word in words.split()]

WRITTEN: dict[str, dict[Finish, str]] = {
    "openai.chat": {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "content_filter": "content_filter",
    },
    "anthropic.messages": {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    },
    "gemini": {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "tool_calls": "STOP",
        "content_filter": "SAFETY",
    },
    "bedrock.converse": {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "content_filtered",
    },
    "cohere.chat": {
        "stop": "COMPLETE",
        "length": "MAX_TOKENS",
        "tool_calls": "TOOL_CALL",
        "content_filter": "ERROR_TOXIC",
    },
    "openai.responses": {
        "stop": "completed",
        "length": "max_output_tokens",
        "tool_calls": "completed",
        "content_filter": "content_filter",
    },
    "ollama.chat": {
        "stop": "stop",
        "length": "length",
        "tool_calls": "stop",
        "content_filter": "content_filter",
    },
}
PLACES: dict[str, tuple[Any, ...]] = {
    "openai.chat": ("choices", 0, "finish_reason"),
    "anthropic.messages": ("stop_reason",),
    "gemini": ("candidates", 0, "finishReason"),
    "bedrock.converse": ("stopReason",),
    "cohere.chat": ("finish_reason",),
    "ollama.chat": ("done_reason",),
}
"""Where a whole answer says why it ended; of Responses, see `word_of`."""

TEXT, CALL = Text(text="hi"), ToolCall(id="call_1", name="f", arguments='{"a":1}')
CUT = ToolCall(id="call_1", name="f", arguments='{"a":')


def an_answer(finish: Finish, *parts: Text | ToolCall | Refusal, **choice: Any) -> Output:
    message = Message(role="assistant", parts=parts)
    return Output(
        id="x", model="m", created=1, choices=(Choice(message=message, finish=finish, **choice),)
    )


def streamed(format_: str, output: Output) -> bytes:
    writer = FORMATS[format_].writer(PEN)
    return writer.write(unfold(output, USAGE)) + writer.end()


def read(format_: str, stream: bytes) -> list[Event]:
    reader = FORMATS[format_].reader(traits=NONE)
    return [*reader.feed(stream), *reader.end()]


def finish_of(events: list[Event]) -> Finish | None:
    return fold(events)[0].choices[0].finish


def word_of(format_: str, body: bytes) -> str:
    found = json.loads(body)
    if format_ == "openai.responses":
        details = found.get("incomplete_details")
        return str(details["reason"] if details else found["status"])
    for key in PLACES[format_]:
        found = found[key]
    return str(found)


@pytest.mark.parametrize(("format_", "word", "finish"), WORDS)
def test_every_word_for_an_end_is_understood(format_: str, word: str, finish: Finish) -> None:
    codec = FORMATS[format_]
    whole, stream = LAST_WORDS[format_](word)
    output = codec.decode_response(whole, traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].finish == finish
    assert output.choices[0].native_finish == word
    assert codec.facts(whole, traits=NONE).odd_finish == ""
    [ended] = [event for event in read(format_, stream) if isinstance(event, Finished)]
    assert (ended.reason, ended.native) == (finish, word)


@pytest.mark.parametrize(("format_", "word"), FAILING)
def test_a_failure_is_never_an_end(format_: str, word: str) -> None:
    codec = FORMATS[format_]
    whole, stream = LAST_WORDS[format_](word)
    for reads in (
        lambda: codec.facts(whole, traits=NONE),
        lambda: codec.decode_response(whole, traits=NONE),
        lambda: read(format_, stream),
        lambda: codec.look(traits=NONE, keep_usage=True, native=False).feed(stream),
    ):
        with pytest.raises(UpstreamError) as raised:
            reads()
        assert raised.value.kind == ("timeout" if word == "TIMEOUT" else "provider_fault")
        assert raised.value.code == word


@pytest.mark.parametrize(("format_", "finish"), list(product(WRITTEN, WRITTEN["openai.chat"])))
def test_every_end_is_told_whole_and_streamed(format_: str, finish: Finish) -> None:
    said = CALL if finish == "tool_calls" else TEXT
    output = an_answer(finish, said)
    body = FORMATS[format_].encode_response(Response(output, usage=USAGE), PEN)
    assert word_of(format_, body) == WRITTEN[format_][finish]
    stream = streamed(format_, output)
    assert finish_of(read(format_, stream)) == finish
    assert WRITTEN[format_][finish].encode() in stream


@pytest.mark.parametrize("source", LAST_WORDS)
@pytest.mark.parametrize("target", LAST_WORDS)
def test_a_turn_that_was_cut_short_in_a_call_asks_nobody_to_make_it(
    source: str, target: str
) -> None:
    """Truncated turn: the limit was reached while a call was written."""
    events = read(source, streamed(source, an_answer("length", CUT)))
    writer = FORMATS[target].writer(PEN)
    assert finish_of(read(target, writer.write(events) + writer.end())) == "length"
    body = FORMATS[target].encode_response(Response(fold(events)[0], usage=USAGE), PEN)
    output = FORMATS[target].decode_response(body, traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].finish == "length"


@pytest.mark.parametrize("source", LAST_WORDS)
@pytest.mark.parametrize("target", LAST_WORDS)
def test_a_call_makes_the_end_one_of_calls_whatever_the_provider_says(
    source: str, target: str
) -> None:
    events = read(source, streamed(source, an_answer("stop", CALL)))
    assert finish_of(events) == "tool_calls"
    writer = FORMATS[target].writer(PEN)
    assert finish_of(read(target, writer.write(events) + writer.end())) == "tool_calls"


@pytest.mark.parametrize("target", LAST_WORDS)
def test_a_turn_that_pauses_ends_and_its_own_word_is_told_to_chat(target: str) -> None:
    """`pause_turn`: whoever is told that a limit was reached would not send it again."""
    events = read("anthropic.messages", LAST_WORDS["anthropic.messages"]("pause_turn")[1])
    writer = FORMATS[target].writer(PEN)
    stream = writer.write(events) + writer.end()
    assert finish_of(read(target, stream)) == "stop"
    assert (b"pause_turn" in stream) is (target in ("openai.chat", "anthropic.messages"))


def test_the_stop_sequence_that_ended_a_message_is_told_to_chat() -> None:
    """Chat has no place for it, so it is a field of its own."""
    stream = LAST_WORDS["anthropic.messages"]("stop_sequence")[1].replace(
        b'{"stop_reason": "stop_sequence"}',
        b'{"stop_reason": "stop_sequence", "stop_sequence": "END"}',
    )
    events = read("anthropic.messages", stream)
    writer = FORMATS["openai.chat"].writer(PEN)
    assert b'"stop_sequence":"END"' in writer.write(events) + writer.end()
    body = FORMATS["openai.chat"].encode_response(Response(fold(events)[0], usage=USAGE), PEN)
    assert json.loads(body)["choices"][0]["stop_sequence"] == "END"


@pytest.mark.parametrize("target", WRITTEN)
def test_a_refusal_is_one_in_every_format(target: str) -> None:
    """6: a refusal ends a chat with `stop`, and any other format with its word for a filter."""
    output = an_answer("stop", Refusal(text="I will not."))
    body = FORMATS[target].encode_response(Response(output, usage=USAGE), PEN)
    stream = streamed(target, output)
    again = FORMATS[target].decode_response(body, traits=NONE)
    assert isinstance(again, Output)
    ended = {again.choices[0].finish, finish_of(read(target, stream))}
    keeps = target in ("openai.chat", "openai.responses", "cohere.chat", "ollama.chat")
    assert ended == ({"stop"} if keeps else {"content_filter"})
    assert b"I will not." in body
    assert b"I will not." in stream


@pytest.mark.parametrize("source", LAST_WORDS)
@pytest.mark.parametrize("target", LAST_WORDS)
def test_usage_that_follows_the_end_or_precedes_it_is_the_last_that_is_told(
    source: str, target: str
) -> None:
    """Terminal metadata: the end and the usage are told once each, however they came."""
    told = read(source, streamed(source, an_answer("stop", TEXT)))
    ends = [event for event in told if isinstance(event, Finished)]
    counts = [event for event in told if isinstance(event, UsageSeen)][-1:]
    rest = [event for event in told if not isinstance(event, Finished | UsageSeen)]
    for order in ([*rest, *ends, *counts], [*rest, *counts, *ends], [*rest, *counts, *ends * 2]):
        writer = FORMATS[target].writer(PEN)
        again = read(target, writer.write(order) + writer.end())
        assert sum(isinstance(event, Finished) for event in again) == 1
        usage = fold(again)[1]
        assert usage is not None
        assert (usage.prompt, usage.completion) == (3, 2)
