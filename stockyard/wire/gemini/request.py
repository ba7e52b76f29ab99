"""Requests of the format, both ways. The model and whether to stream stand in the path.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields,
names in snake_case and modes in lower case (the services read both spellings), counts in schemas
that were strings, and whether a tool that the provider runs shared its object with declared
functions.
"""

from typing import Any

import msgspec

from stockyard.core.request import Content, Request
from stockyard.wire import strict
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.drops import Drops, Unsayable
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.gemini.contents import (
    decode_contents,
    decode_system,
    encode_contents,
    encode_system,
)
from stockyard.wire.gemini.labels import FIELD, LABELLED, labels_of, take_labels
from stockyard.wire.gemini.names import (
    CONFIG,
    FORMAT,
    REQUEST,
    TOOL_CONFIG,
    fields_of,
    inside,
    listed,
)
from stockyard.wire.gemini.tools import (
    DECLARATIONS,
    decode_choice,
    decode_tools,
    encode_choice,
    encode_tools,
    offered,
)
from stockyard.wire.gemini.wishes import (
    decode_output,
    decode_thinking,
    encode_output,
    encode_thinking,
)
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.turns import leading_system

SIGNATURES_TRAIT = "signature_required"
"""The model refuses calls in the history that carry no signature."""
JSON_OR_TOOLS_TRAIT = "json_or_tools"
"""The model refuses an output schema together with tools."""
TEXT_RESULTS_TRAIT = "text_results"
"""The model refuses pictures in the results of calls."""

_SEEDS = 2**31
"""Seeds are positive numbers of 32 bits here."""
_FILLER = {"role": "user", "parts": [{"text": "."}]}
"""Text for a user turn that is empty: there must be something to answer."""

# Neutral field -> this format's.
_CONFIG_FIELDS = {
    "max_output": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}

_UNSAYABLE = Unsayable(
    "min_p",
    "logit_bias",
    "cache_key",
    "end_user",
    "store",
    "previous",
    "cache",
)
"""Neutral fields that this format cannot express."""

_MOST_STOPS = 5
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}
_TIERS_OUT = {tier: said for said, tier in _TIERS.items()}

# Shape words of a request: objects that were present but empty.
_CONFIG, _TOOL_CONFIG = "config", "tool_config"


def decode_request(body: bytes) -> Content:
    return _decode(fields_of(strict.parse(body), REQUEST))


def _decode(fields: Fields) -> Content:
    contents = listed(fields, "contents")
    if contents is None:
        raise FieldError("contents", "an array")
    given = inside(fields, "generationConfig", CONFIG)
    config = given or Fields({}, "generationConfig")
    tool_config = inside(fields, "toolConfig", TOOL_CONFIG)
    modalities, labels = config.texts("responseModalities"), take_labels(fields)
    content = Content(
        messages=(*decode_system(fields.any("systemInstruction")), *decode_contents(contents)),
        max_output=config.integer("maxOutputTokens"),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.integer("topK"),
        stop=config.texts("stopSequences"),
        seed=config.integer("seed"),
        n=config.integer("candidateCount"),
        presence_penalty=config.number("presencePenalty"),
        frequency_penalty=config.number("frequencyPenalty"),
        logprobs=config.flag("responseLogprobs"),
        top_logprobs=config.integer("logprobs"),
        tools=decode_tools(listed(fields, "tools") or []),
        tool_choice=decode_choice(tool_config),
        output=decode_output(config),
        reasoning=decode_thinking(config),
        service_tier=_take_tier(fields),
        metadata=labels,
        modalities=None if modalities is None else tuple(m.lower() for m in modalities),
    )
    for key, left in (("generationConfig", config), ("toolConfig", tool_config)):
        if left is not None and left.rest:
            fields.rest[key] = left.rest
    shape = words(
        _CONFIG if given is not None else None,
        _TOOL_CONFIG if tool_config is not None else None,
        LABELLED if labels is not None else None,
    )
    return msgspec.structs.replace(content, extra=fields.left(FORMAT), shape=shape)


def encode_request(request: Request, *, traits: Traits) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.beside(content.messages)
    drops.unsayable(content, _UNSAYABLE)
    head, rest = leading_system(content.messages)
    body: dict[str, Any] = {}
    system = encode_system(head, drops)
    if system is not None:
        body["systemInstruction"] = system
    contents = encode_contents(
        rest,
        drops,
        sign_calls=SIGNATURES_TRAIT in traits,
        text_results=TEXT_RESULTS_TRAIT in traits,
    )
    body["contents"] = contents or ([_FILLER] if system is not None else [])
    _add_tools(body, content, drops)
    config = _config(content, drops, traits)
    if config or has_word(content.shape, _CONFIG):
        body["generationConfig"] = config
    if labels := labels_of(content, drops, traits):
        body[FIELD] = labels
    if content.service_tier is not None:
        tier = _TIERS_OUT.get(content.service_tier)
        if tier is not None:
            body["serviceTier"] = tier
        else:
            drops.add("service_tier")
    return Dropped(msgspec.json.encode(_over(own_fields(content.extra, FORMAT), body)), drops.names)


def _take_tier(fields: Fields) -> str | None:
    """A service tier that other formats share; any other stays in the format's own fields."""
    said = fields.rest.get("serviceTier")
    tier = _TIERS.get(said) if isinstance(said, str) else None
    if tier is not None:
        fields.any("serviceTier")
    return tier


def _add_tools(body: dict[str, Any], content: Content, drops: Drops) -> None:
    choice = content.tool_choice
    tools = encode_tools(offered(content.tools, choice), drops)
    if tools:
        body["tools"] = tools
    config: dict[str, Any] = {}
    if choice is not None:
        # Other formats allow a tool choice without tools; it is refused here.
        if any(DECLARATIONS in tool for tool in tools) or FORMAT in choice.extra:
            config["functionCallingConfig"] = encode_choice(choice, drops)
        elif choice.mode not in ("auto", "none"):
            drops.add("tool_choice")
    if config or has_word(content.shape, _TOOL_CONFIG):
        body["toolConfig"] = config
    if content.parallel_tools is False:
        drops.add("parallel_tool_calls")


def _config(content: Content, drops: Drops, traits: Traits) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, spelled in _CONFIG_FIELDS.items():
        value = getattr(content, name)
        if value is not None:
            config[spelled] = value
    stops = [stop for stop in content.stop or () if stop][:_MOST_STOPS]
    if stops or content.stop == ():
        config["stopSequences"] = stops
    if len(stops) < len(content.stop or ()):
        drops.add("stop")
    if content.modalities is not None:
        config["responseModalities"] = [m.upper() for m in content.modalities]
    if content.seed is not None:
        config["seed"] = content.seed if abs(content.seed) < _SEEDS else content.seed % _SEEDS
    if content.output is not None:
        if _is_refused_with_tools(content, traits):
            drops.add("response_format")
        else:
            config |= encode_output(content.output, drops)
    if content.reasoning is not None:
        thinking = encode_thinking(content.reasoning, drops, traits)
        if thinking or FORMAT in content.reasoning.extra:
            config["thinkingConfig"] = thinking
    return config


def _is_refused_with_tools(content: Content, traits: Traits) -> bool:
    """Never for clients of this format, who know its rules."""
    form = content.output
    foreign = form is not None and form.kind != "text" and FORMAT not in form.extra
    return foreign and bool(content.tools) and JSON_OR_TOOLS_TRAIT in traits


def _over(own: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Merge the fields we wrote over the carried unknown ones, objects recursively."""
    merged = {**own, **body}
    for key, value in own.items():
        mine = body.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged[key] = _over(value, mine)
    return merged
