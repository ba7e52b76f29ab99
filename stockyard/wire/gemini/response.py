"""Whole answers of the format, both ways."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Finish,
    Message,
    Reasoning,
    Text,
    ToolCall,
)
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer, not_an_answer
from stockyard.wire.error_shapes import read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.finishes import Reasons, odd
from stockyard.wire.gemini.citations import (
    GROUNDING,
    CitingText,
    read_citations,
    write_grounding,
)
from stockyard.wire.gemini.logprobs import RESULT, read_logprobs, write_logprobs
from stockyard.wire.gemini.names import FORMAT
from stockyard.wire.gemini.parts import decode_parts, encode_parts
from stockyard.wire.gemini.usage import read_usage, write_usage
from stockyard.wire.layout import has_word, layout_of, own_fields, with_layout
from stockyard.wire.surrogates import decode_event, encode, whole
from stockyard.wire.tool_ids import missing_id
from stockyard.wire.tool_names import NO_NAMES

FINISHES: dict[str, Finish] = {
    "STOP": "stop",
    "NO_IMAGE": "stop",
    "ESCALATION": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "LANGUAGE": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "IMAGE_OTHER": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
FAILED_FINISHES = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
        "TOO_MANY_TOOL_CALLS",
        "OTHER",
    }
)
"""Finish reasons that are failures: an agent must not take them for a normal end (`wire.md` 6)."""

UNFINISHED = ("FINISH_REASON_UNSPECIFIED", "")
KNOWN_FINISHES = frozenset({*FINISHES, *FAILED_FINISHES, *UNFINISHED})

FINISH_REASONS = Reasons(
    FORMAT,
    words={
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "tool_calls": "STOP",
        "content_filter": "SAFETY",
    },
    own=None,
    refusal="SAFETY",
)

BLOCKED = "blocked"
"""Layout of the choice of an answer that had none because the prompt was blocked."""

_TELLING = ("candidates", "promptFeedback", "usageMetadata")
"""Every answer has at least one of these fields."""
_TOP_FIELDS = ("candidates", "usageMetadata", "modelVersion", "responseId")


class _Candidate(msgspec.Struct, gc=False):
    finishReason: Any = None


class _Answer(msgspec.Struct, gc=False):
    candidates: list[_Candidate] | None = None
    usageMetadata: Any = None
    promptFeedback: Any = None
    error: Any = None


_facts_of = msgspec.json.Decoder(_Answer).decode


def facts(body: bytes) -> Facts:
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise _no_answer(body) from None
    if answer.error or not (answer.candidates or answer.promptFeedback or answer.usageMetadata):
        raise _no_answer(body)
    finish = next((c.finishReason for c in answer.candidates or () if c.finishReason), "")
    if is_failure(finish):
        raise failed_finish(finish)
    said = answer.usageMetadata
    return Facts(
        usage=read_usage(said) if isinstance(said, dict) else None,
        odd_finish=odd(finish, KNOWN_FINISHES),
    )


def decode_response(body: bytes, names: Mapping[str, str] = NO_NAMES) -> Output:
    """`names`: derived tool names -> the names the client uses."""
    try:
        answer = Fields(decode_event(body))
        if answer.rest.get("error") or not any(map(answer.rest.get, _TELLING)):
            raise _no_answer(body)
        return _decode_output(answer, names)
    except (FieldError, ValueError, RecursionError):
        raise _no_answer(body) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output, drops = response.output, Drops(FORMAT)
    body: dict[str, Any] = dict(own_fields(output.extra, FORMAT))
    candidates = [
        _encode_choice(choice, drops)
        for choice in output.choices
        if not has_word(layout_of(choice.extra, FORMAT), BLOCKED)
    ]
    if candidates:
        body["candidates"] = candidates
    if response.usage is not None:
        body["usageMetadata"] = write_usage(response.usage)
    return encode({**body, "modelVersion": pen.model, "responseId": pen.id})


def finish_of(native: Any, *, called: bool) -> tuple[Finish, str | None]:
    """The neutral finish and the provider's own finish reason.

    A call that was seen makes the finish `tool_calls`: the services say `STOP` then. Raises
    UpstreamError for a finish that is a failure.
    """
    if is_failure(native):
        raise failed_finish(native)
    known = FINISHES.get(native) if isinstance(native, str) else None
    if known in (None, "stop") and called:
        known = "tool_calls"
    # An unknown finish reason counts as a normal end; it is kept as it is.
    return known or "stop", native if isinstance(native, str) and native else None


def called_by(part: AnyPart, names: Mapping[str, str]) -> AnyPart:
    """The call with the client's own name for the tool."""
    if not isinstance(part, ToolCall) or part.name not in names:
        return part
    return replace(part, name=names[part.name])


def number_of(index: Any) -> int:
    """The number of a candidate; the first one need not say it."""
    return index if type(index) is int else 0


