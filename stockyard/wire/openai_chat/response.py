"""Whole chat answers, both ways."""

from collections.abc import Mapping, Set
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Extra,
    Finish,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
)
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Pen, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer, not_an_answer
from stockyard.wire.error_shapes import error_body, read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.free_text import as_input
from stockyard.wire.layout import layout_of, own_fields, with_layout
from stockyard.wire.openai_chat.messages import decode_assistant, encode_assistant
from stockyard.wire.openai_chat.parts import FORMAT, is_reference
from stockyard.wire.openai_chat.pictures import PICTURES, drawn, pictures_of
from stockyard.wire.openai_chat.reasoning import text_field
from stockyard.wire.openai_chat.think_tags import TRAIT, told_apart
from stockyard.wire.openai_chat.tools import calls_as_functions, takers_of_text
from stockyard.wire.sources import address_of, is_wrapped
from stockyard.wire.surrogates import decode_event, encode, whole
from stockyard.wire.tool_ids import with_call_ids
from stockyard.wire.usage import read_chat_usage, write_chat_usage

CITED = "citations"
"""Field for citations without a URL; those with one are annotations."""
ID_PREFIX = "chatcmpl-"
NO_CHAT = "is not a chat completion"

FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "model_length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
}
FAILED_FINISHES = frozenset(
    {"error", "network_error", "insufficient_system_resource", "abort", "malformed_function_call"}
)
"""Finish reasons that are failures: an agent must not take them for a normal end (`wire.md` 6)."""

_Object = dict[str, Any]


class _ChoiceFacts(msgspec.Struct, gc=False):
    finish_reason: Any = None


class _AnswerFacts(msgspec.Struct, gc=False):
    choices: list[_ChoiceFacts] | None = None
    usage: Any = None
    error: Any = None
    base_resp: Any = None
    x_groq: Any = None


_facts_of = msgspec.json.Decoder(_AnswerFacts).decode


def facts(body: bytes, *, traits: Traits, verdict: str = NO_CHAT) -> Facts:
    """`verdict`: what a body is that is no answer."""
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise no_answer(body, verdict) from None
    if answer.error or answer.choices is None or failed_base(answer.base_resp):
        raise no_answer(body, verdict)
    said = answer.usage if isinstance(answer.usage, dict) else usage_beside(answer.x_groq)
    finish = ""
    for choice in answer.choices:
        word = choice.finish_reason
        if isinstance(word, str):
            if word in FAILED_FINISHES:
                raise failed_finish(word)
            finish = finish or word
    return Facts(
        usage=read_chat_usage(said, traits) if said else None,
        odd_finish=odd_finish(finish),
    )


def decode_response(body: bytes, *, traits: Traits) -> Output:
    try:
        answer = Fields(decode_event(body))
        if answer.rest.get("error") or "choices" not in answer.rest:
            raise no_answer(body, NO_CHAT)
        return _decode_output(answer, traits)
    except (FieldError, ValueError, RecursionError):
        raise no_answer(body, NO_CHAT) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output, drops = response.output, Drops(FORMAT)
    if takers := takers_of_text(pen.asked):
        output = _as_declared(output, takers)
    if calls_as_functions(pen.asked):
        output = _as_functions(output)
    body: _Object = {
        **own_fields(output.extra, FORMAT),
        "id": with_prefix(pen.id, ID_PREFIX),
        "object": "chat.completion",
        "created": pen.created,
        "model": pen.model,
        "choices": [_encode_choice(choice, drops, pen) for choice in output.choices],
    }
    if response.usage is not None:
        body["usage"] = write_chat_usage(response.usage)
    if output.service_tier is not None:
        body["service_tier"] = output.service_tier
    return encode(body)


def finish_of(native: Any, *, called: bool) -> tuple[Finish, str | None]:
    """The neutral finish and the provider's own finish reason.

    A call that was seen makes the finish `tool_calls`, whatever the provider says: several say
    `stop` or nothing. Raises UpstreamError for a finish that is a failure.
    """
    word = native if isinstance(native, str) else ""
    if word in FAILED_FINISHES:
        raise failed_finish(word)
    known = FINISHES.get(word)
    if known in (None, "stop") and called:
        known = "tool_calls"
    # An unknown finish reason counts as a normal end; it is kept as it is.
    return known or "stop", word or None


def odd_finish(word: str) -> str:
    """The finish reason if it is unknown here (`wire.md` 6)."""
    return "" if not word or word in FINISHES else word


