"""Whole answers of the format, both ways."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Finish, Message, Reasoning, Text, ToolCall
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.bedrock_converse.blocks import decode_blocks, encode_blocks, kept_blank
from stockyard.wire.bedrock_converse.names import (
    ACCEPTED_ID,
    FAILED_FINISHES,
    FINISHES,
    FORMAT,
    ID_PREFIX,
    STOP_REASONS,
)
from stockyard.wire.bedrock_converse.usage import read_usage, write_usage
from stockyard.wire.codec import Facts, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer, not_an_answer
from stockyard.wire.error_shapes import read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.finishes import odd
from stockyard.wire.layout import own_fields
from stockyard.wire.surrogates import decode_event, encode
from stockyard.wire.tool_ids import Ids
from stockyard.wire.tool_names import NO_NAMES


class _Answer(msgspec.Struct, gc=False):
    output: msgspec.Raw = msgspec.Raw()
    stopReason: Any = None
    usage: Any = None


_facts_of = msgspec.json.Decoder(_Answer).decode


def facts(body: bytes) -> Facts:
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise _no_answer(body) from None
    if not bytes(answer.output).startswith(b"{"):
        raise _no_answer(body)
    if is_failure(answer.stopReason):
        raise failed_finish(answer.stopReason)
    return Facts(
        usage=read_usage(answer.usage) if isinstance(answer.usage, dict) else None,
        odd_finish=odd(answer.stopReason, FINISHES),
    )


def decode_response(body: bytes, names: Mapping[str, str] = NO_NAMES) -> Output:
    """`names`: derived tool names -> the names the client uses."""
    try:
        answer = Fields(decode_event(body))
        output = answer.inside("output")
        if output is None:
            raise _no_answer(body)
        return _decode_output(answer, output, names)
    except (FieldError, ValueError, RecursionError):
        raise _no_answer(body) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output, drops = response.output, Drops(FORMAT)
    choice = output.choices[0] if output.choices else Choice(message=Message(role="assistant"))
    message = choice.message
    content = encode_blocks(answerable(message.parts), drops, "content")
    body: dict[str, Any] = {
        **metrics(pen),
        **own_fields(output.extra, FORMAT),
        "output": {
            "message": {
                **own_fields(message.extra, FORMAT),
                "role": "assistant",
                "content": content,
            }
        },
        "stopReason": STOP_REASONS.of_choice(choice),
    }
    if response.usage is not None:
        body["usage"] = write_usage(response.usage)
    return encode(body)


def metrics(pen: Pen) -> dict[str, Any]:
    """The `metrics` that clients of the format require: how long the call took."""
    if pen.elapsed_us is None:
        return {}
    return {"metrics": {"latencyMs": pen.elapsed_us() // 1000}}


def finish_of(native: Any, *, called: bool) -> tuple[Finish, str | None]:
    """The neutral finish and the provider's own finish reason.

    Raises UpstreamError for a finish that is a failure.
    """
    if is_failure(native):
        raise failed_finish(native)
    known = FINISHES.get(native) if isinstance(native, str) else None
    if called and known in (None, "stop"):
        known = "tool_calls"
    return known or "stop", native if isinstance(native, str) else None


def answerable(parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """Parts with call ids that clients of this format accept, and thinking as they may see it."""
    ids = Ids(ACCEPTED_ID, ID_PREFIX)
    return tuple(_answerable(part, ids) for part in parts)


def _answerable(part: AnyPart, ids: Ids) -> AnyPart:
    if isinstance(part, ToolCall):
        return replace(part, id=ids.call(part.id))
    if isinstance(part, Reasoning):
        return shown(part)
    if isinstance(part, Text) and part.text.isspace():
        return kept_blank(part)
    return part


def shown(part: Reasoning) -> Reasoning:
    """Thinking as this format shows it: without a signature that another provider made."""
    if part.made_by == FORMAT:
        return part
    text = part.text or "".join(part.summary)
    return Reasoning(text=text, made_by=FORMAT) if text else part


def is_failure(finish: Any) -> bool:
    return isinstance(finish, str) and finish in FAILED_FINISHES


def failed_finish(native: str) -> UpstreamError:
    return UpstreamError(
        "provider_fault", "The model stopped because of an error at the provider.", code=native
    )


def _decode_output(answer: Fields, output: Fields, names: Mapping[str, str]) -> Output:
    answer.any("usage")
    message = output.inside("message") or Fields({}, output.at("message"))
    message.any("role")
    parts = tuple(
        replace(part, name=names[part.name])
        if isinstance(part, ToolCall) and part.name in names
        else part
        for part in decode_blocks(message.items("content") or [], message.at("content"))
    )
    called = any(isinstance(part, ToolCall) for part in parts)
    finish, native = finish_of(answer.any("stopReason"), called=called)
    choice = Choice(
        message=Message(role="assistant", parts=parts, extra=message.left(FORMAT)),
        finish=finish,
        native_finish=native,
        # Tagged even when empty: the tag tells that the answer came in this format.
        extra={FORMAT: {}},
    )
    return Output(choices=(choice,), extra=answer.left(FORMAT))


def _no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    said = read_error(body)
    if said.message:
        return error_in_answer(said)
    return not_an_answer(body, "has no message")
