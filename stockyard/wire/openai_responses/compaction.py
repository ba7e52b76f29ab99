"""Compaction: summaries that replace a conversation, as an answer or on a path of its own.

The caller gets exactly one item of type `compaction`, whose content only its maker can decrypt, and
sends it back with the next turn. A provider's own compaction items are passed on. Other providers
write a plain text, which is encrypted here on its way to the client.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.events import Event
from stockyard.core.folding import Folder, unfold
from stockyard.core.messages import AnyPart, Message, Opaque
from stockyard.core.request import Content, Request
from stockyard.core.response import Choice, Output, Response
from stockyard.wire.codec import Addressee, Dropped, Fault, Pen, RequestHead, StreamWriter, Traits
from stockyard.wire.openai_responses import request
from stockyard.wire.openai_responses.codec import ResponsesCodec
from stockyard.wire.openai_responses.parts import FORMAT
from stockyard.wire.openai_responses.snapshot import asked_by
from stockyard.wire.openai_responses.ties import SUMMARY_WANTED
from stockyard.wire.surrogates import decode_event
from stockyard.wire.whole import bad_answer

ITEM = "compaction"
_TAKES = frozenset(
    {"model", "input", "instructions", "previous_response_id", "prompt_cache_key", "service_tier"}
)
"""The fields of a Responses request that the path for summaries takes."""

Seal = Callable[[str], str]


class SummaryCodec(ResponsesCodec):
    """Responses whose answer is a summary, for one client."""

    def __init__(self, seal: Seal) -> None:
        super().__init__()
        self._seal = seal

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        summary = sealed(response_.output, self._seal)
        return super().encode_response(Response(summary, usage=response_.usage), pen)

    def writer(self, pen: Pen) -> "SummaryWriter":  # type: ignore[override]  # a writer as well
        return SummaryWriter(super().writer(pen), self._seal)


class SummaryWriter:
    """Holds the stream: an item that is sealed cannot come in pieces."""

    def __init__(self, writer: StreamWriter, seal: Seal) -> None:
        self._writer = writer
        self._seal = seal
        self._folder = Folder()

    def write(self, events: Sequence[Event]) -> bytes:
        for event in events:
            self._folder.add(event)
        return b""

    def end(self, comment: bytes = b"") -> bytes:
        output, usage = self._folder.result()
        written = self._writer.write(unfold(sealed(output, self._seal), usage))
        return written + self._writer.end(comment)

    def fail(self, fault: Fault) -> bytes:
        return self._writer.fail(fault)


class CompactCodec(ResponsesCodec):
    """https://platform.openai.com/docs/api-reference/responses/compact"""

    name = "openai.compact"

    def __init__(self, seal: Seal | None = None) -> None:
        """`seal` is for what we say to a client; to a provider nothing is sealed."""
        super().__init__()
        self._seal = seal

    def answering(self, content: Content) -> "CompactCodec":
        return self  # a summary calls no tools

    def peek(self, body: bytes) -> RequestHead:
        head = super().peek(body)
        return RequestHead(head.model)  # a summary does not stream

    def read_request(self, body: bytes) -> Content:
        content = request.decode_request(body)
        return replace(content, summary=True, tie=content.tie or SUMMARY_WANTED)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        written = super().write_request(request_.replace(summary=False), to)
        members = msgspec.json.decode(written.body, type=dict[str, msgspec.Raw])
        kept = {name: value for name, value in members.items() if name in _TAKES}
        return Dropped(msgspec.json.encode(kept), written.dropped)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        """The items as they are: some are the user's, and all go back unchanged."""
        self.facts(body, traits=traits)
        answer = decode_event(body)
        parts = tuple(
            Opaque(format=FORMAT, value=item)
            for item in answer["output"]
            if isinstance(item, dict) and isinstance(item.get("type"), str)
        )
        said = Message(role="assistant", parts=parts)
        named = answer.get("id")
        return Output(
            id=named if isinstance(named, str) else "",
            choices=(Choice(message=said, finish="stop"),),
        )

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        output = response_.output
        if not _is_sealed(output):
            if self._seal is None:
                raise bad_answer()
            output = sealed(output, self._seal)
            users = tuple(Opaque(format=FORMAT, value=item) for item in _users_items(pen))
            output = _saying(output, (*users, *output.choices[0].message.parts))
        said = super().encode_response(Response(output, usage=response_.usage), pen)
        answer = msgspec.json.decode(said, type=dict[str, Any])
        shown = ("id", "created_at", "output", "usage")
        return msgspec.json.encode(
            {"object": "response.compaction", **{name: answer[name] for name in shown}}
        )


def sealed(output: Output, seal: Seal) -> Output:
    """The answer with its text as one sealed item; as it is when it has such an item already."""
    if _is_sealed(output):
        return output
    text = "".join(choice.message.text for choice in output.choices[:1])
    item = {"type": ITEM, "encrypted_content": seal(text)}
    return _saying(output, (Opaque(format=FORMAT, value=item),))


def _is_sealed(output: Output) -> bool:
    parts = (part for choice in output.choices for part in choice.message.parts)
    return any(_kind(part) == ITEM for part in parts)


def _kind(part: AnyPart) -> object:
    known = isinstance(part, Opaque) and part.format == FORMAT and isinstance(part.value, Mapping)
    return part.value.get("type") if known and isinstance(part, Opaque) else None


def _saying(output: Output, parts: tuple[AnyPart, ...]) -> Output:
    said = Message(role="assistant", parts=parts)
    return replace(output, choices=(Choice(message=said, finish="stop"),))


def _users_items(pen: Pen) -> list[dict[str, Any]]:
    """The messages of the user in the request, as items of an answer."""
    asked = asked_by(pen).get("input")
    if isinstance(asked, str):
        asked = [{"role": "user", "content": asked}]
    found = []
    for item in asked if isinstance(asked, list) else ():
        if isinstance(item, dict) and item.get("role") == "user":
            content = item.get("content")
            if isinstance(content, str):
                content = [{"type": "input_text", "text": content}]
            found.append({"status": "completed", **item, "type": "message", "content": content})
    return found
