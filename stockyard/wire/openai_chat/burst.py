"""Decode all chunks of a chat or completions stream that one read brought, at once.

A busy provider's chunks come in bursts, and nearly all of them carry further text and nothing else.
Those are known by their types, in one decode that keeps nothing; what comes out is the few that
tell more.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from stockyard.wire.openai_chat.response import FAILED_FINISHES

FIRST = 3
"""Within so many chunks nearly every answer has begun: a role, perhaps an empty text, then text."""
LAST = 3
"""So many chunks at the end of a burst may tell of the end of the answer."""


class Delta(Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    audio: Any = None

    def bears_content(self) -> bool:
        return bool(
            self.content
            or self.tool_calls
            or self.reasoning_content
            or self.reasoning
            or self.reasoning_details
            or self.refusal
            or self.function_call
            or self.audio
        )


class FirstChoice(Struct, gc=False):
    delta: Delta | None = None
    text: Any = None
    """Where completions have a delta."""
    finish_reason: Any = None
    index: Any = 0
    usage: Any = None

    def bears_content(self) -> bool:
        return bool(self.text or (self.delta is not None and self.delta.bears_content()))


class Choice(Struct, gc=False):
    finish_reason: Any = None
    index: Any = 0
    usage: Any = None


class _AnyChunk(Struct, gc=False):
    usage: Any = None
    error: Any = None
    object: Any = None
    x_groq: Any = None
    base_resp: Any = None


class FirstChunk(_AnyChunk, gc=False):
    """A chunk while nothing has been committed: its deltas matter."""

    choices: list[FirstChoice] | None = None
    model: Any = None
    id: Any = None
    created: Any = None


class Chunk(_AnyChunk, gc=False):
    choices: list[Choice] | None = None


class _TextChoice(Struct, gc=False):
    finish_reason: None = None
    index: Literal[0] = 0
    usage: None = None


class _TextChunk(Struct, gc=False):
    """A chunk with nothing but more text of the first choice. Any other fails to decode as this."""

    choices: Annotated[list[_TextChoice], Meta(min_length=1, max_length=1)]
    usage: None = None
    error: None = None
    object: Literal["chat.completion.chunk", "text_completion"] | None = None
    x_groq: None = None
    base_resp: None = None


Told = tuple[int, Chunk | FirstChunk]
"""A chunk that matters, and its index in the burst."""

read_first = msgspec.json.Decoder(FirstChunk).decode
read_chunk = msgspec.json.Decoder(Chunk).decode
_first_chunks = msgspec.json.Decoder(FirstChunk).decode_lines
_chunks = msgspec.json.Decoder(Chunk).decode_lines
_texts = msgspec.json.Decoder(_TextChunk).decode_lines


def telling(parts: Sequence[bytes], *, content: bool, begun: bool) -> list[Told] | None:
    """The chunks that tell more than further text of the first choice; None when they must be read
    one by one, because one is an error, odd, or no chunk at all.

    `parts` are the chunks as JSON without line ends, and without the brace that opens each: so none
    is blank, which would shift the places of those behind it. `content`: some of the answer was
    seen before. `begun`: so was its first choice.
    """
    head = () if content else parts[:FIRST]
    start = len(head)
    try:
        opening = _first_chunks(_lines(head))
        if head:
            content = begun = _begin(opening)
        if begun and start < len(parts) - LAST and _are_text(parts[start:-LAST]):
            start = len(parts) - LAST
        rest = _lines(parts[start:])
        chunks = _chunks(rest) if content else _first_chunks(rest)
    except (ValueError, RecursionError):
        return None
    if len(opening) != len(head) or len(chunks) != len(parts) - start:
        return None
    told = _noteworthy(opening, 0, begun=False)
    more = _noteworthy(chunks, start, begun=begun)
    return None if told is None or more is None else told + more


def _lines(parts: Sequence[bytes]) -> bytes:
    return b"{" + b"\n{".join(parts) if parts else b""


def _begin(opening: Sequence[FirstChunk]) -> bool:
    """Whether these chunks show some of the first choice."""
    return any(
        choice.index == 0 and choice.bears_content()
        for chunk in opening
        for choice in chunk.choices or ()
    )


def _are_text(parts: Sequence[bytes]) -> bool:
    try:
        return len(_texts(_lines(parts))) == len(parts)
    except (ValueError, RecursionError):
        return False


def _noteworthy(
    chunks: Sequence[Chunk | FirstChunk], start: int, *, begun: bool
) -> list[Told] | None:
    told: list[Told] = []
    for place, chunk in enumerate(chunks, start):
        if chunk.error or chunk.x_groq or chunk.base_resp or chunk.object == "error":
            return None
        choices = chunk.choices
        if begun and choices and len(choices) == 1 and not chunk.usage:
            choice = choices[0]
            if not choice.finish_reason and choice.index == 0 and not choice.usage:
                continue
        for choice in choices or ():
            if type(choice.index) is not int or not _ordinary(choice.finish_reason):
                return None
        told.append((place, chunk))
    return told


def _ordinary(finish: object) -> bool:
    return finish is None or (isinstance(finish, str) and finish not in FAILED_FINISHES)
