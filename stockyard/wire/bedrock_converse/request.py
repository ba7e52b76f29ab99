"""Requests of the format, both ways. The model and whether to stream stand in the path.

Not preserved when a request is re-encoded (`wire.md` 1, law 6): explicit nulls of known fields,
blank text, turns of one role apart from each other, and how the JSON text of a schema was spelled.
"""

import re
from typing import Any

import msgspec

from stockyard.core.messages import Message
from stockyard.core.request import Content, OutputForm, Request
from stockyard.wire import strict
from stockyard.wire.anthropic_messages.blocks import is_blank
from stockyard.wire.anthropic_messages.request import WHILE_THINKING
from stockyard.wire.anthropic_messages.turns import TURN
from stockyard.wire.arguments import arguments_object, compact
from stockyard.wire.bedrock_converse.additional import (
    ADAPTIVE,
    ADDITIONAL,
    additional_fields,
    take_wishes,
    with_spelling,
)
from stockyard.wire.bedrock_converse.names import FORMAT
from stockyard.wire.bedrock_converse.tools import (
    INERT,
    decode_choice,
    decode_tools,
    encode_choice,
    encode_tools,
)
from stockyard.wire.bedrock_converse.turns import (
    decode_system,
    decode_turns,
    encode_system,
    encode_turns,
    goes_on_without_thoughts,
    has_tools,
    without_tools,
)
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.drops import FILENAME, Drops, Unsayable
from stockyard.wire.efforts import BUDGETS
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.turns import leading_system, with_json_wish

TOOLS_WITH_HISTORY = "tool_config_with_history"
"""The model refuses a history with calls if no tools are offered: calls become text then."""
INERT_TOOL = "tool_config_with_history:inert"
"""The same, but a tool that cannot be used is offered instead."""
NO_SAMPLING = "no_sampling"
"""The model accepts no sampling settings."""
NO_FORCED_TOOLS = "no_forced_tools"
"""The model refuses a forced tool choice."""
NEUTRAL_NAMES = "document_name_neutral"
"""Document names are replaced by neutral ones."""

_MOST_STOPS = 2_500
_SAMPLING = {"temperature": "temperature", "topP": "top_p"}

DEFAULT_NAME = "answer"
"""Of a schema that came without one."""
THINKING_ROOM = 4_096
"""Tokens for the answer in addition to its thinking, if the client set no limit."""

_UNSAYABLE = Unsayable(
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "min_p",
    "cache_key",
    "end_user",
    "modalities",
    "store",
    "previous",
    "cache",
    "n",
)
"""Neutral fields that this format cannot express."""
_TIERS = frozenset({"default", "priority", "flex"})
"""Those that others know, too."""
_ACCEPTED_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")

# Shape words of a request: objects that were present but empty.
_CONFIG = "config"


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    turns = fields.items("messages")
    if turns is None:
        raise FieldError("messages", "an array")
    given = fields.inside("inferenceConfig")
    config = given or Fields({}, "inferenceConfig")
    tools = fields.inside("toolConfig") or Fields({}, "toolConfig")
    wishes = take_wishes(fields)
    content = Content(
        messages=(*decode_system(fields.items("system")), *decode_turns(turns)),
        max_output=config.integer("maxTokens"),
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=wishes.top_k,
        reasoning=wishes.reasoning,
        stop=config.texts("stopSequences"),
        tools=decode_tools(tools),
        tool_choice=decode_choice(tools),
        output=_take_output(fields),
        service_tier=_take_tier(fields),
        metadata=_take_metadata(fields),
        shape=words(_CONFIG if given is not None else None, wishes.shape),
    )
    for key, left in (("inferenceConfig", config), ("toolConfig", tools)):
        if left.rest:
            fields.rest[key] = left.rest
    return msgspec.structs.replace(content, extra=fields.left(FORMAT))


def encode_request(request: Request, *, traits: Traits) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    traits = with_spelling(traits, content.shape)
    drops.foreign(content.extra)
    drops.beside(content.messages, keeps=(FILENAME,), cites=lambda text: FORMAT in text.extra)
    drops.unsayable(content, _UNSAYABLE)
    head, rest = leading_system(content.messages, own_turn=TURN)
    tools = encode_tools(content, drops, traits)
    if not tools and has_tools(rest):
        tools, rest = _for_history(rest, traits)
    body: dict[str, Any] = {}
    system = encode_system(with_json_wish(head, content), drops)
    if system is not None:
        body["system"] = system
    body["messages"] = encode_turns(rest, drops, neutral_names=NEUTRAL_NAMES in traits)
    choice = _choice(content, drops, traits) if tools else None
    if tools:
        body["toolConfig"] = {"tools": tools, **({"toolChoice": choice} if choice else {})}
    forced = choice is not None and "auto" not in choice
    additional = additional_fields(content, drops, traits, forced=forced)
    if additional.get("thinking", {}).get("type") == "enabled" and goes_on_without_thoughts(
        body["messages"]
    ):
        # Models with a thinking budget refuse to continue without their earlier thinking.
        del additional["thinking"]
        drops.add("thinking")
    config = _config(content, drops, traits, additional.get("thinking", {}))
    if config or has_word(content.shape, _CONFIG):
        body["inferenceConfig"] = config
    if additional:
        body[ADDITIONAL] = additional
    _add_output(body, content, drops, traits)
    _add_caller(body, content, drops)
    return Dropped(msgspec.json.encode(_over(own_fields(content.extra, FORMAT), body)), drops.names)


