"""A request as a scripted provider received it."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import msgspec


@dataclass
class ReceivedRequest:
    """One request: what it said, and what became of its connection."""

    method: str
    target: str
    raw_headers: list[tuple[bytes, bytes]]
    """As they came: order, spelling and repeats."""
    body: bytes
    connection: int
    """The number of its connection; two requests with the same one shared it."""
    keep_alive: bool = True
    """Whether the client lets the connection live after the answer."""
    arrived: float = field(default_factory=time.monotonic)
    answered_at: float | None = None
    """When the last step of the answer was done; None while it runs or if it was broken off."""
    closed_at: float | None = None
    """When the client closed the connection on which this was the last request."""
    _closed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; repeated ones joined with a comma."""
        out: dict[str, str] = {}
        for name, value in self.raw_headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            out[key] = f"{out[key]}, {text}" if key in out else text
        return out

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None when it is not."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty when it is not one."""
        return self.json if isinstance(self.json, dict) else {}

    @property
    def streamed(self) -> bool:
        """Whether the body asks for a stream, or the path, in formats where that does."""
        return self.fields.get("stream") is True or self.path.endswith(":streamGenerateContent")

    @property
    def prompt(self) -> str:
        """The text of the last thing the user said, in any format with `messages`."""
        for message in reversed(self.fields.get("messages") or []):
            if message.get("role") == "user":
                return _text_of(message.get("content"))
        return ""

    def answered(self) -> None:
        """The last step of the answer was done."""
        self.answered_at = time.monotonic()

    def hung_up(self) -> None:
        """The client closed the connection."""
        self.closed_at = time.monotonic()
        self._closed.set()

    async def closed_by_client(self, within: float = 10.0) -> bool:
        """Whether the client closes the connection within so many seconds."""
        try:
            await asyncio.wait_for(self._closed.wait(), within)
        except TimeoutError:
            return False
        return True


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(part.get("text", "") for part in content if part.get("type") == "text")
