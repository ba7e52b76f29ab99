"""Streams whose provider spells its events oddly reach clients as those of their dialect need them.

What is legal in server-sent events stands in `streaming.md` S4, what clients stumble over in its
section 1. Odd bytes are passed on by native routes only.
"""

import re
from collections.abc import Callable, Sequence

import pytest

from stockyard.testing.formats import FORMATS
from stockyard.testing.heard import Heard
from stockyard.testing.turn import Turn
from stockyard.testing.yard import Yard
from tests.dialects import DIALECTS, Dialect, Said

PIECES = ("Well. \u2028", "Bye\x85.")
FORMAT = {form.name: form for form in FORMATS}
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
    frames = FORMAT[dialect.own_format].frames(Turn(pieces=PIECES), dialect.asks, True)
    stream = b"".join(spelling([frame.data for frame in frames]))
    yard.provider(dialect.home).plays(stream)
    answer = await yard.call(*dialect.asking(dialect.model))
    assert (answer.status, dialect.said(answer)) == (200, Said("".join(PIECES), ended=True))
    assert _stumbles(dialect, answer) == []
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 12)
