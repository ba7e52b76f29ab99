"""What a client received: one answer of the gateway, whole or streamed.

It parses the bytes without the gateway's readers, so that mistakes in those show.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from stockyard.testing.raw_client import Reply

_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_TERMINATORS = ("[DONE]", "message_stop")


class StreamEvent(NamedTuple):
    """One event of a stream: its name, empty where it has none, and its data."""

    name: str
    data: str

    @property
    def json(self) -> Any:
        """The data as JSON; None when it is not."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError:
            return None


class Heard:
    """One answer."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.raw_headers = reply.headers
        self.body = reply.body
        self.complete = reply.complete
        """Whether HTTP came to its end; says nothing of the stream inside."""

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        return dict(self.raw_headers)

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None when it is not."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None

    @property
    def streamed(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @cached_property
    def blocks(self) -> list[bytes]:
        """What stands between blank lines: events and comments."""
        return [block for block in _BLANK_LINE.split(self.body) if block]

    @cached_property
    def events(self) -> list[StreamEvent]:
        """The events of a stream, with its terminator and without comments."""
        found = (_event(block) for block in self.blocks)
        return [event for event in found if event is not None]

    @property
    def comments(self) -> list[str]:
        return [block.decode() for block in self.blocks if block.startswith(b":")]

    @property
    def pieces(self) -> list[str]:
        """The pieces of text of a stream, as they came."""
        said = (event.json for event in self.events)
        return [piece for one in said if isinstance(one, dict) for piece in _texts_of_event(one)]

    @property
    def text(self) -> str:
        if self.streamed:
            return "".join(self.pieces)
        return _text_of_whole(self.json) if isinstance(self.json, dict) else ""

    @property
    def ended(self) -> bool:
        """Whether the stream came to its terminator."""
        last = self.events[-1] if self.events else StreamEvent("", "")
        return last.data == _TERMINATORS[0] or last.name == _TERMINATORS[1]

    @property
    def error(self) -> dict[str, Any] | None:
        """The error object: the body's, or that of the event which ended the stream."""
        said = self.events[-1].json if self.streamed and self.events else self.json
        error = said.get("error") if isinstance(said, dict) else None
        return error if isinstance(error, dict) else None


def _event(block: bytes) -> StreamEvent | None:
    name, data = "", []
    for line in _LINE_END.split(block):
        field, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode()
        if field == b"event":
            name = text
        elif field == b"data":
            data.append(text)
    return StreamEvent(name, "\n".join(data)) if data else None


def _texts_of_event(said: Mapping[str, Any]) -> list[str]:
    if said.get("type") == "content_block_delta":
        text = said["delta"].get("text")
        return [text] if text else []
    deltas = (choice.get("delta") or {} for choice in said.get("choices") or ())
    return [delta["content"] for delta in deltas if delta.get("content")]


def _text_of_whole(said: Mapping[str, Any]) -> str:
    if said.get("type") == "message":
        return "".join(block.get("text", "") for block in said["content"])
    choices = said.get("choices") or ()
    return (choices[0]["message"].get("content") or "") if choices else ""
