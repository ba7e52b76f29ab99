"""The streams in `cases`, with the whole answers that say the same."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stockyard.core.events import Event
from stockyard.core.folding import fold
from stockyard.core.messages import AnyPart, Reasoning, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.core.response import Output
from stockyard.wire.codec import Codec, Fault, Pen, StreamLook
from stockyard.wire.formats import FORMATS
from tests.bedrock_answers import frames

CASES = Path(__file__).parent / "cases"
FOLDERS = {
    "openai_chat": "openai.chat",
    "openai_responses": "openai.responses",
    "openai_completions": "openai.completions",
    "anthropic_messages": "anthropic.messages",
    "gemini": "gemini",
    "bedrock_converse": "bedrock.converse",
    "cohere_chat": "cohere.chat",
    "ollama_chat": "ollama.chat",
    "ollama_generate": "ollama.generate",
}
NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)


@dataclass(frozen=True)
class StreamCase:
    """One format's stream of one feature."""

    feature: str
    folder: str

    def __str__(self) -> str:
        return f"{self.feature}-{self.folder}"

    @property
    def codec(self) -> Codec:
        return FORMATS[FOLDERS[self.folder]]

    @cached_property
    def pieces(self) -> list[bytes]:
        """Its events, each in the bytes of its own."""
        framed = CASES / self.feature / f"{self.folder}.stream.jsonl"
        if framed.exists():
            return [frames(tuple(json.loads(line))) for line in framed.read_text().splitlines()]
        said = (CASES / self.feature / f"{self.folder}.stream.txt").read_bytes()
        blank = b"\n" if said.startswith(b"{") else b"\r\n\r\n" if b"\r\n\r\n" in said else b"\n\n"
        return [piece + blank for piece in said.split(blank) if piece]

    @property
    def stream(self) -> bytes:
        return b"".join(self.pieces)

    @cached_property
    def _case(self) -> dict[str, Any]:
        said = (CASES / self.feature / f"{self.folder}.json").read_text()
        case: dict[str, Any] = json.loads(said)
        return case

    @property
    def translates_from(self) -> str | None:
        """The only format of the folder that becomes the others, where not every one does."""
        return self._case.get("translates_from")

    @cached_property
    def whole(self) -> tuple[Output, Usage | None]:
        """What the whole answer of this format says."""
        body = json.dumps(self._case["response"]).encode()
        output = self.codec.decode_response(body, traits=NONE)
        assert isinstance(output, Output)
        return output, self.codec.facts(body, traits=NONE).usage

    def events(self, pieces: int | None = None) -> list[Event]:
        """What is read of its first `pieces`, or of all and its end."""
        reader = self.codec.reader(traits=NONE)
        if pieces is not None:
            return reader.feed(b"".join(self.pieces[:pieces]))
        return [*reader.feed(self.stream), *reader.end()]

    def written(self, pieces: int | None = None, *, to: Codec) -> bytes:
        """The same in another format: whole, or as far as its first `pieces` go."""
        writer = to.writer(PEN)
        said = writer.write(self.events(pieces))
        return said if pieces is not None else said + writer.end()

    def failed(self, pieces: int, fault: Fault, *, to: Codec) -> bytes:
        """The same in another format when it breaks off after its first `pieces`."""
        writer = to.writer(PEN)
        return writer.write(self.events(pieces)) + writer.fail(fault)


def stream_cases() -> list[StreamCase]:
    found = [*CASES.glob("*/*.stream.txt"), *CASES.glob("*/*.stream.jsonl")]
    return [StreamCase(path.parent.name, path.name.partition(".")[0]) for path in sorted(found)]


def pairs_of_streams() -> list[tuple[StreamCase, StreamCase]]:
    """Every stream with every other of its feature that it becomes."""
    every = stream_cases()
    return [
        (one, other)
        for one in every
        for other in every
        if one.feature == other.feature
        and one != other
        and one.translates_from in (None, FOLDERS[one.folder])
    ]


def read(codec: Codec, stream: bytes) -> tuple[Output, Usage | None]:
    reader = codec.reader(traits=NONE)
    return fold([*reader.feed(stream), *reader.end()])


def look_at(codec: Codec, stream: bytes) -> StreamLook:
    look = codec.look(traits=NONE, keep_usage=True, native=False)
    look.feed(stream)
    look.end()
    return look


def heard(output: Output) -> list[list[object]]:
    """What a client hears of an answer: every choice's texts, thoughts and calls, and its end."""
    return [
        [choice.index, *(_said(part) for part in choice.message.parts), choice.finish]
        for choice in output.choices
    ]


def _said(part: AnyPart) -> object:
    if isinstance(part, ToolCall):
        free = part.kind == "custom"
        asked = part.arguments if free else json.loads(part.arguments or "{}")
        return part.kind, part.id, part.name, asked
    if isinstance(part, Reasoning):
        return "thought", part.text or "".join(part.summary), part.signature, part.redacted
    return "text" if isinstance(part, Text) else part.__class__, getattr(part, "text", None)
