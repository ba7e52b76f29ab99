"""Requests, both ways.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields, and
`stream: false`.
"""

from typing import Any

import msgspec

from stockyard.core.request import Content, ReasoningWish, Request
from stockyard.wire import strict
from stockyard.wire.codec import Dropped
from stockyard.wire.cohere_chat.messages import decode_messages, encode_messages
from stockyard.wire.cohere_chat.parts import FORMAT
from stockyard.wire.cohere_chat.tools import (
    decode_choice,
    decode_output,
    decode_tools,
    encode_choice,
    encode_output,
    encode_tools,
    strictness,
)
from stockyard.wire.drops import DETAIL, Drops, Unsayable
from stockyard.wire.efforts import BUDGETS
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import layout_of, own_fields, with_layout

MOST_STOPS = 5
HOTTEST = 1

ENABLED = "enabled"
"""Layout of a reasoning wish without a budget, and the effort it becomes in other formats."""
_ENABLED_EFFORT = "medium"

# Neutral field -> its name here.
_PLAIN_FIELDS = {
    "max_output": "max_tokens",
    "top_p": "p",
    "top_k": "k",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "logprobs": "logprobs",
}

_UNSAYABLE = Unsayable(
    "n",
    "min_p",
    "logit_bias",
    "top_logprobs",
    "cache_key",
    "cache",
    "service_tier",
    "end_user",
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
    messages = fields.items("messages")
    if messages is None:
        raise FieldError("messages", "an array")
    tools = fields.items("tools")
    strictly = fields.rest.get("strict_tools") is True and bool(tools)
    if strictly:
        fields.any("strict_tools")
    return Content(
        messages=decode_messages(messages),
        max_output=fields.integer("max_tokens"),
        temperature=fields.number("temperature"),
        top_p=fields.number("p"),
        top_k=fields.integer("k"),
        stop=fields.texts("stop_sequences"),
        seed=fields.integer("seed"),
        presence_penalty=fields.number("presence_penalty"),
        frequency_penalty=fields.number("frequency_penalty"),
        logprobs=fields.flag("logprobs"),
        tools=tuple(decode_tools(tools or [], strict=strictly)),
        tool_choice=decode_choice(fields.text("tool_choice")),
        output=decode_output(fields.any("response_format")),
        reasoning=_take_thinking(fields),
        extra=fields.left(FORMAT),
    )


def encode_request(request: Request) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.beside(content.messages, keeps=(DETAIL,))
    drops.unsayable(content, _UNSAYABLE)
    if content.parallel_tools is False:
        drops.add("parallel_tool_calls")
    own = own_fields(content.extra, FORMAT)
    messages, documents = encode_messages(content.messages, drops)
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    if documents:
        body["documents"] = [*(own.get("documents") or ()), *documents]
    for name, spelled in _PLAIN_FIELDS.items():
        value = getattr(content, name)
        if value is not None:
            body[spelled] = value
    _add_sampling(body, content, drops)
    _add_tools(body, content, drops)
    if content.output is not None:
        body["response_format"] = encode_output(content.output, drops)
    if content.reasoning is not None:
        drops.foreign(content.reasoning.extra, "reasoning")
        if (thinking := _thinking(content.reasoning)) is not None:
            body["thinking"] = thinking
    if request.stream:
        body["stream"] = True
    return Dropped(msgspec.json.encode({**own, **body}), drops.names)


def _take_thinking(fields: Fields) -> ReasoningWish | None:
    thinking = fields.inside("thinking")
    if thinking is None:
        return None
    kind, budget = thinking.text("type"), thinking.integer("token_budget")
    extra = thinking.left(FORMAT)
    if kind == "disabled":
        return ReasoningWish(effort="none", budget=budget, extra=extra)
    if budget is not None:
        return ReasoningWish(budget=budget, extra=extra)
    return ReasoningWish(effort=_ENABLED_EFFORT, extra=with_layout(extra, FORMAT, ENABLED))


def _thinking(wish: ReasoningWish) -> dict[str, Any] | None:
    own = own_fields(wish.extra, FORMAT)
    if layout_of(wish.extra, FORMAT) == ENABLED:
        return {**own, "type": "enabled"}
    budget = {} if wish.budget is None else {"token_budget": wish.budget}
    if wish.effort == "none" or wish.mode == "disabled":
        return {**own, "type": "disabled", **budget}
    if not budget and wish.effort in BUDGETS:
        budget = {"token_budget": BUDGETS[wish.effort]}
    return {**own, "type": "enabled", **budget} if budget else None


def _add_sampling(body: dict[str, Any], content: Content, drops: Drops) -> None:
    if content.temperature is not None:
        body["temperature"] = min(content.temperature, HOTTEST)
        if content.temperature > HOTTEST:
            drops.add("temperature")
    if content.stop is not None:
        body["stop_sequences"] = list(content.stop[:MOST_STOPS])
        if len(content.stop) > MOST_STOPS:
            drops.add("stop")


def _add_tools(body: dict[str, Any], content: Content, drops: Drops) -> None:
    tools = encode_tools(content.tools, content.tool_choice, drops)
    if tools:
        body["tools"] = tools
    elif content.tools:
        # None of the tools could be said: a choice between them would be refused.
        return
    if strictness(content.tools, drops):
        body["strict_tools"] = True
    if (choice := encode_choice(content.tool_choice, drops)) is not None:
        body["tool_choice"] = choice