def block_reason(feedback: Any) -> str | None:
    """Why a prompt was blocked; None when it was not."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return reason if isinstance(reason, str) else None


def is_failure(finish: Any) -> bool:
    return isinstance(finish, str) and finish in FAILED_FINISHES


def failed_finish(native: str) -> UpstreamError:
    return UpstreamError(
        "provider_fault", "The model stopped because of an error at the provider.", code=native
    )


def shown(part: AnyPart) -> AnyPart:
    """Thinking as this format shows it: without a signature that another provider made."""
    if not isinstance(part, Reasoning) or part.made_by == FORMAT:
        return part
    text = part.text or "".join(part.summary)
    return Reasoning(text=text, made_by=FORMAT) if text else part


def beside_content(
    own: dict[str, Any], grounding: dict[str, Any] | None, logprobs: dict[str, Any] | None
) -> dict[str, Any]:
    """Fields of a candidate beside its content, such as log probabilities."""
    said = dict(own)
    if grounding is not None:
        said[GROUNDING] = grounding
    if logprobs is not None:
        said[RESULT] = logprobs
    return said


def top_extra(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answer's top-level fields that the neutral form does not have."""
    extra = {key: value for key, value in answer.items() if key not in _TOP_FIELDS}
    return {FORMAT: extra} if extra else {}


def _decode_output(answer: Fields, names: Mapping[str, str]) -> Output:
    candidates, feedback = answer.items("candidates") or [], answer.rest.get("promptFeedback")
    answer_id, model = answer.text("responseId") or "", answer.text("modelVersion") or ""
    choices = tuple(
        _decode_candidate(Fields(item, f"candidates[{i}]"), i, answer_id, names)
        for i, item in enumerate(candidates)
    )
    if not choices:
        choices = (_choice_without_candidate(block_reason(feedback)),)
    return Output(id=answer_id, model=model, choices=choices, extra=top_extra(answer.rest))


def _choice_without_candidate(blocked: str | None) -> Choice:
    return Choice(
        message=Message(role="assistant"),
        finish="content_filter" if blocked else "stop",
        native_finish=blocked,
        extra=with_layout({}, FORMAT, BLOCKED),
    )


def _decode_candidate(
    fields: Fields, position: int, answer_id: str, names: Mapping[str, str]
) -> Choice:
    content = fields.inside("content") or Fields({}, fields.at("content"))
    content.any("role")
    parts = decode_parts(content.items("parts") or [], content.at("parts"))
    parts = _with_ids(tuple(map(_joined, parts)), answer_id, position)
    parts = tuple(called_by(part, names) for part in parts) if names else parts
    parts = _cited(parts, fields.rest)
    called = any(isinstance(part, ToolCall) for part in parts)
    index = fields.integer("index")
    finish, native = finish_of(fields.any("finishReason"), called=called)
    message = Message(role="assistant", parts=parts, extra=content.left(FORMAT))
    return Choice(
        index=position if index is None else index,
        message=message,
        finish=finish,
        native_finish=native,
        logprobs=read_logprobs(fields.any(RESULT)),
        # Tagged even when empty: the tag tells that the answer came in this format.
        extra={FORMAT: fields.rest},
    )


def _encode_choice(choice: Choice, drops: Drops) -> dict[str, Any]:
    parts = choice.message.parts
    content: dict[str, Any] = {**own_fields(choice.message.extra, FORMAT), "role": "model"}
    items: list[dict[str, Any]] = []
    texts: list[CitingText] = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(CitingText(len(items), part.text, part.citations))
        items += encode_parts((shown(part),), drops, "content")
    if items:
        content["parts"] = items
    reason = FINISH_REASONS.of_choice(choice)
    # Sources that came in this format are already in its own fields.
    grounding = None if FORMAT in choice.extra else write_grounding(texts)
    own = own_fields(choice.extra, FORMAT)
    beside = beside_content(own, grounding, write_logprobs(choice.logprobs))
    return {**beside, "content": content, "finishReason": reason, "index": choice.index}


def _cited(parts: tuple[AnyPart, ...], candidate: dict[str, Any]) -> tuple[AnyPart, ...]:
    """The parts, with the candidate's citations attached to its texts."""
    numbers = [i for i, part in enumerate(parts) if isinstance(part, Text)]
    texts = [part.text for part in parts if isinstance(part, Text)]
    found: dict[int, list[Any]] = {}
    for text, value in read_citations(candidate, texts):
        found.setdefault(numbers[text], []).append(value)
    return tuple(
        replace(part, citations=tuple(found[i])) if i in found and isinstance(part, Text) else part
        for i, part in enumerate(parts)
    )


def _joined(part: AnyPart) -> AnyPart:
    """The part with half characters joined or replaced."""
    if isinstance(part, Text | Reasoning) and not part.text.isascii():
        text = whole(part.text)
        return part if text == part.text else replace(part, text=text)
    return part


def _with_ids(parts: tuple[AnyPart, ...], answer_id: str, choice: int) -> tuple[AnyPart, ...]:
    """The parts, with a derived id for each call whose id is missing or repeated."""
    named, seen = list(parts), set[str]()
    for part_number, part in enumerate(parts):
        if isinstance(part, ToolCall):
            if not part.id or part.id in seen:
                name = missing_id(answer_id, choice, len(seen), part.name)
                named[part_number] = part = replace(part, id=name)
            seen.add(part.id)
    return tuple(named)


def _no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    try:
        value = decode_event(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and value.get("error"):
        return error_in_answer(read_error(body))
    return not_an_answer(body, "has no candidates")
