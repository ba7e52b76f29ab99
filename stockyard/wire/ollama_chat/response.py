"""Whole answers, both ways."""

from datetime import UTC, datetime
from typing import Any

from stockyard.core.messages import Finish, Message, Reasoning, ToolCall
from stockyard.core.response import Choice, Output, Response
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Facts, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import read_error
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.finishes import Reasons, odd
from stockyard.wire.layout import own_fields
from stockyard.wire.ollama_chat.messages import decode_assistant, encode_call, encode_message
from stockyard.wire.ollama_chat.places import CHAT, GENERATE, Place
from stockyard.wire.ollama_chat.usage import ANSWERED, ASKED, read_usage, write_usage
from stockyard.wire.surrogates import decode_answer, encode

FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "load": "stop",
    "unload": "stop",
    "length": "length",
    "content_filter": "content_filter",
}
_NOTHING_SAID = frozenset({"load", "unload"})

# There is no finish reason for tool calls: they end with `stop`.
_WORDS: dict[Finish, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
}
DONE_REASONS = {name: Reasons(name, words=_WORDS, own=FINISHES) for name in (CHAT, GENERATE)}


def facts(body: bytes, place: Place) -> Facts:
    answer = _answer(body, place)
    return Facts(usage=read_usage(answer), odd_finish=odd(answer.get("done_reason"), FINISHES))


def decode_response(body: bytes, place: Place) -> Output:
    try:
        return _decode_output(Fields(_answer(body, place)), place)
    except FieldError:
        raise _no_answer(body) from None


def encode_response(response: Response, pen: Pen, place: Place) -> bytes:
    output, drops = response.output, Drops(CHAT)
    choice = output.choices[0] if output.choices else Choice(message=Message(role="assistant"))
    body: dict[str, Any] = {
        **own_fields(output.extra, place.format),
        "model": pen.model,
        "created_at": moment(pen.created),
        **place.put(_encode_answer(choice.message, drops)),
        "done": True,
        "done_reason": DONE_REASONS[place.format].of_choice(choice),
    }
    if (logprobs := token_list(choice.logprobs)) is not None:
        body["logprobs"] = logprobs
    if response.usage is not None:
        body |= write_usage(response.usage)
    return encode(body)


def finish_of(native: str | None, *, called: bool) -> tuple[Finish, str | None]:
    known = FINISHES.get(native or "")
    if called and known in (None, "stop") and native not in _NOTHING_SAID:
        known = "tool_calls"
    return known or "stop", native


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(moment: Any) -> int:
    """Seconds since 1970 of a written moment; 0 when it is none."""
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (ValueError, TypeError, OverflowError):
        return 0


def token_list(logprobs: Any) -> list[Any] | None:
    """The tokens of log probabilities, which most formats have under `content`."""
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(tokens, list):
        return None
    return [_without_others(token) for token in tokens]


def from_tokens(tokens: Any) -> dict[str, Any]:
    """Log probabilities as most formats have them: each token with others that were likely."""
    if not isinstance(tokens, list):
        return {"content": tokens}
    return {"content": [{"top_logprobs": [], **t} if isinstance(t, dict) else t for t in tokens]}


def _without_others(token: Any) -> Any:
    """Here a token has no such field where there are none."""
    if not isinstance(token, dict) or token.get("top_logprobs") != []:
        return token
    return {key: value for key, value in token.items() if key != "top_logprobs"}


def shown(thought: Reasoning) -> str:
    """Thinking as clients may see it, whoever made it."""
    return thought.text or "".join(thought.summary)


def _answer(body: bytes, place: Place) -> dict[str, Any]:
    """The answer as an object. Raises UpstreamError for anything else."""
    try:
        answer = decode_answer(body)
    except (ValueError, RecursionError):
        raise _no_answer(body) from None
    if not isinstance(answer, dict) or answer.get("error") or place.key not in answer:
        raise _no_answer(body)
    return answer


def _decode_output(answer: Fields, place: Place) -> Output:
    answer.any("done")
    for name in (ASKED, ANSWERED):
        answer.any(name)
    created, tokens = answer.any("created_at"), answer.any("logprobs")
    said = Fields(place.taken(answer.rest), place.key)
    message = decode_assistant(said, str(created))
    called = any(isinstance(p, ToolCall) for p in message.parts)
    finish, native = finish_of(answer.text("done_reason"), called=called)
    choice = Choice(
        message=message,
        finish=finish,
        native_finish=native,
        logprobs=None if tokens is None else from_tokens(tokens),
        extra={place.format: {}},
    )
    return Output(
        model=answer.text("model") or "",
        created=seconds_of(created),
        choices=(choice,),
        extra=answer.left(place.format),
    )


def _encode_answer(message: Message, drops: Drops) -> dict[str, Any]:
    item = encode_message(message, drops)
    thoughts = [shown(p) for p in message.parts if isinstance(p, Reasoning)]
    if any(thoughts):
        item["thinking"] = "".join(thoughts)
    calls = [p for p in message.parts if isinstance(p, ToolCall) and p.kind != "server"]
    if calls:
        item["tool_calls"] = [encode_call(call, drops, i) for i, call in enumerate(calls)]
    return item


def _no_answer(body: bytes) -> UpstreamError:
    """The error for a 200 whose body is not an answer of this format."""
    told = read_error(body)
    if told.message:
        return error_in_answer(told)
    return UpstreamError("bad_answer", "The provider's answer is not a chat answer.")
