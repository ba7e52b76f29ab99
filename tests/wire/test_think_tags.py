"""S28: thinking that stands in the text, between tags, however the tags are cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import Event, Finished
from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, Text
from stockyard.core.response import Output
from stockyard.testing.yard import Yard
from stockyard.wire.formats import FORMATS
from stockyard.wire.openai_chat.think_tags import ThinkTags

CHAT = FORMATS["openai.chat"]
TAGS = frozenset({"think_tags"})
NONE: frozenset[str] = frozenset()

SAID = [
    ("<think>Hm.</think>\n\nHello", "Hm.", "Hello"),
    ("\n <think>\nA <b> or </b>?\n</think> Hello", "\nA <b> or </b>?\n", "Hello"),
    ("<think></think>Hello", "", "Hello"),
    ("<think>Hm.</think>", "Hm.", ""),
    ("<think>It never ends </thin", "It never ends </thin", ""),
    ("Hello <think>there</think>", "", "Hello <think>there</think>"),
    (" Hello", "", " Hello"),
    ("<thinker> is a word", "", "<thinker> is a word"),
    ("<thi", "", "<thi"),
    ("<think>a</think>b</think>", "a", "b</think>"),
    ("", "", ""),
]


def told(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    said = [one for piece in pieces for one in tags.feed(piece)] + list(tags.end())
    assert all(text for _, text in said)
    return (
        "".join(text for kind, text in said if kind == "reasoning"),
        "".join(text for kind, text in said if kind == "text"),
    )


@pytest.mark.parametrize(("said", "thought", "answer"), SAID)
def test_thinking_is_told_apart_in_one_piece_and_letter_by_letter(
    said: str, thought: str, answer: str
) -> None:
    assert told([said]) == told(list(said)) == (thought, answer)


@given(st.sampled_from([s for s, _, _ in SAID]), st.lists(st.integers(0, 40), max_size=5))
def test_how_it_is_cut_does_not_matter(said: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    assert told([said[i:j] for i, j in pairwise(places)]) == told([said])


@given(st.text(alphabet="<think/> a\n", max_size=60))
def test_nothing_is_lost_but_tags_and_blanks_around_them(said: str) -> None:
    thought, answer = told(list(said))
    kept = "".join((thought + answer).split())
    assert kept in {"".join(text.split()) for text in _readings(said)}


def _readings(said: str) -> list[str]:
    """The text as it is, and without the tags at its beginning."""
    rest = said.lstrip().removeprefix("<think>")
    return [said, rest, rest.replace("</think>", "", 1)]


def stream(*pieces: str) -> bytes:
    chunks = [{"id": "c", "choices": [{"index": 0, "delta": {"content": p}}]} for p in pieces]
    chunks.append({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    lines = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    return lines + b"data: [DONE]\n\n"


def read(data: bytes, traits: frozenset[str]) -> list[Event]:
    reader = CHAT.reader(traits=traits)
    return [*reader.feed(data), *reader.end()]


def parts(events: list[Event]) -> list[Any]:
    assert isinstance(events[-1], Finished)
    return list(fold(events)[0].choices[0].message.parts)


def test_a_stream_and_a_whole_answer_are_read_alike() -> None:
    said = "<think>Hm.</think>\n\nHello"
    message = {"role": "assistant", "content": said}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({"id": "c", "choices": [choice]}).encode()
    output = CHAT.decode_response(body, traits=TAGS)
    assert isinstance(output, Output)
    whole = [(type(p), getattr(p, "text", "")) for p in output.choices[0].message.parts]
    streamed = [(type(p), p.text) for p in parts(read(stream(*said), TAGS))]
    assert whole == streamed == [(Reasoning, "Hm."), (Text, "Hello")]


def test_what_is_held_goes_out_when_the_stream_ends() -> None:
    assert [p.text for p in parts(read(stream("<thi"), TAGS))] == ["<thi"]


def test_tags_are_text_unless_the_operator_says_otherwise() -> None:
    [text] = parts(read(stream("<think>Hm.</think>", "Hello"), NONE))
    assert text.text == "<think>Hm.</think>Hello"


@pytest.mark.parametrize("streamed", [False, True])
async def test_callers_of_another_format_get_it_as_thinking(yard: Yard, streamed: bool) -> None:
    local = yard.provider("local", kind="openai.chat", think_tags=True)
    local.streams("<th", "ink>Hm.</think>\n\n", "Hello")
    answer = await yard.messages("hi", model="local/m", stream=streamed)
    assert answer.text == "Hello"
    assert b'"thinking":"Hm."' in answer.body
