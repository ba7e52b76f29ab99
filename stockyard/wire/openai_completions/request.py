"""Completions requests, both ways.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields,
`stream: false`, and the wish for usage, which is ours to make.
"""

from typing import Any

import msgspec

from stockyard.core.request import Content, Request
from stockyard.wire import strict
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.drops import Drops, Unsayable
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.openai_chat.request import MOST_STOPS
from stockyard.wire.openai_completions.prompts import (
    FORMAT,
    decode_prompts,
    encode_prompts,
    find_tie,
)

_STOP, _STOP_LIST, _ECHO = "stop", "stops", "echo"

_PLAIN_FIELDS = (
    "temperature",
    "top_p",
    "seed",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
)

_UNSAYABLE = Unsayable(
    "top_k",
    "min_p",
    "logprobs",
    "top_logprobs",
    "tools",
    "tool_choice",
    "parallel_tools",
    "output",
    "reasoning",
    "cache_key",
    "cache",
    "service_tier",
    "metadata",
    "modalities",
    "store",
    "previous",
)
"""Neutral fields that this format cannot express."""


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    fields.any("model")
    fields.any("stream")
    options = fields.inside("stream_options")
    if options is not None:
        options.any("include_usage")
        if options.rest:
            fields.rest["stream_options"] = options.rest
    messages = decode_prompts(fields.any("prompt"))
    echo, stop = fields.flag("echo"), fields.any("stop")
    if isinstance(stop, list):
        fields.rest["stop"] = stop
    elif stop is not None and not isinstance(stop, str):
        raise FieldError("stop", "a string or an array of strings")
    return Content(
        messages=messages,
        apart=len(messages) > 1,
        max_output=fields.integer("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        stop=(stop,) if isinstance(stop, str) else fields.texts("stop"),
        seed=fields.integer("seed"),
        n=fields.integer("n"),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
        logit_bias=fields.object("logit_bias"),
        end_user=fields.text("user"),
        tie=find_tie(messages, fields.rest.get("suffix")),
        extra=fields.left(FORMAT),
        shape=words(
            _STOP if isinstance(stop, str) else _STOP_LIST if stop is not None else None,
            # An echo is the writer's work where the provider does not know it.
            _ECHO if echo else None,
        ),
    )


def encode_request(request: Request, *, traits: Traits) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.unsayable(content, _UNSAYABLE)
    body: dict[str, Any] = {"model": request.model}
    if content.messages:
        body["prompt"] = encode_prompts(content.messages, drops)
    if content.max_output is not None:
        body["max_tokens"] = content.max_output
    for name in _PLAIN_FIELDS:
        value = getattr(content, name)
        if value is not None:
            body[name] = value
    if content.stop is not None:
        single = has_word(content.shape, _STOP) and len(content.stop) == 1
        body["stop"] = content.stop[0] if single else list(content.stop)
        if len(content.stop) > MOST_STOPS and not has_word(content.shape, _STOP_LIST):
            body["stop"] = list(content.stop[:MOST_STOPS])
            drops.add("stop")
    if has_word(content.shape, _ECHO):
        body["echo"] = True
    if content.end_user is not None:
        body["user"] = content.end_user
    own = own_fields(content.extra, FORMAT)
    if request.stream:
        body["stream"] = True
        if "no_stream_options" not in traits:
            options = own.get("stream_options")
            earlier = options if isinstance(options, dict) else {}
            body["stream_options"] = {**earlier, "include_usage": True}
    return Dropped(msgspec.json.encode({**own, **body}), drops.names)