def _take_output(fields: Fields) -> OutputForm | None:
    """The form of the answer, if it is one that others know, too."""
    config = fields.rest.get("outputConfig")
    form = config.get("textFormat") if isinstance(config, dict) else None
    inner = form.get("structure") if isinstance(form, dict) else None
    said = inner.get("jsonSchema") if isinstance(inner, dict) else None
    if not isinstance(said, dict) or not isinstance(said.get("schema"), str):
        return None
    schema = Fields(said, "outputConfig.textFormat.structure.jsonSchema")
    text = schema.required_text("schema")
    rest = {key: value for key, value in config.items() if key != "textFormat"}  # type: ignore[union-attr]  # it has one
    fields.any("outputConfig")
    if rest:
        fields.rest["outputConfig"] = rest
    return OutputForm(
        kind="json_schema",
        name=schema.text("name"),
        description=schema.text("description"),
        schema=arguments_object(text),
        extra=schema.left(FORMAT),
    )


def _take_tier(fields: Fields) -> str | None:
    """The service tier, if other formats share it; any other stays in the format's own fields."""
    said = fields.rest.get("serviceTier")
    tier = said.get("type") if isinstance(said, dict) and len(said) == 1 else None
    if not isinstance(tier, str) or tier not in _TIERS:
        return None
    fields.any("serviceTier")
    return tier


def _take_metadata(fields: Fields) -> dict[str, str] | None:
    said = fields.rest.get("requestMetadata")
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        return None
    return fields.object("requestMetadata")


def _for_history(
    messages: tuple[Message, ...], traits: Traits
) -> tuple[list[dict[str, Any]], tuple[Message, ...]]:
    """Tools and messages for a conversation that had tools and has none now."""
    if INERT_TOOL in traits:
        return [INERT], messages
    if TOOLS_WITH_HISTORY in traits:
        return [], tuple(without_tools(messages))
    return [], messages


def _choice(content: Content, drops: Drops, traits: Traits) -> dict[str, Any] | None:
    choice = encode_choice(content.tool_choice, drops)
    if choice is None or "auto" in choice or NO_FORCED_TOOLS not in traits:
        return choice
    drops.add("tool_choice")
    return {"auto": {}}


def _config(
    content: Content, drops: Drops, traits: Traits, thinking: dict[str, Any]
) -> dict[str, Any]:
    config = _sampling(content, drops, thinking)
    if NO_SAMPLING in traits:
        drops.add(*(_SAMPLING[name] for name in config))
        config = {}
    budget = thinking.get("budget_tokens")
    if content.max_output is not None:
        config["maxTokens"] = max(content.max_output, 1)
        if content.max_output < 1:
            drops.add("max_tokens")
    elif budget is not None:
        # The limit must exceed the budget, and the model's own may not.
        config["maxTokens"] = budget + THINKING_ROOM
    stops = [stop for stop in content.stop or () if not is_blank(stop)][:_MOST_STOPS]
    if stops or (content.stop == () and FORMAT in content.extra):
        config["stopSequences"] = stops
    if len(stops) < len(content.stop or ()):
        drops.add("stop")
    return config


def _sampling(content: Content, drops: Drops, thinking: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    thinks = thinking.get("type") in ("enabled", "adaptive")
    if content.temperature is not None:
        config["temperature"] = min(content.temperature, 1)
        if content.temperature > 1:
            drops.add("temperature")
    if content.top_p is not None:
        config["topP"] = content.top_p
    for name, spelled in _SAMPLING.items() if thinks else ():
        if name in config and not WHILE_THINKING[spelled](config[name]):
            del config[name]
            drops.add(spelled)
    return config


def _add_output(body: dict[str, Any], content: Content, drops: Drops, traits: Traits) -> None:
    output: dict[str, Any] = {}
    form, wish = content.output, content.reasoning
    if form is not None and form.schema is not None:
        drops.foreign(form.extra, "response_format")
        schema = {"schema": compact(form.schema), "name": form.name or DEFAULT_NAME}
        if form.description is not None:
            schema["description"] = form.description
        own = own_fields(form.extra, FORMAT)
        structure = {"jsonSchema": {**own, **schema}}
        output["textFormat"] = {"type": "json_schema", "structure": structure}
    if wish is not None and ADAPTIVE in traits and wish.effort in BUDGETS:
        output["effort"] = "low" if wish.effort == "minimal" else wish.effort
    if output:
        body["outputConfig"] = output


def _add_caller(body: dict[str, Any], content: Content, drops: Drops) -> None:
    if content.metadata:
        fitting = {
            key: value for key, value in content.metadata.items() if _is_accepted(key, value)
        }
        if fitting:
            body["requestMetadata"] = fitting
        if len(fitting) < len(content.metadata):
            drops.add("metadata")
    if content.service_tier in _TIERS:
        body["serviceTier"] = {"type": content.service_tier}
    elif content.service_tier not in (None, "auto"):
        drops.add("service_tier")


def _is_accepted(*words: object) -> bool:
    """Whether the service accepts these as metadata. Callers may send anything."""
    return all(isinstance(word, str) and _ACCEPTED_METADATA.fullmatch(word) for word in words)


def _over(own: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Merge the fields we wrote over the carried unknown ones. Objects merge one level deep."""
    merged = {**own, **body}
    for key, value in own.items():
        mine = body.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged[key] = {**value, **mine}
    return merged
