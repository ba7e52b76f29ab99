"""Requests with one prompt, both ways.

A text to be written before a suffix, and a conversation kept as tokens, exist in this format only.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from stockyard.core.meaning import Tie
from stockyard.core.messages import AnyPart, Message, Reasoning, Text, ToolCall, ToolResult
from stockyard.core.request import Content, Request
from stockyard.wire import strict
from stockyard.wire.codec import Dropped
from stockyard.wire.drops import Drops, Unsayable
from stockyard.wire.fields import Fields
from stockyard.wire.inexpressible import refuse_inexpressible
from stockyard.wire.layout import own_fields
from stockyard.wire.ollama_chat.messages import decode_images, encode_content
from stockyard.wire.ollama_chat.options import (
    shape_of,
    take_form,
    take_options,
    take_thinking,
    write_form,
    write_options,
    write_thinking,
)
from stockyard.wire.ollama_chat.places import GENERATE as FORMAT

_UNSAYABLE = Unsayable(
    "tools",
    "tool_choice",
    "parallel_tools",
)
"""Neutral fields that this format cannot express."""


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    fields.any("model")
    fields.any("stream")
    shape = shape_of(fields)
    return Content(
        messages=tuple(_take_messages(fields)),
        output=take_form(fields),
        reasoning=take_thinking(fields, FORMAT),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.integer("top_logprobs"),
        **take_options(fields),
        tie=_tie(fields.rest),
        extra=fields.left(FORMAT),
        shape=shape,
    )


def encode_request(request: Request) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.unsayable(content, _UNSAYABLE)
    own = own_fields(content.extra, FORMAT)
    body: dict[str, Any] = {
        "model": request.model,
        **_prompt(content, drops),
        **write_options(content, own, drops),
        **write_form(content, drops),
        **write_thinking(content.reasoning, FORMAT, drops),
        "stream": request.stream,
    }
    if content.logprobs is not None:
        body["logprobs"] = content.logprobs
    if content.top_logprobs is not None:
        body["top_logprobs"] = content.top_logprobs
    return Dropped(msgspec.json.encode({**own, **body}), drops.names)


def _take_messages(fields: Fields) -> Iterator[Message]:
    if fields.rest.get("system"):
        yield Message(role="system", parts=(Text(text=fields.text("system") or ""),))
    prompt, images = fields.text("prompt"), fields.rest.get("images")
    shown = decode_images(fields) if images else ()
    if prompt or shown:
        # Without either the model is only loaded.
        yield Message(role="user", parts=(Text(text=prompt or ""), *shown))


def _tie(rest: dict[str, Any]) -> Tie | None:
    """Why the request cannot be expressed in any other format; None if it can."""
    for param, what in (
        ("suffix", "cannot write text before a suffix"),
        ("context", "does not know this context. Send the conversation to the chat"),
    ):
        if rest.get(param):
            message = f"The provider of this model {what}."
            return Tie(code="invalid_request", message=message, param=param)
    return None


def _prompt(content: Content, drops: Drops) -> dict[str, Any]:
    said: dict[str, Any] = {}
    texts: dict[str, list[str]] = {"system": [], "prompt": []}
    images: list[str] = []
    for message in content.messages:
        drops.foreign(message.extra, "messages")
        text, shown = encode_content(message.parts, drops)
        _report_unsaid(message.parts, drops)
        if not text and not shown:
            refuse_inexpressible(message)
        texts["system" if message.role == "system" else "prompt"].append(text)
        images += shown
    for field, pieces in texts.items():
        if pieces:
            said[field] = "\n\n".join(filter(None, pieces))
    return {**said, **({"images": images} if images else {})}


def _report_unsaid(parts: Iterable[AnyPart], drops: Drops) -> None:
    """Report what is no content of this format, and of which a chat has fields of its own."""
    for part in parts:
        if part.cache:
            drops.add("cache_control")
        if isinstance(part, Reasoning | ToolCall | ToolResult):
            drops.add(f"messages.content.{part.__struct_config__.tag}")
