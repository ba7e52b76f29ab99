"""Whole Messages answers, both ways."""

from typing import Any

import msgspec

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Finish,
    Image,
    Message,
    Reasoning,
    ToolCall,
    Video,
)
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.anthropic_messages.blocks import FORMAT, decode_blocks, encode_blocks
from stockyard.wire.anthropic_messages.turns import ACCEPTED_ID, ID_PREFIX
from stockyard.wire.anthropic_messages.usage import read_usage, write_usage
from stockyard.wire.codec import Facts, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer, not_an_answer
from stockyard.wire.error_shapes import read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.finishes import Reasons, odd
from stockyard.wire.layout import own_fields
from stockyard.wire.surrogates import decode_event, encode
from stockyard.wire.tool_ids import Ids

MESSAGE_PREFIX = "msg_"

FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "compaction": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

STOP_REASONS = Reasons(
    FORMAT,
    words={
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
    },
    own=FINISHES,
    refusal="refusal",
)


class _Answer(msgspec.Struct, gc=False):
    type: Any = None
    content: msgspec.Raw = msgspec.Raw()
    stop_reason: Any = None
    usage: Any = None
    error: Any = None


_facts_of = msgspec.json.Decoder(_Answer).decode


def facts(body: bytes) -> Facts:
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise no_answer(body) from None
    if answer.error or answer.type == "error" or not bytes(answer.content).startswith(b"["):
        raise no_answer(body)
    return Facts(
        usage=read_usage(answer.usage) if isinstance(answer.usage, dict) else None,
        odd_finish=odd(answer.stop_reason, FINISHES),
    )


def decode_response(body: bytes) -> Output:
    try:
        answer = Fields(decode_event(body))
        if answer.rest.get("error") or not isinstance(answer.rest.get("content"), list):
            raise no_answer(body)
        return _decode_output(answer)
    except (FieldError, ValueError, RecursionError):
        raise no_answer(body) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output, drops = response.output, Drops(FORMAT)
    choice = output.choices[0] if output.choices else Choice(message=Message(role="assistant"))
    parts = answerable(choice.message.parts)
    usage = write_usage(response.usage) if response.usage is not None else None
    own = choice.extra.get(FORMAT, {})
    body: dict[str, Any] = {
        **own_fields(output.extra, FORMAT),
        "id": pen.id if pen.id.startswith(MESSAGE_PREFIX) else MESSAGE_PREFIX + pen.id,
        "type": "message",
        "role": "assistant",
        "model": pen.model,
        "content": encode_blocks(parts, drops, "content"),
        "stop_sequence": None,
        **own,
        "stop_reason": STOP_REASONS.of_choice(choice),
        "usage": usage or {"input_tokens": pen.input_estimate(), "output_tokens": 0},
    }
    return encode(body)


def finish_of(native: Any, *, called: bool) -> tuple[Finish, str | None]:
    known = FINISHES.get(native) if isinstance(native, str) else None
    if called and known in (None, "stop") and native not in ("pause_turn", "compaction"):
        known = "tool_calls"
    return known or "stop", native if isinstance(native, str) else None


def answerable(parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """Parts with call ids that clients of this format accept, and thinking as they may see it.

    An answer has no block for sounds, films, pictures and documents; what else was said is said
    all the same.
    """
    ids = Ids(ACCEPTED_ID, ID_PREFIX)
    return tuple(
        msgspec.structs.replace(part, id=ids.call(part.id))
        if isinstance(part, ToolCall)
        else shown(part)
        if isinstance(part, Reasoning)
        else part
        for part in parts
        if not isinstance(part, Audio | Video | Image | Document)
    )


def shown(part: Reasoning) -> Reasoning:
    """Thinking as this format shows it: without a signature that another provider made."""
    if part.made_by == FORMAT and (part.signature is not None or part.redacted is not None):
        return part
    text = part.text or "".join(part.summary)
    return Reasoning(text=text, extra={FORMAT: {"$layout": "unsigned"}}) if text else part


def no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    try:
        value = decode_event(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and (value.get("error") or value.get("type") == "error"):
        return error_in_answer(read_error(body))
    return not_an_answer(body, "is not a message")


def _decode_output(answer: Fields) -> Output:
    take = answer.rest.pop
    take("type", None)
    take("role", None)
    take("usage", None)
    parts = decode_blocks(take("content"), "content")
    called = ToolCall in map(type, parts)
    finish, native = finish_of(take("stop_reason", None), called=called)
    ending = {
        key: value
        for key in ("stop_sequence", "stop_details")
        if (value := take(key, None)) is not None
    }
    message = Message(role="assistant", parts=parts)
    choice = Choice(message=message, finish=finish, native_finish=native, extra={FORMAT: ending})
    return Output(
        id=answer.text("id") or "",
        model=answer.text("model") or "",
        choices=(choice,),
        extra=answer.left(FORMAT),
    )