def failed_finish(native: str) -> UpstreamError:
    return UpstreamError(
        "provider_fault", "The model stopped because of an error at the provider.", code=native
    )


def failed_base(said: Any) -> bool:
    """Some providers answer 200 and put the failure into `base_resp`."""
    return isinstance(said, Mapping) and said.get("status_code") not in (0, None)


def usage_beside(said: Any) -> _Object | None:
    """The usage in a field of the provider's own."""
    usage = said.get("usage") if isinstance(said, Mapping) else None
    return usage if isinstance(usage, dict) else None


def with_prefix(name: str, prefix: str) -> str:
    return name if name.startswith(prefix) else prefix + name


def cited(citations: tuple[Any, ...]) -> list[_Object]:
    """Citations as annotations; chat can say those that have an address."""
    found = []
    for citation in citations:
        address = address_of(citation)
        if is_wrapped(citation):
            found.append(citation)
        elif address is not None:
            link = {
                "url": address[0],
                "title": address[1],
                "start_index": citation.get("start_index") or 0,
                "end_index": citation.get("end_index") or 0,
            }
            found.append({"type": "url_citation", "url_citation": link})
    return found


def error_of_base(said: Mapping[str, Any]) -> UpstreamError:
    code = said.get("status_code")
    kind = _BASE_KINDS.get(code if isinstance(code, int) else 0, "provider_fault")
    answer = error_body({"message": said.get("status_msg"), "code": code})
    error = error_in_answer(answer)
    return UpstreamError(kind, error.message, code=error.code)  # type: ignore[arg-type]  # narrower than its type says


_BASE_KINDS = {
    1002: "rate_limited",
    1004: "auth",
    1008: "no_credit",
    1026: "content_filtered",
    1027: "content_filtered",
    1039: "context_length",
}


def _decode_output(answer: Fields, traits: Traits) -> Output:
    answer.any("object")
    answer.any("usage")
    answer_id = answer.text("id") or ""
    choices = answer.items("choices") or []
    created = answer.any("created")
    return Output(
        id=answer_id,
        model=answer.text("model") or "",
        created=int(created) if isinstance(created, int | float) else 0,
        choices=tuple(
            _decode_choice(Fields(item, f"choices[{i}]"), i, answer_id, traits)
            for i, item in enumerate(choices)
        ),
        service_tier=answer.text("service_tier"),
        extra=answer.left(FORMAT),
    )


def _decode_choice(fields: Fields, position: int, answer_id: str, traits: Traits) -> Choice:
    said = fields.inside("message") or Fields({})
    pictures = pictures_of(said.rest.get(PICTURES))
    if pictures:
        said.any(PICTURES)
    message = _joined(_citing(decode_assistant(said, text_field(traits))))
    if TRAIT in traits:
        message = replace(message, parts=told_apart(message.parts, traits))
    message = replace(message, parts=(*message.parts, *pictures))
    message = with_call_ids(message, answer_id, position)
    called = any(isinstance(p, ToolCall) for p in message.parts)
    index = fields.integer("index")
    finish, native = finish_of(fields.any("finish_reason"), called=called)
    return Choice(
        index=position if index is None else index,
        message=message,
        finish=finish,
        native_finish=native,
        logprobs=fields.any("logprobs"),
        extra=fields.left(FORMAT),
    )


def _encode_choice(choice: Choice, drops: Drops, pen: Pen) -> _Object:
    text = choice.message.only_text
    if text is not None:
        item: _Object = {"role": "assistant", "content": text, "refusal": None}
    else:
        item = _encode_message(choice.message, drops, pen)
    encoded: _Object = {
        **own_fields(choice.extra, FORMAT),
        "index": choice.index,
        "message": item,
        "logprobs": choice.logprobs,
        "finish_reason": "function_call" if "function_call" in item else choice.finish or "stop",
    }
    return {**encoded, **own_finish(choice.finish, choice.native_finish, choice.extra)}


def _encode_message(message: Message, drops: Drops, pen: Pen) -> _Object:
    item = encode_assistant(_speakable(message), drops, pen.reasoning_field)
    if pictures := drawn(message.parts):
        item[PICTURES] = pictures
    if isinstance(item.get("audio"), dict):
        # Audio of other formats is stored nowhere: it expires as soon as it is sent.
        kept = {"id": f"audio_{pen.id}", "expires_at": pen.created, "transcript": ""}
        item["audio"] = {**kept, **item["audio"]}
    item.setdefault("content", None)
    item.setdefault("refusal", None)
    citations = [c for p in message.parts if isinstance(p, Text) for c in p.citations]
    notes = cited(tuple(citations))
    if notes and "annotations" not in item:
        item["annotations"] = notes
    # Those without an address go into a field of their own, as they do in streams.
    if others := [c for c in citations if not cited((c,))]:
        item.setdefault(CITED, others)
    return item


