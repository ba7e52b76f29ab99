"""Finishes that nobody here knows: the answer ended well, and the word is told (`wire.md` 6)."""

import pytest

from stockyard.core.events import Finished
from stockyard.core.response import Output
from stockyard.testing.yard import Yard
from stockyard.wire.codec import Codec
from stockyard.wire.formats import FORMATS
from tests.wire.last_words import LAST_WORDS, messages

NONE: frozenset[str] = frozenset()
WORD = "a_word_from_next_year"
USUAL = {
    "openai.chat": "stop",
    "openai.responses": "max_output_tokens",
    "anthropic.messages": "end_turn",
    "gemini": "STOP",
    "bedrock.converse": "end_turn",
    "cohere.chat": "COMPLETE",
    "ollama.chat": "stop",
}


@pytest.mark.parametrize("format_", USUAL)
@pytest.mark.parametrize("known", [False, True])
def test_it_is_told_whether_the_answer_is_read_or_forwarded(format_: str, known: bool) -> None:
    word = USUAL[format_] if known else WORD
    whole, stream = LAST_WORDS[format_](word)
    codec: Codec = FORMATS[format_]
    told = "" if known else WORD

    assert codec.facts(whole, traits=NONE).odd_finish == told
    output = codec.decode_response(whole, traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].finish in ("stop", "length")

    reader = codec.reader(traits=NONE)
    read = [*reader.feed(stream), *reader.end()]
    assert reader.odd_finish == told
    assert [e.reason for e in read if isinstance(e, Finished)] == [output.choices[0].finish]

    look = codec.look(traits=NONE, keep_usage=True, native=False)
    look.feed(stream)
    look.end()
    assert look.odd_finish == told
    assert look.complete


async def test_the_trace_tells_it(yard: Yard) -> None:
    whole, stream = messages(WORD)
    anthropic = yard.provider("anthropic").sends(200, {"content-type": "application/json"}, whole)
    anthropic.plays(stream).plays(stream)
    for call, streamed in ((yard.messages, False), (yard.messages, True), (yard.chat, True)):
        answer = await call("hi", model="anthropic/claude-haiku-4-5", stream=streamed)
        assert answer.text == "hi"
        found = [f.detail for f in yard.last.exchange.findings if f.action == "finish_unknown"]
        assert found == [{"finish": WORD}]
