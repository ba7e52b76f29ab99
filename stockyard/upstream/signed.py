"""Keep signed thoughts for callers that do not send them back (`wire.md` 8).

Some providers sign the thinking before a tool call, and need it back, byte for byte, with the
tool's result. Many formats have no field for it, many clients drop it, and a module that edits a
thought invalidates its signature. So the signed parts of a turn with tool calls are kept here for a
day. The key is the team and those parts of the turn that every caller sends back: its text and its
calls. Thoughts are only put back for the provider that signed them.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Reasoning, Text, ToolCall
from stockyard.core.request import Content
from stockyard.core.response import Output

SIGNING = frozenset(
    {"anthropic.messages", "bedrock.converse", "bedrock.invoke", "gemini", "openai.responses"}
)
"""Formats whose providers sign or encrypt thinking."""
SEALED_APART = frozenset({"openai.responses"})
"""Formats in which the readable and the encrypted version of a thought are separate parts."""
MAX_TURNS = 10_000
MAX_BYTES = 32 * 1024 * 1024
MAX_TURN_BYTES = 1024 * 1024
KEPT_SECONDS = 86_400.0


class Owner(Struct, frozen=True):
    """Whom a turn is kept for, and which provider and format it is from."""

    partition: str
    provider: str
    format: str


class _SignedTurn(Struct, frozen=True):
    parts: tuple[Reasoning | None, ...]
    """The parts of the turn in order: a signed thought, or None for any other part."""
    signatures: tuple[str | None, ...]
    """The signatures of its calls, in order."""
    size: int
    until: float


class SignedTurns:
    """The table of turns. When it is full, the oldest ones are dropped."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._turns: OrderedDict[bytes, _SignedTurn] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._turns)

    def remember(self, owner: Owner, output: Output) -> None:
        """Keep the signed parts of an answer, which must be complete."""
        for choice in output.choices:
            message = choice.message
            calls = tuple([p.signature for p in message.parts if isinstance(p, ToolCall)])
            if not calls:
                continue
            signed = any(_is_signed(part, owner.format) for part in message.parts)
            if signed or any(calls):
                parts = tuple(p if _is_kept(p, owner.format) else None for p in message.parts)
                self._keep(_name(owner, message), parts, calls)

    def returned(self, owner: Owner, content: Content) -> Content:
        """The content with the signed thoughts put back."""
        if not self._turns or not isinstance(content, Content):
            return content
        messages = tuple(self._completed(owner, message) for message in content.messages)
        same = all(a is b for a, b in zip(messages, content.messages, strict=True))
        return content if same else replace(content, messages=messages)

    def _keep(
        self, name: bytes, parts: tuple[AnyPart | None, ...], calls: tuple[str | None, ...]
    ) -> None:
        thoughts = tuple(part if isinstance(part, Reasoning) else None for part in parts)
        size = len(msgspec.msgpack.encode((thoughts, calls)))
        if size > MAX_TURN_BYTES:
            return
        self._forget(name)
        self._turns[name] = _SignedTurn(thoughts, calls, size, self._clock() + KEPT_SECONDS)
        self._size += size
        while len(self._turns) > MAX_TURNS or self._size > MAX_BYTES:
            self._forget(next(iter(self._turns)))

    def _forget(self, name: bytes) -> None:
        kept = self._turns.pop(name, None)
        if kept is not None:
            self._size -= kept.size

    def _completed(self, owner: Owner, message: Message) -> Message:
        if message.role != "assistant":
            return message
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        brought = any(_is_signed(part, owner.format) for part in message.parts)
        if not calls or brought or any(call.signature for call in calls):
            return message
        name = _name(owner, message)
        kept = self._turns.get(name)
        if kept is None:
            return message
        if kept.until <= self._clock():
            self._forget(name)
            return message
        return replace(message, parts=_put_back(kept, message.parts))


def _put_back(kept: _SignedTurn, parts: Sequence[AnyPart]) -> tuple[AnyPart, ...]:
    signatures = iter(kept.signatures)
    rest = [
        replace(part, signature=next(signatures, None)) if isinstance(part, ToolCall) else part
        for part in parts
        if not isinstance(part, Reasoning)
    ]
    thoughts = [part for part in kept.parts if part is not None]
    if len(rest) != len(kept.parts) - len(thoughts):
        # The caller split the turn differently. Thoughts then go in front of everything else.
        return (*thoughts, *rest)
    others = iter(rest)
    return tuple(next(others) if part is None else part for part in kept.parts)


def _is_kept(part: AnyPart, format: str) -> bool:
    if format in SEALED_APART:
        return isinstance(part, Reasoning)
    return _is_signed(part, format)


def _is_signed(part: AnyPart, format: str) -> bool:
    return (
        isinstance(part, Reasoning)
        and part.made_by == format
        and bool(part.signature or part.redacted or part.encrypted)
    )


def _name(owner: Owner, message: Message) -> bytes:
    text = "".join(part.text for part in message.parts if isinstance(part, Text))
    calls = [
        (part.name, _arguments(part.arguments))
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    said = (owner, text.strip(), calls)
    return sha256(msgspec.json.encode(said, order="deterministic")).digest()


def _arguments(text: str) -> Any:
    """The decoded value, because clients re-encode JSON in their own way."""
    try:
        return msgspec.json.decode(text or "{}")
    except (ValueError, RecursionError):
        return text
