"""Taking answers apart and putting them together."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import (
    ArgumentsDelta,
    AudioDelta,
    Event,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartStarted,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.folding import Folder, fold, unfold
from stockyard.core.messages import (
    AnyPart,
    Audio,
    Cache,
    Document,
    Finish,
    Image,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output

WORDS = st.text(max_size=5)
MAYBE = st.none() | WORDS
JSON: Any = st.recursive(
    st.none() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
EXTRA = st.dictionaries(WORDS, st.dictionaries(WORDS, JSON, max_size=2), max_size=2)
COMMON: Any = {"cache": st.none() | st.builds(Cache, ttl=MAYBE), "extra": EXTRA}
NAMED = st.text(min_size=1, max_size=5)

LEAVES: Any = st.one_of(
    st.builds(Text, text=WORDS, citations=st.lists(JSON, max_size=2).map(tuple),
              origin=st.sampled_from([None, "memory"]), **COMMON),
    st.builds(Refusal, text=WORDS, **COMMON),
    st.builds(Reasoning, text=WORDS, summary=st.lists(WORDS, max_size=2).map(tuple),
              signature=st.none() | NAMED, encrypted=MAYBE, redacted=MAYBE,
              made_by=st.none() | NAMED, **COMMON),
    st.builds(ToolCall, id=WORDS, name=WORDS, arguments=WORDS, signature=st.none() | NAMED,
              kind=st.sampled_from(["function", "custom", "server"]), **COMMON),
    st.builds(Audio, data=MAYBE, format=MAYBE, id=MAYBE, transcript=MAYBE, **COMMON),
    st.builds(Image, url=MAYBE, data=MAYBE, **COMMON),
    st.builds(Document, text=MAYBE, title=MAYBE, **COMMON),
    st.builds(Opaque, format=WORDS, value=JSON, **COMMON),
)  # fmt: skip
PARTS = LEAVES | st.builds(
    ToolResult, call_id=WORDS, parts=st.lists(LEAVES, max_size=2).map(tuple), **COMMON
)
LOGPROBS = st.none() | st.fixed_dictionaries({"content": st.lists(JSON, max_size=2)})
FINISHES: st.SearchStrategy[Finish | None] = st.sampled_from(
    [None, "stop", "length", "tool_calls", "content_filter"]
)


@st.composite
def outputs(draw: st.DrawFn) -> Output:
    indexes = draw(st.lists(st.integers(0, 5), unique=True, max_size=3))
    return Output(
        id=draw(WORDS),
        model=draw(WORDS),
        created=draw(st.integers(0, 2**31)),
        choices=tuple(draw(choices(index)) for index in sorted(indexes)),
        service_tier=draw(MAYBE),
        warnings=tuple(draw(st.lists(WORDS, max_size=2))),
        extra=draw(EXTRA),
    )


@st.composite
def choices(draw: st.DrawFn, index: int) -> Choice:
    message = Message(
        role="assistant",
        parts=tuple(draw(st.lists(PARTS, max_size=4))),
        name=draw(MAYBE),
        shape=draw(MAYBE),
        extra=draw(EXTRA),
    )
    return Choice(
        index=index,
        message=message,
        finish=draw(FINISHES),
        native_finish=draw(MAYBE),
        logprobs=draw(LOGPROBS),
        extra=draw(EXTRA),
    )


USAGES = st.none() | st.builds(Usage, in_fresh=st.integers(0, 9), out_text=st.integers(0, 9))


@given(outputs(), USAGES)
def test_an_answer_taken_apart_folds_to_itself(output: Output, usage: Usage | None) -> None:
    assert fold(unfold(output, usage)) == (output, usage)


@given(outputs())
def test_every_part_that_opens_is_closed_before_its_choice_finishes(output: Output) -> None:
    opened: dict[int, set[str]] = {}
    for event in unfold(output, None):
        if isinstance(event, PartStarted):
            opened.setdefault(event.choice, set()).add(event.key)
        elif isinstance(event, PartEnded):
            opened[event.choice].remove(event.key)
        elif isinstance(event, Finished):
            assert not opened.get(event.choice)


@given(outputs())
def test_texts_travel_as_deltas_where_modules_look_for_them(output: Output) -> None:
    texts = [p.text for c in output.choices for p in c.message.parts if isinstance(p, Text)]
    seen = [e.text for e in unfold(output, None) if isinstance(e, TextDelta)]
    assert seen == [text for text in texts if text]


def test_deltas_of_interleaved_parts_are_kept_apart() -> None:
    events: list[Event] = [
        Started(id="a", usage=Usage(in_fresh=3)),
        PartStarted(key="x", kind="tool_call", id="1", name="f"),
        PartStarted(key="y", kind="tool_call", id="2", name="g", extra={"f": {"k": 1}}),
        ArgumentsDelta(key="x", text="{"),
        ArgumentsDelta(key="y", text="["),
        ArgumentsDelta(key="x", text="}"),
        ArgumentsDelta(key="y", text="]"),
        PartEnded(key="x"),
        PartEnded(key="y"),
    ]
    folder = Folder()
    for event in events:
        folder.add(event)
    expected: tuple[AnyPart, ...] = (
        ToolCall(id="1", name="f", arguments="{}"),
        ToolCall(id="2", name="g", arguments="[]", extra={"f": {"k": 1}}),
    )
    output, usage = folder.result()
    assert output.choices[0].message.parts == expected
    assert usage == Usage(in_fresh=3)


def test_choices_stand_in_the_order_of_their_numbers_whichever_spoke_first() -> None:
    events: list[Event] = []
    for index in (1, 0):
        key = str(index)
        events += [
            PartStarted(key=key, kind="text", choice=index),
            TextDelta(key=key, text=key, choice=index),
        ]
    output, _ = fold(events)
    assert [choice.message.text for choice in output.choices] == ["0", "1"]


def test_later_usage_replaces_earlier() -> None:
    one, two = Usage(in_fresh=1), Usage(in_fresh=2)
    assert fold([Started(usage=one), UsageSeen(usage=two)])[1] == two


def test_probabilities_in_pieces_are_joined_and_what_was_folded_before_stays() -> None:
    pieces = [{"content": [n], "refusal": None} for n in range(3)]
    folder = Folder()
    results = []
    for piece in pieces:
        folder.add(LogprobsAdded(value=piece))
        results.append(folder.result()[0].choices[0].logprobs)
    assert [result["content"] for result in results] == [[0], [0, 1], [0, 1, 2]]
    assert [piece["content"] for piece in pieces] == [[0], [1], [2]]


def test_sound_and_signatures_in_pieces_are_joined() -> None:
    output, _ = fold(
        [
            PartStarted(key="a", kind="audio"),
            AudioDelta(key="a", value={"id": "audio_1", "data": "QU"}),
            AudioDelta(key="a", value={"data": "JD", "transcript": "Hel"}),
            AudioDelta(key="a", value={"transcript": "lo", "expires_at": 1}),
            PartStarted(key="r", kind="reasoning"),
            SignatureDelta(key="r", signature="sig"),
            SignatureDelta(key="r", signature="ned"),
        ]
    )
    audio, thought = output.choices[0].message.parts
    assert audio == Audio(id="audio_1", data="QUJD", transcript="Hello")
    assert thought == Reasoning(signature="signed")
