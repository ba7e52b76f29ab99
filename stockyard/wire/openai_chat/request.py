"""Chat requests, both ways.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields,
`stream: false`, and the wish for usage, which is ours to make.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from stockyard.core.request import Content, ReasoningWish, Request
from stockyard.wire import strict
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.drops import DETAIL, FILENAME, Drops
from stockyard.wire.efforts import effort_of
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, layout_of, own_fields, words
from stockyard.wire.openai_chat.messages import decode_messages, encode_messages
from stockyard.wire.openai_chat.parts import FORMAT
from stockyard.wire.openai_chat.tools import (
    decode_choice,
    decode_function_choice,
    decode_functions,
    decode_output,
    decode_tools,
    encode_choice,
    encode_function_choice,
    encode_output,
    encode_tools,
)
from stockyard.wire.user_names import shortened

_PLAIN_FIELDS = (
    "temperature",
    "top_p",
    "seed",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "service_tier",
    "metadata",
    "store",
)
"""Fields whose name and meaning are the same in chat and in the neutral form."""

_READ: dict[str, tuple[str, Callable[[Fields, str], Any]]] = {
    "temperature": ("temperature", Fields.number),
    "top_p": ("top_p", Fields.number),
    "top_k": ("top_k", Fields.integer),
    "min_p": ("min_p", Fields.number),
    "n": ("n", Fields.integer),
    "presence_penalty": ("presence_penalty", Fields.number),
    "frequency_penalty": ("frequency_penalty", Fields.number),
    "logit_bias": ("logit_bias", Fields.object),
    "logprobs": ("logprobs", Fields.flag),
    "top_logprobs": ("top_logprobs", Fields.integer),
    "parallel_tool_calls": ("parallel_tools", Fields.flag),
    "prompt_cache_key": ("cache_key", Fields.text),
    "service_tier": ("service_tier", Fields.text),
    "metadata": ("metadata", Fields.object),
    "modalities": ("modalities", Fields.texts),
    "store": ("store", Fields.flag),
}
"""Fields decoded without change: neutral name and type."""

_NOT_OURS = ("top_k", "min_p")
"""Known to many compatible providers but not to the format: sent only if the client did."""

MOST_STOPS = 4
"""Clients of this format may send more, because some compatible providers take more."""
_STOP_LIST = "stops"

_OTHER_SEED = "random_seed"
"""One library's name for `seed`, whichever provider answers (`clients.md` 6)."""


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    rest = fields.rest
    rest.pop("model", None)
    rest.pop("stream", None)
    if "stream_options" in rest:
        _leave_stream_options(fields)
    messages = fields.items("messages")
    if messages is None:
        raise FieldError("messages", "an array")
    if not rest:
        return Content(messages=decode_messages(messages))
    max_output, limit_word = _take_limit(fields)
    stop, stop_word = _take_stop(fields)
    tools = (
        *decode_tools(fields.items("tools") or []),
        *decode_functions(fields.items("functions") or []),
    )
    end_user, user_word = _take_end_user(fields)
    compatible = [name for name in _NOT_OURS if fields.rest.get(name) is not None]
    seed, seed_word = _take_seed(fields)
    effort = fields.text("reasoning_effort")
    return Content(
        messages=decode_messages(messages),
        max_output=max_output,
        stop=stop,
        seed=seed,
        tools=tools,
        tool_choice=decode_choice(fields.any("tool_choice"))
        or decode_function_choice(fields.any("function_call")),
        output=decode_output(fields.any("response_format")),
        reasoning=None if effort is None else ReasoningWish(effort=effort),
        end_user=end_user,
        **{name: read(fields, key) for key, (name, read) in _READ.items() if key in fields.rest},
        extra=fields.left(FORMAT),
        shape=words(limit_word, stop_word, user_word, *compatible, seed_word),
    )


def _leave_stream_options(fields: Fields) -> None:
    """Keep everything but the request for usage, which the gateway decides."""
    options = fields.inside("stream_options")
    if options is not None:
        options.any("include_usage")
        if options.rest:
            fields.rest["stream_options"] = options.rest


# Each of these takes a field that clients write in more than one way, with the word for this way.


def _take_limit(fields: Fields) -> tuple[int | None, str | None]:
    newer, older = fields.integer("max_completion_tokens"), fields.integer("max_tokens")
    if newer is None:
        return older, "max_tokens" if older is not None else None
    if older is not None:
        fields.rest["max_tokens"] = older
    return newer, None


