"""What scanning costs: streams that pass untouched, long texts, and what is refused."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.core import window
from stockyard.core.events import PartEnded, TextDelta
from stockyard.core.module import Streaming
from stockyard.core.scan import call_search
from stockyard.errors import Refused
from stockyard.testing.yard import Yard
from tests.builders import Provider, an_answer, an_exchange, through
from tests.modules.safety.promptguards import ANN, BOB, default, edited, guard


def test_it_looks_at_no_stream_when_it_need_not() -> None:
    assert guard(answers="off", mode="redact").streaming is Streaming.IGNORES
    assert guard(answers="off").streaming is Streaming.CHUNKS


def test_with_nothing_masked_and_nothing_to_find_events_pass_as_they_are() -> None:
    event = TextDelta(key="t", text="eve@evil.example")
    assert guard(answers="off").on_chunk(an_exchange(), event) is event


async def test_when_the_engine_breaks_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    module = guard(types=["email"])

    def broken(text: str) -> Any:
        raise RuntimeError("no")

    monkeypatch.setattr(module, "find", broken)
    provider = Provider(an_answer())
    with pytest.raises(Refused) as refused:
        await through(an_exchange(ANN), provider, module)
    assert (refused.value.status, refused.value.code) == (503, "module_failed")
    assert provider.asked == []


TALK = st.lists(
    st.sampled_from(
        [ANN, BOB, "[EMAIL_1]", r"\[EMAIL\_2\]", "[EMAIL_9]", "eve@evil.example", " ", "tel ", "4",
         "+49 30 901820", "4111 1111 1111 1111", "[PHONE", "_1]", "\n", "é", "x", "@", "ssn"]
    ),
    max_size=20,
)  # fmt: skip


@settings(max_examples=60)
@given(pieces=TALK, cuts=st.lists(st.integers(0, 150), max_size=6))
def test_cutting_a_stream_anywhere_changes_nothing(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces)
    places = sorted({0, len(text), *(c for c in cuts if c < len(text))})
    cut = [text[a:b] for a, b in itertools.pairwise(places)]
    assert folded(cut) == folded([text]) == folded(list(text))


def folded(pieces: list[str]) -> str:
    x = an_exchange(f"{ANN} {BOB} +49 30 901820")
    asyncio.run(default().on_request(x))
    deltas = [TextDelta(key="t", text=piece) for piece in pieces if piece]
    return edited(default(), x, *deltas, PartEnded(key="t"))


DENSE = {
    "promptguard": "sin tfn " + "123 456 789 " * 8_000,
    "secretscan": "password: changeme12345678 " * 12_000,
}
"""Much that looks like what they search for, and nothing of it."""


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("where", ["prompt", "answer"])
async def test_a_long_text_holds_nobody_else_up(yard: Yard, name: str, where: str) -> None:
    prompt, says = (DENSE[name], "hello") if where == "prompt" else ("hello", DENSE[name])
    yard.provider("openai").says(says)
    yard.enable(name)
    await yard.open()
    reading = asyncio.ensure_future(yard.chat(prompt))
    probes = 0
    while not reading.done():
        assert (await yard.get("/livez")).status == 200
        probes += 1
    assert (await reading).status == 200
    # Were it read on the loop, a probe or two would get through before and after.
    assert probes > 3


async def test_prompts_that_cost_too_much_are_refused_and_do_not_trip_the_module(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_search, "MOST_TRIES", 1_000)
    yard.provider("openai").says("hello")
    yard.enable("promptguard")
    await yard.open()
    for _ in range(7):
        refused = await yard.chat("1.2.3.4 " * 4_000)
        assert (refused.status, (refused.error or {})["code"]) == (503, "module_failed")
        assert refused.headers["x-should-retry"] == "false"
    assert (await yard.chat("1.2.3.4")).status == 200


async def test_an_answer_that_costs_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_TRIES", 1_000)
    with pytest.raises(Refused) as refused:
        await through(an_exchange("hi"), Provider(an_answer("1.2.3.4 " * 2_000)), default())
    assert refused.value.code == "module_failed"
