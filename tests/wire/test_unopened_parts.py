"""Pieces of a part that was not opened, or as one of another kind, are not lost."""

import json
from typing import Any

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Reasoning, Text
from stockyard.testing.formats import FORMATS as SPOKEN
from stockyard.testing.frames import Frame
from stockyard.testing.turn import Turn
from stockyard.wire.formats import FORMATS

TURN = Turn(pieces=("Hel", "lo"), reasoning=("h", "m"))
FORMS = {form.name: form for form in SPOKEN}


def said(name: str, frames: list[Frame]) -> list[tuple[type, str]]:
    """The parts of an answer, as a reader understands them."""
    reader = FORMATS[name].reader(traits=frozenset())
    events = [*reader.feed(b"".join(frame.data for frame in frames)), *reader.end()]
    parts = fold(events)[0].choices[0].message.parts
    return [(type(part), part.text or "") for part in parts if isinstance(part, Text | Reasoning)]


@pytest.mark.parametrize(
    ("name", "opening"),
    [("anthropic.messages", b"content_block_start"), ("cohere.chat", b"content-start")],
)
class TestParts:
    def test_that_nobody_opened_are_opened_by_what_is_said(self, name: str, opening: bytes) -> None:
        frames = [
            f
            for f in FORMS[name].speaker.frames(TURN, {}, counts_unasked=True)
            if opening not in f.data
        ]
        assert said(name, frames) == [(Reasoning, "hm"), (Text, "Hello")]

    def test_that_were_opened_as_another_kind_are_what_is_said(
        self, name: str, opening: bytes
    ) -> None:
        frames = [
            Frame(f.kind, _as_the_other(f.data)) if opening in f.data else f
            for f in FORMS[name].speaker.frames(TURN, {}, counts_unasked=True)
        ]
        assert [part for part in said(name, frames) if part[1]] == [
            (Reasoning, "hm"),
            (Text, "Hello"),
        ]


def _as_the_other(event: bytes) -> bytes:
    name, _, data = event.rstrip().partition(b"\ndata: ")
    value: dict[str, Any] = json.loads(data)
    messages = "content_block" in value
    block = value["content_block"] if messages else value["delta"]["message"]["content"]
    other = "thinking" if block["type"] == "text" else "text"
    block.clear()
    block.update({"type": other, other: ""})
    return name + b"\ndata: " + json.dumps(value).encode() + b"\n\n"