def _take_stop(fields: Fields) -> tuple[tuple[str, ...] | None, str | None]:
    stop = fields.any("stop")
    if isinstance(stop, str):
        return (stop,), "stop"
    if stop is None:
        return None, None
    if not isinstance(stop, list):
        raise FieldError("stop", "a string or an array of strings")
    fields.rest["stop"] = stop
    return fields.texts("stop"), _STOP_LIST


def _take_end_user(fields: Fields) -> tuple[str | None, str | None]:
    """The newer name of the same thing stays, and goes back among the unknown fields."""
    user, safety = fields.text("user"), fields.rest.get("safety_identifier")
    newer = safety if isinstance(safety, str) else None
    if user is not None:
        return user or newer, "user"
    return newer, "safety_identifier" if safety is not None else None


def _take_seed(fields: Fields) -> tuple[int | None, str | None]:
    seed = fields.integer("seed")
    if seed is None and (seed := fields.integer(_OTHER_SEED)) is not None:
        return seed, _OTHER_SEED
    return seed, None


def encode_request(request: Request, *, features: Traits, traits: Traits) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.beside(content.messages, keeps=(DETAIL, FILENAME))
    developer = "developer_role" in features
    body: dict[str, Any] = {
        "model": request.model,
        "messages": encode_messages(content.messages, drops, developer=developer, traits=traits),
    }
    for name in _PLAIN_FIELDS:
        value = getattr(content, name)
        if value is not None:
            body[name] = value
    if "seed" in body and has_word(content.shape, _OTHER_SEED):
        body[_OTHER_SEED] = body.pop("seed")
    _add_limits(body, content, drops)
    _add_tools(body, content, drops)
    _add_wishes(body, content, drops)
    own = own_fields(content.extra, FORMAT)
    if request.stream:
        body["stream"] = True
        if "no_stream_options" not in traits:
            options = own.get("stream_options")
            earlier = options if isinstance(options, dict) else {}
            body["stream_options"] = {**earlier, "include_usage": True}
    return Dropped(msgspec.json.encode({**own, **body}), drops.names)


def _add_limits(body: dict[str, Any], content: Content, drops: Drops) -> None:
    if content.max_output is not None:
        older = has_word(content.shape, "max_tokens")
        body["max_tokens" if older else "max_completion_tokens"] = content.max_output
    if content.stop is not None:
        single = has_word(content.shape, "stop") and len(content.stop) == 1
        body["stop"] = content.stop[0] if single else list(content.stop)
        if len(content.stop) > MOST_STOPS and not has_word(content.shape, _STOP_LIST):
            body["stop"] = list(content.stop[:MOST_STOPS])
            drops.add("stop")
    for name in _NOT_OURS:
        value = getattr(content, name)
        if value is None:
            continue
        if has_word(content.shape, name):
            body[name] = value
        else:
            drops.add(name)


def _add_tools(body: dict[str, Any], content: Content, drops: Drops) -> None:
    body.update(encode_tools(content.tools, drops))
    choice = content.tool_choice
    if content.tools and not body.keys() & {"tools", "functions"}:
        # None of the tools could be said: a choice between them would be refused.
        return
    if choice is not None:
        drops.foreign(choice.extra, "tool_choice")
        if layout_of(choice.extra, FORMAT) == "function_call":
            body["function_call"] = encode_function_choice(choice)
        else:
            body["tool_choice"] = encode_choice(choice)
    if content.parallel_tools is not None:
        body["parallel_tool_calls"] = content.parallel_tools


def _add_wishes(body: dict[str, Any], content: Content, drops: Drops) -> None:
    if content.output is not None:
        body["response_format"] = encode_output(content.output)
    if content.reasoning is not None:
        drops.foreign(content.reasoning.extra, "thinking")
        effort = effort_of(content.reasoning)
        if effort is not None:
            body["reasoning_effort"] = effort
    if content.cache_key is not None:
        body["prompt_cache_key"] = content.cache_key
    if content.modalities is not None:
        body["modalities"] = list(content.modalities)
    if content.end_user is not None and not has_word(content.shape, "safety_identifier"):
        own = has_word(content.shape, "user")
        body["user"] = content.end_user if own else shortened(content.end_user)
    if content.cache is not None:
        drops.add("cache_control")
    if content.previous is not None:
        drops.add("previous_response_id")
