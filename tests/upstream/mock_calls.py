"""Calls of the mock provider, and what its Receiver gets."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.mock import MockTransport
from stockyard.upstream.mock.delivery import Delivery
from stockyard.upstream.outgoing import Outgoing, request_head

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
BOTH = pytest.mark.parametrize("path", [CHAT, MESSAGES])
ECHO = (
    "This answer comes from Stockyard's mock provider: no account was used and nothing was "
    "charged. You wrote (5 characters): hello"
)


def words(text: str) -> int:
    """A tokenizer that can be counted by hand."""
    return len(text.split())


class Heard:
    """A Receiver that keeps what it hears."""

    def __init__(self) -> None:
        self.status = 0
        self.fields: dict[bytes, bytes] = {}
        self.pieces: list[bytes] = []
        self.order: list[str] = []
        self.sending: Delivery | None = None
        self.pause_after: int | None = None
        self.cancel_after: int | None = None
        self.over: asyncio.Future[UpstreamError | None] = asyncio.get_running_loop().create_future()

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self.order.append("head")
        self.status, self.fields = status, dict(fields)

    def data(self, piece: bytes) -> None:
        self.order.append("data")
        self.pieces.append(piece)
        assert self.sending is not None
        if len(self.pieces) == self.pause_after:
            self.sending.pause()
        if len(self.pieces) == self.cancel_after:
            self.sending.cancel()

    def done(self) -> None:
        self.order.append("done")
        self.over.set_result(None)

    def failed(self, error: UpstreamError) -> None:
        self.order.append("failed")
        self.over.set_result(error)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def events(self) -> list[Any]:
        frames = self.body.decode().split("\n\n")
        data = [line[6:] for f in frames for line in f.split("\n") if line.startswith("data: ")]
        return [msgspec.json.decode(one) for one in data if one != "[DONE]"]


def outgoing(path: str, body: bytes, method: bytes = b"POST") -> Outgoing:
    origin = Client(Guard(GuardSettings())).origin(
        "https://mock.invalid", purpose="provider", operator=True
    )
    head = request_head(method, path.encode(), origin.host, (), len(body))
    return Outgoing(origin=origin, head=head, body=body)


def a_request(path: str, prompt: str = "hello", **fields: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": prompt}]}
    if path == MESSAGES:
        request["max_tokens"] = 10_000
    return request | fields


def start(
    path: str, request: dict[str, Any], transport: MockTransport | None = None, **heard: Any
) -> Heard:
    receiver = Heard()
    for name, value in heard.items():
        setattr(receiver, name, value)
    transport = transport or MockTransport(estimate=words)
    call = outgoing(path, msgspec.json.encode(request))
    receiver.sending = transport.start(call, receiver)
    return receiver


async def call(path: str, request: dict[str, Any], transport: MockTransport | None = None) -> Heard:
    receiver = start(path, request, transport)
    await asyncio.wait_for(receiver.over, 5)
    return receiver


def text_of(answer: Any) -> str:
    if "choices" in answer:
        return answer["choices"][0]["message"]["content"] or ""
    return "".join(block["text"] for block in answer["content"] if block["type"] == "text")


def finish_of(answer: Any) -> Any:
    return answer["stop_reason"] if "content" in answer else answer["choices"][0]["finish_reason"]


def tokens_of(answer: Any) -> tuple[int, int]:
    usage = answer["usage"]
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"], usage["completion_tokens"]
    return usage["input_tokens"], usage["output_tokens"]


def streamed_text(events: list[Any]) -> str:
    def texts() -> Iterator[str]:
        for event in events:
            for choice in event.get("choices", ()):
                yield choice["delta"].get("content") or ""
            yield event.get("delta", {}).get("text") or ""

    return "".join(texts())


def a_tool(path: str, name: str, schema: Any) -> dict[str, Any]:
    if path == CHAT:
        return {"type": "function", "function": {"name": name, "parameters": schema}}
    return {"name": name, "input_schema": schema}
