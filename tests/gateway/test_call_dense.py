"""Streams whose modules take long over what comes at once, and streams that a module refuses."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from stockyard.core import editing
from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.gateway.pings import Pings
from stockyard.testing.yard import CHAT, MESSAGES, Yard, becomes

LONG = "x" * 5_000
TOKEN = "ghp_" + "R5n" * 12
READ: list[tuple[int, bool]] = []
"""How long the texts were that the module read, and whether it did so on the loop."""
GATE = threading.Event()


@pytest.fixture(autouse=True)
def _nothing_read() -> None:
    READ.clear()
    GATE.set()


class Reader(Module[ModuleConfig]):
    """Writes in capitals what it reads, and waits at its gate over long texts."""

    name = "reader"
    category = "observe"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS
    reads_closely = True

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if not isinstance(event, TextDelta):
            return event
        READ.append((len(event.text), threading.current_thread() is threading.main_thread()))
        if len(event.text) >= len(LONG):
            GATE.wait(5)
        return replace(event, text=event.text.upper())


class Tearing(Reader):
    """Leaves something of a long text that nobody can write."""

    name = "tearing"

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        event = super().on_chunk(x, event)
        if isinstance(event, TextDelta) and len(event.text) >= len(LONG):
            return replace(event, text=object())
        return event


class Breaking(Reader):
    """Cannot read a long text."""

    name = "breaking"

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if isinstance(event, TextDelta) and len(event.text) >= len(LONG):
            raise ZeroDivisionError
        return super().on_chunk(x, event)


class Ends(Module[ModuleConfig]):
    name = "ends"
    category = "observe"
    stage = Stage.OBSERVE
    told: Sequence[str] = ()

    def on_error(self, x: Exchange, error: Exception) -> None:
        type(self).told = (*self.told, type(error).__name__)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_long_pieces_are_read_in_a_thread_and_all_stay_in_order(
    yard: Yard, path: str
) -> None:
    yard.provider("openai").streams("a", LONG, "b", LONG, "c", "d").slowly(between=0.003)
    yard.add(Reader)
    heard = await yard.call(path, yard.body(stream=True))
    assert heard.text == f"A{LONG.upper()}B{LONG.upper()}CD"
    assert heard.ended
    assert {on_loop for length, on_loop in READ if length >= len(LONG)} == {False}


async def test_small_pieces_are_read_where_they_come(yard: Yard) -> None:
    yard.provider("openai").streams(*["a few words "] * 40).slowly(between=0.0005)
    yard.add(Reader)
    assert (await yard.stream()).text == "A FEW WORDS " * 40
    assert {on_loop for _, on_loop in READ} == {True}


async def test_other_calls_are_served_while_a_piece_is_read(yard: Yard) -> None:
    yard.provider("openai").streams("a", LONG, "b").says("meanwhile")
    yard.add(Reader)
    await yard.open()
    GATE.clear()
    slow = asyncio.create_task(yard.stream())
    assert await becomes(lambda: (len(LONG), False) in READ)
    assert (await yard.chat()).text == "MEANWHILE"
    GATE.set()
    assert (await slow).text == f"A{LONG.upper()}B"


async def test_pieces_before_a_break_are_heard_before_it(yard: Yard) -> None:
    yard.provider("openai").streams("a", LONG, "b").cuts_after(4)
    yard.add(Reader)
    heard = await yard.stream()
    assert heard.text == f"A{LONG.upper()}B"
    assert heard.error is not None
    assert heard.error["code"] == "stream_interrupted"


async def test_a_client_that_leaves_while_a_piece_is_read_ends_the_call(yard: Yard) -> None:
    yard.provider("openai").streams("a", LONG, "b").stalls_after(3)
    yard.add(Ends)
    yard.add(Reader)
    GATE.clear()
    async with yard.raw() as client:
        client.ask(CHAT, yard.body(stream=True), headers=yard.headers)
        assert await becomes(lambda: (len(LONG), False) in READ)
    assert await yard.ended(1)
    assert yard.last.abandoned
    assert Ends.told == ("Abandoned",)
    GATE.set()
    assert await yard.quiet()


async def test_a_stop_of_the_process_does_not_wait_for_a_piece_to_be_read(yard: Yard) -> None:
    yard.provider("openai").streams("a", LONG).stalls_after(3)
    yard.add(Reader)
    await yard.open()
    GATE.clear()
    slow = asyncio.create_task(yard.stream())
    assert await becomes(lambda: (len(LONG), False) in READ)
    await yard.server.shutdown()
    GATE.set()
    heard = await slow
    assert heard.error is not None
    assert heard.error["code"] == "server_shutdown"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_module_that_comes_to_no_end_is_passed_over(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(editing, "EDIT_SECONDS", 0.1)
    monkeypatch.setattr(editing, "LONG_TEXT", len(LONG) - 1)
    yard.provider("openai").streams("a", LONG, "b")
    yard.add(Reader)
    GATE.clear()
    heard = await yard.chat(stream=stream)
    GATE.set()
    assert heard.text.lower() == f"a{LONG}b"


async def test_an_event_that_cannot_be_written_ends_the_stream(yard: Yard) -> None:
    yard.provider("openai").streams("a", LONG, "b")
    yard.add(Tearing)
    heard = await yard.stream()
    assert heard.error is not None
    assert heard.error["code"] == "internal"
    assert await yard.quiet()


async def test_a_module_that_breaks_in_the_thread_is_passed_over(yard: Yard) -> None:
    yard.provider("openai").streams("a", LONG, "b").slowly(between=0.003)
    yard.add(Breaking)
    assert (await yard.stream()).text == f"A{LONG}B"
    assert yard.last.findings == ["breaking failed"]


async def test_a_slow_client_and_a_slow_module_both_hold_the_provider_back(yard: Yard) -> None:
    pieces = ["y" * 40_000] * 60
    yard.provider("openai").streams(*pieces)
    yard.add(Reader)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body(stream=True), headers=yard.headers)
        assert await becomes(lambda: len(READ) > 2)
        await client.answer()
        body = client.reply.body
    assert body.count(b"Y") == 60 * 40_000
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("path", [CHAT, MESSAGES, "/v1/responses"])
@pytest.mark.parametrize("padding", ["", " and so on" * 600])
async def test_a_stream_of_which_nothing_was_released_is_refused_as_a_whole_answer_is(
    yard: Yard, path: str, padding: str
) -> None:
    yard.provider("openai").streams(TOKEN[:9], TOKEN[9:], f" is the token{padding}")
    yard.enable("secretscan", answers="block")
    body = yard.body(stream=True) | ({"input": "hi"} if "responses" in path else {})
    heard = await yard.call(path, body)
    assert heard.status == 422
    assert heard.error is not None
    assert heard.error["stockyard"]["code"] == "answer_blocked"
    assert (yard.last.status, yard.last.streamed) == (422, False)
    assert yard.last.refused_by == "secretscan"
    assert "secretscan found" in yard.last.findings
    assert yard.last.usage is not None, "what was generated is paid"


async def test_a_ping_does_not_wait_for_the_first_content(yard: Yard) -> None:
    yard.provider("openai").streams(TOKEN[:9], TOKEN[9:], " is the token").stalls_after(2)
    yard.enable("secretscan", answers="block")
    await yard.open()
    yard.stockyard.office.pings = Pings(0.02)
    async with yard.raw() as client:
        client.ask(CHAT, yard.body(stream=True), headers=yard.headers)
        await client.until(b": ping")
        yard.provider("openai").goes_on()
        await client.until(b"0\r\n\r\n")
        assert client.reply.status == 200
        assert b"answer_blocked" in client.reply.body


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_the_head_of_a_stream_tells_no_counts_that_are_no_totals(
    yard: Yard, path: str, edited: bool
) -> None:
    yard.provider("anthropic").streams("one ", "two")
    if edited:
        yard.enable("promptguard")
    heard = await yard.call(path, yard.body(model="claude-scripted", max_tokens=9, stream=True))
    assert heard.text == "one two"
    assert "x-stockyard-cache" in heard.headers
    assert not [name for name in heard.headers if name.startswith("x-stockyard-tokens")]


@pytest.mark.parametrize("edited", [False, True])
async def test_a_stream_between_formats_is_kept_for_the_next_caller(
    yard: Yard, edited: bool
) -> None:
    yard.provider("anthropic").streams("one ", "two")
    yard.enable("cache")
    if edited:
        yard.enable("promptguard")
    states = []
    for _ in range(2):
        heard = await yard.stream(model="claude-scripted", max_tokens=9)
        assert heard.text == "one two"
        states.append(heard.headers["x-stockyard-cache"])
    assert states == ["miss", "hit"]
