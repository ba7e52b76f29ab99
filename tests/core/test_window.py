"""The hold-back window: cutting changes nothing, and nothing of a match gets out early."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.core.events import (
    ArgumentsDelta,
    Event,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    SignatureDelta,
    TextDelta,
)
from stockyard.core.messages import Reasoning
from stockyard.core.ports import Span
from stockyard.core.scan.matcher import RuleMatcher, matcher
from stockyard.core.scan.rule import Rule, pack, sample
from stockyard.core.window import Channel, Finder, Window, Windows
from stockyard.errors import Refused

TEXT = Channel(TextDelta, 0, "t", json=False)
SECRETS = RuleMatcher(pack("secrets").rule, reach=8192)
PII = RuleMatcher(pack("pii").rule, least=0.6)
each_pack = pytest.mark.parametrize(("name", "finder"), [("secrets", SECRETS), ("pii", PII)])


def mask(span: Span, value: str, channel: Channel) -> str:
    return f"<{span.rule}>"


def passed(finder: Finder, *pieces: str) -> list[str]:
    """What a Window gives out for each piece, and at last for the end."""
    window = Window(TEXT, finder, mask)
    return [*(window.feed(piece) for piece in pieces), window.close()]


def joined(finder: Finder, *pieces: str) -> str:
    return "".join(passed(finder, *pieces))


def samples_of(name: str) -> list[str]:
    return [sample(text) for rule in pack(name).rule for text in (*rule.positive, *rule.negative)]


def one_of_each(name: str) -> list[str]:
    return [sample(rule.positive[-1]) for rule in pack(name).rule]


@each_pack
def test_a_text_cut_at_every_character_comes_out_as_the_whole_text_does(
    name: str, finder: RuleMatcher
) -> None:
    for text in one_of_each(name):
        whole = f"well, {text} it is"
        assert joined(finder, *whole) == joined(finder, whole), text


@each_pack
def test_what_comes_out_is_what_masking_the_whole_text_gives(
    name: str, finder: RuleMatcher
) -> None:
    for text in samples_of(name):
        expected = finder.replace(text, lambda span, value: f"<{span.rule}>")
        assert joined(finder, text) == expected


@each_pack
@pytest.mark.parametrize("seed", range(10))
def test_mixed_texts_come_out_the_same_however_they_are_cut(
    name: str, finder: RuleMatcher, seed: int
) -> None:
    chance = random.Random(seed)
    glue = ["", " ", "\n", ", ", "token=", 'key: "', "é", "=", " tel ", "-"]
    pieces = [
        text for t in chance.sample(samples_of(name), 12) for text in (t, chance.choice(glue))
    ]
    whole = "".join(pieces)
    cuts = sorted(chance.sample(range(len(whole)), min(40, len(whole) - 1)))
    cut = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert joined(finder, *cut) == joined(finder, whole) == joined(finder, *whole)


SMALL = [
    Rule(id="run", type="x", pattern="a{3,}"),
    Rule(id="pair", type="x", pattern=r"\bb[ab]*c\b"),
    Rule(id="open", type="x", pattern=r"(?s)<.*>"),
    Rule(id="word", type="x", pattern=r"\bab\b", confidence=0.5, context=("cc",)),
    Rule(id="grouped", type="x", pattern="c=(a{1,4})"),
]


@settings(max_examples=400)
@given(
    rules=st.lists(st.sampled_from(SMALL), min_size=1, max_size=4, unique_by=lambda r: r.id),
    text=st.text("ab c<>=", max_size=90),
    cuts=st.lists(st.integers(0, 90), max_size=8),
    reach=st.sampled_from([8, 12, 33]),
)
def test_even_matches_longer_than_the_reach_come_out_the_same_however_they_are_cut(
    rules: list[Rule], text: str, cuts: list[int], reach: int
) -> None:
    finder = RuleMatcher(rules, least=0.6, reach=reach)
    places = sorted({0, len(text), *(c for c in cuts if c < len(text))})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    assert joined(finder, *pieces) == joined(finder, text) == joined(finder, *text)


@pytest.mark.parametrize(
    ("pieces", "released"),
    [
        (["hello, wor", "ld"], ["hello, wor", "ld", ""]),
        (["my proj", "ect fal", "con and more"], ["my ", "", "<word> and more", ""]),
        (["my proj", "ect false"], ["my ", "project false", ""]),
        (["the project falcon"], ["the ", "<word>"]),
    ],
)
def test_text_that_cannot_begin_a_match_flows_on_at_once(
    pieces: list[str], released: list[str]
) -> None:
    finder = RuleMatcher([Rule(id="word", type="w", pattern="project falcon")])
    assert passed(finder, *pieces) == released


def test_nothing_of_a_secret_is_released_before_it_is_known_to_be_one() -> None:
    for rule in pack("secrets").rule:
        text = sample(rule.positive[0])
        (first, *_) = SECRETS.find(text)
        secret = text[first.start : first.end]
        window = Window(TEXT, SECRETS, mask)
        out = ""
        for character in text:
            out += window.feed(character)
            assert len(out) <= first.start or "<" in out, rule.id
        out += window.close()
        assert secret not in out


def test_a_window_holds_at_most_the_reach() -> None:
    finder = RuleMatcher([Rule(id="open", type="x", pattern=r"(?s)<.*>")], reach=100)
    window = Window(TEXT, finder, mask)
    given = given_out = 0
    for _ in range(50):
        given += 30
        given_out += len(window.feed("<" * 30))
        assert given - given_out < 100
    assert given_out + len(window.close()) == given


def test_a_long_match_is_masked_as_far_as_the_reach_shows_it() -> None:
    finder = RuleMatcher([Rule(id="run", type="x", pattern="a{20,}")], reach=64)
    assert "a" * 20 not in joined(finder, "b" + "a" * 500 + "b")


def test_an_edit_may_refuse() -> None:
    def refuse(span: Span, value: str, channel: Channel) -> str:
        raise Refused(422, "answer_blocked", "No.")

    window = Window(TEXT, matcher(["falcon"]), refuse)
    assert window.feed("a fal") == "a "
    with pytest.raises(Refused):
        window.feed("con.")


def through(*events: Event, finder: Finder | None = None) -> list[Event]:
    return Windows().edit_all("me", events, finder or matcher(["falcon"]), mask)


def test_each_channel_has_its_own_window() -> None:
    out = through(
        TextDelta(key="a", text="fal"),
        TextDelta(key="a", text="fal", choice=1),
        ReasoningDelta(key="r", text="fal"),
        TextDelta(key="a", text="con "),
        PartEnded(key="r"),
        Finished(reason="stop", choice=1),
        Finished(reason="stop"),
    )
    assert out == [
        TextDelta(key="a", text="<falcon> "),
        ReasoningDelta(key="r", text="fal"),
        PartEnded(key="r"),
        TextDelta(key="a", text="fal", choice=1),
        Finished(reason="stop", choice=1),
        Finished(reason="stop"),
    ]


def test_the_end_of_one_choice_leaves_what_others_hold_back() -> None:
    out = through(
        TextDelta(key="a", text="fal"),
        TextDelta(key="a", text="fal", choice=1),
        Finished(reason="stop", choice=1),
        TextDelta(key="a", text="con "),
        Finished(reason="stop"),
    )
    assert out == [
        TextDelta(key="a", text="fal", choice=1),
        Finished(reason="stop", choice=1),
        TextDelta(key="a", text="<falcon> "),
        Finished(reason="stop"),
    ]


def test_a_change_before_the_end_of_a_choice_does_not_count_after_it() -> None:
    windows = Windows()
    for text, kept in (("a falcon.", False), ("a sparrow.", True)):
        events: list[Event] = [TextDelta(key="t", text=text), LogprobsAdded(value=[text])]
        out = windows.edit_all("me", [*events, Finished(reason="stop")], matcher(["falcon"]), mask)
        assert any(isinstance(event, LogprobsAdded) for event in out) is kept


def test_an_event_that_nobody_changed_is_the_same_object() -> None:
    delta = TextDelta(key="a", text="hello ")
    ended = PartEnded(key="a")
    out = through(delta, ended)
    assert out[0] is delta
    assert out[1] is ended


def test_a_tool_takes_json_unless_it_is_a_custom_one() -> None:
    seen: list[bool] = []

    def edit(span: Span, value: str, channel: Channel) -> str:
        seen.append(channel.json)
        return value

    events: list[Event] = [
        PartStarted(key="f", kind="tool_call"),
        PartStarted(key="c", kind="tool_call", kind_of_tool="custom"),
        ArgumentsDelta(key="f", text="falcon"),
        ArgumentsDelta(key="c", text="falcon"),
        PartEnded(key="f"),
        PartEnded(key="c"),
    ]
    Windows().edit_all("me", events, matcher(["falcon"]), edit)
    assert seen == [True, False]


@pytest.mark.parametrize(("text", "kept"), [("a falcon.", False), ("a sparrow.", True)])
def test_log_probabilities_and_signatures_go_when_their_text_was_changed(
    text: str, kept: bool
) -> None:
    out = through(
        ReasoningDelta(key="r", text=text),
        SignatureDelta(key="r", signature="sealed"),
        PartEnded(key="r"),
        TextDelta(key="t", text=text),
        LogprobsAdded(value=[text]),
        PartEnded(key="t"),
        Finished(reason="stop"),
    )
    assert any(isinstance(event, SignatureDelta) for event in out) is kept
    assert any(isinstance(event, LogprobsAdded) for event in out) is kept


def test_log_probabilities_are_kept_up_to_a_bound() -> None:
    many = [LogprobsAdded(value=n) for n in range(5000)]
    assert through(*many, Finished(reason="stop")) == [Finished(reason="stop")]


def test_summaries_of_reasoning_are_edited_where_they_stand() -> None:
    whole = Reasoning(summary=("a falcon", "a sparrow"))
    (out,) = through(PartStarted(key="r", kind="reasoning", whole=whole))
    assert isinstance(out, PartStarted)
    assert out.whole == Reasoning(summary=("a <falcon>", "a sparrow"))


def test_values_are_numbered_by_first_appearance() -> None:
    windows = Windows()
    assert [windows.number("s", value) for value in ("b", "a", "b")] == [1, 2, 1]
    assert windows.number("other", "a") == 1
