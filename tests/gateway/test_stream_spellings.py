"""Streams whose provider spells its events oddly reach clients as those of their dialect need them.

What is legal in server-sent events stands in `streaming.md` S4, what clients stumble over in its
section 1. Odd bytes are passed on by native routes only.
"""

import asyncio
import re
from collections.abc import Callable, Sequence

import pytest

from stockyard.core.events import TextDelta
from stockyard.testing.heard import Heard
from stockyard.testing.turn import Turn
from stockyard.testing.yard import Yard
from stockyard.wire.openai_chat.writer import ChatWriter
from tests.dialects import DIALECTS, SPEAKERS, Dialect, Said

PIECES = ("Well. \u2028", "Bye\x85.")
EVENT_STREAMS = {name: d for name, d in DIALECTS.items() if "event-stream" in d.content_type}
Spelling = Callable[[Sequence[bytes]], list[bytes]]

_LINE_END = re.compile(rb"\r\n|\n|\r")


def _lines(events: Sequence[bytes], change: Callable[[bytes], bytes]) -> list[bytes]:
    return [b"\n".join(map(change, event[:-2].split(b"\n"))) + b"\n\n" for event in events]


SPELLINGS: dict[str, Spelling] = {
    "blanks after the data": lambda events: [event[:-2] + b"  \n\n" for event in events],
    "names of events": lambda events: [
        event if event.startswith(b"event:") else b"event: message\n" + event for event in events
    ],
    "comments in events": lambda events: [b": hi\n" + event for event in events],
    "ids": lambda events: [b"id: 7\nretry: 10\n" + event for event in events],
    "no blank after the colon": lambda events: _lines(
        events, lambda line: line.replace(b": ", b":", 1)
    ),
}


def _stumbles(dialect: Dialect, heard: Heard) -> list[bytes]:
    """The lines over which clients of a dialect stumble."""
    allowed = [rb"data: .+"]
    if dialect.own_format not in ("gemini", "openai.chat", "openai.completions"):
        allowed.append(rb"event: .+")
    if dialect.own_format != "gemini":
        allowed.append(rb":.*")
    fine = re.compile(b"|".join(allowed))
    return [line for line in _LINE_END.split(heard.body) if line and not fine.fullmatch(line)]


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=list(SPELLINGS))
@pytest.mark.parametrize("edited", [False, True], ids=["", "edited"])
@pytest.mark.parametrize("dialect", EVENT_STREAMS.values(), ids=list(EVENT_STREAMS))
async def test_s04_an_odd_spelling_is_mended_for_clients(
    yard: Yard, dialect: Dialect, edited: bool, spelling: Spelling
) -> None:
    if edited:
        yard.enable("promptguard")
    frames = SPEAKERS[dialect.own_format].frames(
        Turn(pieces=PIECES), dialect.asks, counts_unasked=True
    )
    stream = b"".join(spelling([frame.data for frame in frames]))
    yard.provider(dialect.home).plays(stream)
    answer = await yard.call(*dialect.asking(dialect.model))
    assert (answer.status, dialect.said(answer)) == (200, Said("".join(PIECES), ended=True))
    assert _stumbles(dialect, answer) == []
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 12)


AFTER_THE_END: list[bytes] = [
    b"data: {bad\n\n",
    b"data: [5]\n\n",
    b"event: odd\ndata: junk\n\n",
    b'data: {"error":{"message":"x","code":500}}\n\n',
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
    b'data: {"error":{"message":"x","code":500}}',
]
"""Nonsense and errors. Gemini's streams have no end before that of their connection."""


@pytest.mark.parametrize("edited", [False, True], ids=["", "edited"])
@pytest.mark.parametrize(
    "dialect", [d for d in EVENT_STREAMS.values() if d.home != "gemini"], ids=lambda d: d.own_format
)
async def test_s20_nothing_after_the_end_spoils_an_answer(
    yard: Yard, dialect: Dialect, edited: bool
) -> None:
    if edited:
        yard.enable("promptguard")
    frames = SPEAKERS[dialect.own_format].frames(
        Turn(pieces=PIECES), dialect.asks, counts_unasked=True
    )
    provider = yard.provider(dialect.home)
    for late in AFTER_THE_END:
        provider.plays(b"".join(frame.data for frame in frames) + late)
        answer = await yard.call(*dialect.asking(dialect.model))
        assert dialect.said(answer) == Said("".join(PIECES), ended=True), late
        assert yard.last.outcomes == ["ok"]


async def test_a_fault_of_ours_in_a_stream_is_never_its_good_end(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider says all of its answer. What a writer lost of it, nobody can know."""

    def trip(writer: ChatWriter, event: TextDelta) -> None:
        if "Bye" in event.text:
            raise TypeError("A mistake in a writer.")
        says(writer, event)

    says = ChatWriter.by_event[TextDelta]
    monkeypatch.setattr(ChatWriter, "by_event", {**ChatWriter.by_event, TextDelta: trip})
    yard.enable("promptguard")
    yard.provider("openai").streams("Well. ", "Bye.").slowly(between=0.02)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    answer = await yard.stream()
    assert answer.text == "Well. "
    assert answer.error is not None
    assert not answer.ended
    assert yard.last.outcomes == ["partial"]


async def test_s20_bytes_after_the_end_pass_once_on_a_native_route(yard: Yard) -> None:
    frames = SPEAKERS["cohere.chat"].frames(Turn(pieces=PIECES), {}, counts_unasked=True)
    provider = yard.provider("cohere")
    asked = {"model": "command-a-03-2025", "stream": True, "messages": []}
    for late in AFTER_THE_END:
        stream = b"".join(frame.data for frame in frames) + late
        provider.plays(stream)
        assert (await yard.call("/cohere/v2/chat", asked)).body == stream
