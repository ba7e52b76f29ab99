"""Responses requests, both ways.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields and
`stream: false`.
"""

from typing import Any

import msgspec

from stockyard.core.messages import Message, Reasoning, Text
from stockyard.core.request import Content, OutputForm, ReasoningWish, Request
from stockyard.wire import strict
from stockyard.wire.codec import Dropped
from stockyard.wire.drops import DETAIL, FILENAME, Drops, Unsayable
from stockyard.wire.efforts import effort_of
from stockyard.wire.fields import Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.openai_responses.calls import Names
from stockyard.wire.openai_responses.input import (
    DEVELOPER,
    INSTRUCTIONS,
    ITEM,
    decode_input,
    encode_input,
    is_bare_message,
)
from stockyard.wire.openai_responses.parts import FORMAT
from stockyard.wire.openai_responses.ties import SUMMARY_WANTED, TRIGGER, find_tie
from stockyard.wire.openai_responses.tools import (
    decode_choice,
    decode_form,
    decode_tools,
    encode_choice,
    encode_form,
    encode_tools,
)
from stockyard.wire.user_names import shortened

SMALLEST_OUTPUT = 16
"""The service refuses a smaller limit."""

_OWN, _SAFETY, _SEALED = "own", "safety_identifier", "sealed"
_STORED, _UNSTORED = "stored", "unstored"
"""Words of a request's shape: it came in this format, names its user so, asked for sealed reasoning
and nothing else (which every answer that we write carries), asked or refused to be stored (which
elsewhere is no wish of the provider: the gateway stores)."""

_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED = "reasoning.encrypted_content"
_SEALED_ONLY = ([_ENCRYPTED], [_LOGPROBS, _ENCRYPTED])
_SAID_ELSEWHERE = (*_SEALED_ONLY, [_LOGPROBS])
"""Values of `include` that the shape or a neutral field already expresses."""

_PLAIN_FIELDS = ("temperature", "top_p", "top_logprobs", "service_tier", "metadata")

