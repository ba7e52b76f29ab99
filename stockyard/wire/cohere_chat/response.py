"""Whole answers, both ways."""

from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Document,
    Finish,
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
)
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Pen
from stockyard.wire.cohere_chat.citations import FIELD as CITATIONS
from stockyard.wire.cohere_chat.citations import attached, detached
from stockyard.wire.cohere_chat.messages import LISTED, PLAN, decode_assistant, encode_assistant
from stockyard.wire.cohere_chat.parts import FORMAT, thought
from stockyard.wire.cohere_chat.usage import read_usage, write_usage
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer, not_an_answer
from stockyard.wire.error_shapes import read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.finishes import Reasons, odd
from stockyard.wire.layout import layout_of, own_fields
from stockyard.wire.surrogates import decode_event, encode
from stockyard.wire.tool_ids import with_call_ids

FINISHES: dict[str, Finish] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
FAILED_FINISHES = frozenset({"ERROR", "TIMEOUT"})
"""Finish reasons that are failures: an agent must not take them for a normal end (`wire.md` 6)."""

FINISH_REASONS = Reasons(
    FORMAT,
    words={
        "stop": "COMPLETE",
        "length": "MAX_TOKENS",
        "tool_calls": "TOOL_CALL",
        "content_filter": "ERROR_TOXIC",
    },
    own=FINISHES,
)


class _Answer(msgspec.Struct, gc=False):
    message: msgspec.Raw = msgspec.Raw()
    finish_reason: str | None = None
    usage: Any = None


_facts_of = msgspec.json.Decoder(_Answer).decode


def facts(body: bytes) -> Facts:
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise no_answer(body) from None
    if not bytes(answer.message).startswith(b"{"):
        # An error's message is in this field.
        raise no_answer(body)
    if answer.finish_reason is not None and answer.finish_reason in FAILED_FINISHES:
        raise failed_finish(answer.finish_reason)
    return Facts(
        usage=read_usage(answer.usage) if isinstance(answer.usage, dict) else None,
        odd_finish=odd(answer.finish_reason, FINISHES),
    )


def decode_response(body: bytes) -> Output:
    try:
        answer = Fields(decode_event(body))
        if not isinstance(answer.rest.get("message"), dict):
            raise no_answer(body)
        return _decode_output(answer)
    except (FieldError, ValueError, RecursionError):
        raise no_answer(body) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output = response.output
    choice = output.choices[0] if output.choices else Choice(message=Message(role="assistant"))
    body: dict[str, Any] = {
        **own_fields(output.extra, FORMAT),
        "id": pen.id,
        "message": _encode_message(choice.message),
        "finish_reason": FINISH_REASONS.of_choice(choice),
    }
    if response.usage is not None:
        body["usage"] = write_usage(response.usage)
    return encode(body)


def finish_of(native: str | None, *, called: bool, why: str = "") -> tuple[Finish, str | None]:
    """The neutral finish and the provider's own finish reason.

    Raises UpstreamError for a finish that is a failure; `why` are the provider's words for it.
    """
    if native is not None and native in FAILED_FINISHES:
        raise failed_finish(native, why)
    known = FINISHES.get(native or "")
    if called and known in (None, "stop"):
        known = "tool_calls"
    return known or "stop", native


def failed_finish(native: str, why: str = "") -> UpstreamError:
    message = why or "The model stopped because of an error at the provider."
    kind = "timeout" if native == "TIMEOUT" else "provider_fault"
    return UpstreamError(kind, message, code=native)  # type: ignore[arg-type]  # one of the kinds


def no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    told = read_error(body)
    if told.message:
        return error_in_answer(told)
    return not_an_answer(body, "is not a chat answer")


def _decode_output(answer: Fields) -> Output:
    answer.any("usage")
    answer_id = answer.text("id") or ""
    said = answer.inside("message") or Fields({})
    message = with_call_ids(attached(decode_assistant(said)), answer_id, choice=0)
    called = any(isinstance(p, ToolCall) for p in message.parts)
    finish, native = finish_of(answer.text("finish_reason"), called=called)
    choice = Choice(message=message, finish=finish, native_finish=native, extra={FORMAT: {}})
    return Output(id=answer_id, choices=(choice,), extra=answer.left(FORMAT))


def _encode_message(message: Message) -> dict[str, Any]:
    """The message of an answer: content is a list, absent if there is only a plan and calls."""
    parts = tuple(shown for p in message.parts if (shown := _shown(p)) is not None)
    called = any(isinstance(p, ToolCall) for p in parts)
    spoken = any(not isinstance(p, ToolCall) and layout_of(p.extra, FORMAT) != PLAN for p in parts)
    shape = LISTED if spoken or not called else None
    item = encode_assistant(replace(message, parts=parts, shape=shape), Drops(FORMAT))
    item.pop(CITATIONS, None)
    return {**item, **detached(message)}


def _shown(part: AnyPart) -> AnyPart | None:
    """A part as clients of this format may see it; None for what an answer cannot hold."""
    if isinstance(part, Image | Document):
        return None
    if isinstance(part, Reasoning) and FORMAT not in part.extra:
        return Reasoning(text=thought(part), extra={FORMAT: {}}) if thought(part) else None
    if isinstance(part, Text) and FORMAT not in part.extra:
        return Text(text=part.text)
    return part