def _as_declared(output: Output, takers: Set[str]) -> Output:
    """The answer, calling tools of free text and not the functions that stood for them."""

    def declared(part: AnyPart) -> AnyPart:
        if not isinstance(part, ToolCall) or part.kind != "function" or part.name not in takers:
            return part
        return replace(part, kind="custom", arguments=as_input(part.arguments))

    choices = tuple(
        replace(c, message=replace(c.message, parts=tuple(map(declared, c.message.parts))))
        for c in output.choices
    )
    return replace(output, choices=choices)


def _as_functions(output: Output) -> Output:
    """The answer with its first call in the form before tools, which has room for one."""

    def first_call(message: Message) -> Message:
        calls = [part for part in message.parts if isinstance(part, ToolCall)]
        parts = tuple(
            replace(part, extra=with_layout(part.extra, FORMAT, "function_call"))
            if isinstance(part, ToolCall)
            else part
            for part in message.parts
            if not isinstance(part, ToolCall) or part is calls[0]
        )
        return replace(message, parts=parts)

    choices = tuple(replace(c, message=first_call(c.message)) for c in output.choices)
    return replace(output, choices=choices)


def own_finish(finish: Finish | None, native: str | None, extra: Extra) -> _Object:
    """What the provider said beyond the finish reason that chat knows."""
    fields: _Object = {}
    if native is not None and native != finish:
        fields["native_finish_reason"] = native
    for format_fields in extra.values():
        if isinstance(format_fields.get("stop_sequence"), str):
            fields["stop_sequence"] = format_fields["stop_sequence"]
    return fields


def _speakable(message: Message) -> Message:
    """Texts in one string and thinking beside it: what an answer of this format looks like."""
    if message.shape is None and not any(isinstance(p, Reasoning) for p in message.parts):
        return message
    parts = tuple(
        replace(p, extra={})
        if isinstance(p, Reasoning) and layout_of(p.extra, FORMAT) == "content"
        else p
        for p in message.parts
    )
    return replace(message, parts=parts, shape=None)


def _joined(message: Message) -> Message:
    """The message with half characters joined or replaced."""
    return replace(message, parts=tuple(_joined_part(p) for p in message.parts))


def _citing(message: Message) -> Message:
    """The message with what its texts rest on among their citations."""
    message = _annotated(message)
    if not any(isinstance(part, Opaque) for part in message.parts):
        return message
    parts: list[AnyPart] = []
    for part in message.parts:
        last = parts[-1] if parts else None
        if isinstance(part, Opaque) and is_reference(part.value) and isinstance(last, Text):
            parts[-1] = replace(last, citations=(*last.citations, part.value))
        else:
            parts.append(part)
    return replace(message, parts=tuple(parts))


def _annotated(message: Message) -> Message:
    """The message with its annotations on its text, if they are citations and it has one text."""
    own = message.extra.get(FORMAT, {})
    notes = own.get("annotations")
    texts = [part for part in message.parts if isinstance(part, Text)]
    if notes is None or len(texts) != 1 or not are_citations(notes):
        return message
    parts = tuple(
        replace(part, citations=tuple(notes)) if isinstance(part, Text) else part
        for part in message.parts
    )
    left = {name: value for name, value in own.items() if name != "annotations"}
    others = {name: fields for name, fields in message.extra.items() if name != FORMAT}
    extra = {**others, FORMAT: left} if left else others
    return replace(message, parts=parts, extra=extra)


def are_citations(notes: Any) -> bool:
    return isinstance(notes, list) and bool(notes) and all(map(is_wrapped, notes))


def _joined_part(part: AnyPart) -> AnyPart:
    if isinstance(part, Text | Reasoning) and not part.text.isascii():
        text = whole(part.text)
        return part if text == part.text else replace(part, text=text)
    return part


def no_answer(body: bytes, verdict: str) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    try:
        value = decode_event(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and failed_base(value.get("base_resp")):
        return error_of_base(value["base_resp"])
    answer = read_error(body)
    if isinstance(value, dict) and (value.get("error") or value.get("object") == "error"):
        return error_in_answer(answer)
    return not_an_answer(body, verdict)