_UNSAYABLE = Unsayable(
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "top_k",
    "min_p",
    "modalities",
    "cache",
    "n",
)
"""Neutral fields that this format cannot express."""


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    fields.any("model")
    fields.any("stream")
    head = _take_instructions(fields)
    said, summary = _without_trigger(fields.any("input"))
    messages = (*head, *decode_input(said, Names(fields.rest.get("tools"))))
    tools = tuple(decode_tools(fields.items("tools") or []))
    choice, previous = decode_choice(fields.any("tool_choice")), fields.text("previous_response_id")
    user, safety = fields.text("user"), fields.rest.get("safety_identifier")
    stored = fields.flag("store")
    output = _take_form(fields)
    include = fields.rest.get("include")
    if include in _SAID_ELSEWHERE:
        del fields.rest["include"]
    return Content(
        messages=messages,
        max_output=fields.integer("max_output_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        logprobs=True if isinstance(include, list) and _LOGPROBS in include else None,
        top_logprobs=fields.integer("top_logprobs"),
        tools=tools,
        tool_choice=choice,
        parallel_tools=fields.flag("parallel_tool_calls"),
        output=output,
        reasoning=_take_reasoning(fields),
        cache_key=fields.text("prompt_cache_key"),
        service_tier=fields.text("service_tier"),
        # The newer name of the same thing; it goes back among the unknown fields.
        end_user=user or (safety if isinstance(safety, str) else None),
        metadata=fields.object("metadata"),
        previous=previous,
        summary=summary,
        tie=find_tie(fields.rest, previous, messages, tools, choice)
        or (SUMMARY_WANTED if summary else None),
        extra=fields.left(FORMAT),
        shape=words(
            _OWN,
            _SAFETY if user is None and safety is not None else None,
            {True: _STORED, False: _UNSTORED, None: None}[stored],
            _SEALED if include in _SEALED_ONLY else None,
        ),
    )


def _take_instructions(fields: Fields) -> tuple[Message, ...]:
    instructions = fields.text("instructions")
    if instructions is None:
        return ()
    return (Message(role="system", parts=(Text(text=instructions),), shape=INSTRUCTIONS),)


def _take_form(fields: Fields) -> OutputForm | None:
    text = fields.inside("text")
    if text is None:
        return None
    output = decode_form(text)
    if text.rest:
        fields.rest["text"] = text.rest
    return output


def encode_request(request: Request) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.beside(content.messages, keeps=(DETAIL, FILENAME))
    drops.unsayable(content, _UNSAYABLE)
    head, rest = _instructions(content.messages)
    tools = encode_tools(content.tools, drops)
    body: dict[str, Any] = {"model": request.model}
    if head is not None:
        drops.foreign(head.extra, "instructions")
        body["instructions"] = head.text
    if rest or content.summary or not has_word(content.shape, _OWN):
        said = encode_input(rest, drops, Names(tools), complete=_is_complete(content))
        body["input"] = _with_trigger(said) if content.summary else said
    for name in _PLAIN_FIELDS:
        value = getattr(content, name)
        if value is not None:
            body[name] = value
    _add_limit(body, content)
    if tools:
        body["tools"] = tools
    if content.tool_choice is not None and (tools or not content.tools):
        drops.foreign(content.tool_choice.extra, "tool_choice")
        body["tool_choice"] = encode_choice(content.tool_choice, content.tools)
    if content.parallel_tools is not None:
        body["parallel_tool_calls"] = content.parallel_tools
    _add_wishes(body, content, drops)
    _add_state(body, content)
    if request.stream:
        body["stream"] = True
    return Dropped(msgspec.json.encode({**own_fields(content.extra, FORMAT), **body}), drops.names)


def _is_complete(content: Content) -> bool:
    return content.previous is None and not has_word(content.shape, _OWN)


def _without_trigger(said: Any) -> tuple[Any, bool]:
    """The input, and whether its end asked for a summary of the rest."""
    last = said[-1] if isinstance(said, list) and said else None
    if isinstance(last, dict) and last.get("type") == TRIGGER:
        return said[:-1], True
    return said, False


def _with_trigger(said: Any) -> list[Any]:
    items = [{"role": "user", "content": said}] if isinstance(said, str) else said
    return [*items, {"type": TRIGGER}]


def _take_reasoning(fields: Fields) -> ReasoningWish | None:
    reasoning = fields.inside("reasoning")
    if reasoning is None:
        return None
    effort, summary = reasoning.text("effort"), reasoning.text("summary")
    return ReasoningWish(effort=effort, summary=summary, extra=reasoning.left(FORMAT))


def _instructions(messages: tuple[Message, ...]) -> tuple[Message | None, tuple[Message, ...]]:
    """The system text that goes into `instructions`, and the other messages.

    A developer message keeps its own place. So do system texts that are more than a text.
    """
    first = messages[0] if messages else None
    if first is None or first.role != "system" or not is_bare_message(first):
        return None, messages
    if has_word(first.shape, ITEM) or has_word(first.shape, DEVELOPER):
        return None, messages
    return first, messages[1:]


def _add_limit(body: dict[str, Any], content: Content) -> None:
    limit = content.max_output
    if limit is not None:
        own = has_word(content.shape, _OWN)
        body["max_output_tokens"] = limit if own else max(limit, SMALLEST_OUTPUT)


def _add_wishes(body: dict[str, Any], content: Content, drops: Drops) -> None:
    own = own_fields(content.extra, FORMAT)
    if content.output is not None:
        drops.foreign(content.output.extra, "response_format")
        text = own.get("text")
        kept = text if isinstance(text, dict) else {}
        body["text"] = {"format": encode_form(content.output), **kept}
    wish = content.reasoning
    if wish is not None:
        drops.foreign(wish.extra, "thinking")
        said = {"effort": effort_of(wish), "summary": wish.summary}
        asked = {key: value for key, value in said.items() if value is not None}
        reasoning = {**own_fields(wish.extra, FORMAT), **asked}
        if reasoning or has_word(content.shape, _OWN):
            body["reasoning"] = reasoning
    if content.cache_key is not None:
        body["prompt_cache_key"] = content.cache_key
    if content.end_user is not None and not has_word(content.shape, _SAFETY):
        own_name = has_word(content.shape, _OWN)
        body["user"] = content.end_user if own_name else shortened(content.end_user)
    if include := _include(content, own.get("include")):
        body["include"] = include


def _include(content: Content, asked: Any) -> list[Any]:
    """The `include` list: what the client asked for, and what the next turn needs."""
    include = [name for name in asked if name != _LOGPROBS] if isinstance(asked, list) else []
    if content.logprobs:
        include.append(_LOGPROBS)
    if has_word(content.shape, _SEALED) or (
        not has_word(content.shape, _OWN) and _reasons(content)
    ):
        include.append(_ENCRYPTED)
    return include


def _reasons(content: Content) -> bool:
    """Whether the model reasons. Others refuse the request for encrypted reasoning."""
    wish = content.reasoning
    if wish is not None and effort_of(wish) not in (None, "none"):
        return True
    parts = (part for message in content.messages for part in message.parts)
    return any(isinstance(part, Reasoning) and part.made_by == FORMAT for part in parts)


def _add_state(body: dict[str, Any], content: Content) -> None:
    if content.previous is not None:
        body["previous_response_id"] = content.previous
    if content.store is not None:
        body["store"] = content.store
    elif has_word(content.shape, _STORED):
        body["store"] = True
    elif has_word(content.shape, _UNSTORED) or not has_word(content.shape, _OWN):
        body["store"] = False
