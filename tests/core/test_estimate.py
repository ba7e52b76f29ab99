"""About how many tokens a text has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.estimate import answer_tokens, prompt_tokens, tokens_in
from stockyard.core.events import ArgumentsDelta, PartStarted, ReasoningDelta, TextDelta
from stockyard.core.messages import Document, Image, Message, Text, ToolCall, ToolResult
from stockyard.core.request import Content, Tool


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 1),
        ("a", 1),
        ("four letters make one token each", 8),
        ("два символа один токен, примерно", 14),
        ("两千个汉字", 5),
        ("日本語で", 4),
        ("\N{GRINNING FACE}\N{ROCKET}", 4),
        ("\ud83d", 1),
    ],
)
def test_the_kind_of_script_decides(text: str, tokens: int) -> None:
    assert tokens_in(text) == tokens


@given(st.text(), st.text())
def test_more_text_never_has_fewer_tokens(one: str, other: str) -> None:
    assert tokens_in(one + other) >= max(tokens_in(one), tokens_in(other))


@given(st.lists(st.text(max_size=20), max_size=10))
def test_how_a_stream_is_cut_does_not_matter(pieces: list[str]) -> None:
    cut = [TextDelta(key="0", text=piece) for piece in pieces]
    whole = TextDelta(key="0", text="".join(pieces))
    assert answer_tokens(cut) == answer_tokens([whole])


def test_reasoning_and_calls_are_told_apart() -> None:
    text, reasoning = answer_tokens(
        [
            ReasoningDelta(key="r", text="let me think"),
            PartStarted(key="c", kind="tool_call", id="1", name="weather"),
            ArgumentsDelta(key="c", text='{"city":"Oslo"}'),
        ]
    )
    assert (text, reasoning) == (12 + 5, 3)


def test_what_a_request_holds_beside_text_counts_too() -> None:
    plain = Content(messages=(Message(role="user", parts=(Text(text="hello there"),)),))
    one_of_each = Content(
        messages=(
            Message(role="user", parts=(Text(text="hello there"), Image(url="https://x/y.png"))),
            Message(role="assistant", parts=(ToolCall(id="1", name="look", arguments="{}"),)),
            Message(role="tool", parts=(ToolResult(call_id="1", parts=(Image(data="aGk="),)),)),
        ),
        tools=(Tool(name="look", description="Look at it.", schema={"type": "object"}),),
    )
    assert prompt_tokens(plain) == 4 + 2
    assert prompt_tokens(one_of_each) > prompt_tokens(plain) + 2 * 800
    assert prompt_tokens(one_of_each) < prompt_tokens(plain) + 2 * 800 + 60


def test_the_bytes_of_a_picture_are_not_taken_for_text() -> None:
    parts = (Image(data="QUJD" * 100_000), Document(text="some words"))
    content = Content(messages=(Message(role="user", parts=parts),))
    assert prompt_tokens(content) < 1_000
