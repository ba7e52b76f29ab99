"""Whole Responses answers, both ways."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Finish,
    Message,
    Text,
    ToolCall,
)
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Pen, Traits
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer, not_an_answer
from stockyard.wire.error_shapes import error_body, read_error
from stockyard.wire.fields import FieldError, Fields, objects_in
from stockyard.wire.finishes import odd
from stockyard.wire.openai_responses.calls import Names
from stockyard.wire.openai_responses.parts import FORMAT, remember, remembered
from stockyard.wire.openai_responses.snapshot import Snapshot, identified
from stockyard.wire.openai_responses.turn import decode_item, drawn, encode_turn
from stockyard.wire.openai_responses.usage import read_usage, write_usage
from stockyard.wire.sources import address_of, unwrapped
from stockyard.wire.surrogates import decode_event, encode

_FINISHES: dict[str, Finish] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "REASON_MAX_LEN": "length",
    "content_filter": "content_filter",
}

KNOWN_REASONS = frozenset({*_FINISHES, "max_messages", "steered"})
"""Why an answer may be incomplete. The last two are a normal end elsewhere."""

_PENDING = frozenset({"queued", "in_progress"})
"""States of an answer in the background that reports its usage later, all of it."""
_UNFINISHED = _PENDING | {"cancelled"}
"""Status of an answer made in the background, kept because nothing else shows it."""

_Object = dict[str, Any]


class _Answer(msgspec.Struct, gc=False):
    object: Any = None
    status: Any = None
    incomplete_details: Any = None
    output: msgspec.Raw = msgspec.Raw()
    usage: Any = None
    error: Any = None


_facts_of = msgspec.json.Decoder(_Answer).decode


def facts(body: bytes, *, traits: Traits) -> Facts:
    try:
        answer = _facts_of(body)
    except (ValueError, RecursionError):
        raise no_answer(body) from None
    if answer.error or answer.status == "failed" or not bytes(answer.output).startswith(b"["):
        raise no_answer(body)
    pending = isinstance(answer.status, str) and answer.status in _PENDING
    usage = Usage() if pending else None
    return Facts(
        usage=read_usage(answer.usage, traits) if isinstance(answer.usage, dict) else usage,
        odd_finish=odd(reason_of(answer.incomplete_details), KNOWN_REASONS),
    )


def decode_response(body: bytes) -> Output:
    try:
        answer = Fields(decode_event(body))
        said = answer.rest
        failed = said.get("error") or said.get("status") == "failed"
        if failed or not isinstance(said.get("output"), list):
            raise no_answer(body)
        return _decode_output(answer)
    except (FieldError, ValueError, RecursionError):
        raise no_answer(body) from None


def encode_response(response: Response, pen: Pen) -> bytes:
    output = response.output
    choice = output.choices[0] if output.choices else Choice(message=Message(role="assistant"))
    snapshot = Snapshot(pen, output.extra, output.service_tier, output.id)
    parts = answered(choice)
    items = encode_turn(parts, Drops(FORMAT), snapshot.names, answer=True)
    status = "incomplete" if choice.finish in ("length", "content_filter") else "completed"
    usage = None
    if response.usage is not None:
        usage = write_usage(response.usage, own=snapshot.ours)
    said = snapshot.finished(
        identified(items, pen.id, status), usage, choice.finish, choice.native_finish
    )
    return encode(said)


def finish_of(reason: str, *, called: bool) -> Finish:
    """The neutral finish. `reason`: why an answer is incomplete, empty when it is complete."""
    return _FINISHES.get(reason) or ("tool_calls" if called else "stop")


def reason_of(details: Any, status: Any = None) -> str:
    """Why an answer is incomplete; its length if no reason is given."""
    reason = _text(details.get("reason")) if isinstance(details, dict) else ""
    return reason or ("max_output_tokens" if status == "incomplete" else "")


def answered(choice: Choice) -> tuple[AnyPart, ...]:
    """The parts of an answer with citations and log probabilities where this format has them."""
    logprobs = choice.logprobs.get("content") if isinstance(choice.logprobs, dict) else None
    parts: list[AnyPart] = []
    for part in choice.message.parts:
        if isinstance(part, Text):
            beside: _Object = dict(remembered(part.extra).get("beside", {}))
            if part.citations:
                beside["annotations"] = annotations(part.citations)
            if logprobs and "logprobs" not in beside:
                beside["logprobs"] = likelihoods(logprobs)
            logprobs = None
            known = remember(part.extra, beside=beside) if beside else part.extra
            part = replace(part, citations=(), extra=known)
        if not isinstance(part, Audio):  # for which messages of answers have no word
            parts.append(drawn(part))
    return tuple(parts)


def likelihoods(tokens: object) -> list[_Object]:
    """Log probabilities with every field that typed clients require."""
    found = []
    for said in objects_in(tokens):
        others = [_with_bytes(one) for one in objects_in(said.get("top_logprobs"))]
        found.append({**_with_bytes(said), "top_logprobs": others})
    return found


def _with_bytes(said: _Object) -> _Object:
    if isinstance(said.get("bytes"), list):
        return said
    token = said.get("token")
    return {**said, "bytes": list(token.encode(errors="replace")) if isinstance(token, str) else []}


def annotations(citations: Sequence[Any]) -> list[_Object]:
    """Citations as annotations; those of other formats need a URL."""
    found = []
    for citation in map(unwrapped, citations):
        if not isinstance(citation, dict):
            continue
        kind = citation.get("type")
        if isinstance(kind, str) and kind in _ANNOTATIONS:
            found.append(citation)
        elif (address := address_of(citation)) is not None:
            place = _place(citation)
            found.append({"type": "url_citation", "url": address[0], "title": address[1], **place})
    return found


def _place(citation: _Object) -> _Object:
    """Where in the text it belongs, which typed clients insist on."""
    named = {name: citation.get(name) for name in ("start_index", "end_index")}
    return {name: value if type(value) is int else 0 for name, value in named.items()}


_ANNOTATIONS = frozenset({"url_citation", "file_citation", "container_file_citation", "file_path"})


def no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    try:
        value = decode_event(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and (value.get("error") or value.get("object") == "error"):
        return error_in_answer(read_error(body))
    if isinstance(value, dict) and value.get("status") == "failed":
        return error_in_answer(error_body({"error": {"message": "", "code": "server_error"}}))
    return not_an_answer(body, "is not a response")


def _decode_output(answer: Fields) -> Output:
    for key in ("object", "usage", "error"):
        answer.any(key)
    items, names = answer.items("output") or [], Names(answer.rest.get("tools"))
    parts = [
        _lifted(part)
        for i, item in enumerate(items)
        for part in decode_item(item, f"output[{i}]", names, answer=True)
    ]
    status, details = _text(answer.any("status")), answer.any("incomplete_details")
    if status in _UNFINISHED:
        answer.rest["status"] = status
    reason = reason_of(details, status)
    called = any(isinstance(part, ToolCall) for part in parts)
    created = answer.any("created_at")
    choice = Choice(
        message=Message(role="assistant", parts=tuple(parts)),
        finish=finish_of(reason, called=called),
        native_finish=reason or (status if status not in ("", "completed") else None),
        logprobs=_logprobs(parts),
    )
    return Output(
        id=answer.text("id") or "",
        model=answer.text("model") or "",
        created=int(created) if isinstance(created, int | float) else 0,
        choices=(choice,),
        service_tier=answer.text("service_tier"),
        extra=answer.left(FORMAT),
    )


def _lifted(part: AnyPart) -> AnyPart:
    """A text whose annotations are citations: in an answer they are for everybody to see."""
    beside = remembered(part.extra).get("beside", {}) if isinstance(part, Text) else {}
    annotations = beside.get("annotations")
    if not annotations or not isinstance(annotations, list):
        return part
    left = {key: value for key, value in beside.items() if key != "annotations"}
    extra = remember(part.extra, beside=left)
    return replace(part, citations=tuple(annotations), extra=extra)


def _logprobs(parts: Sequence[AnyPart]) -> Any:
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            logprobs = remembered(part.extra).get("beside", {}).get("logprobs")
            found += logprobs if isinstance(logprobs, list) else ()
    return {"content": found} if found else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
