"""Tools and the choice among them, both ways. Here they are one object, `toolConfig`."""

from typing import Any

import msgspec

from stockyard.core.request import Content, Tool, ToolChoice
from stockyard.wire.bedrock_converse.blocks import cache_blocks, cache_point
from stockyard.wire.bedrock_converse.names import FORMAT, tool_name
from stockyard.wire.codec import Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.object_schemas import object_schema

_Object = dict[str, Any]

STRICT = "strict_tools"
"""The model supports strict tool schemas; others refuse the field."""

INERT = {
    "toolSpec": {
        "name": "no_tool",
        "description": "Never call this.",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }
}
"""Placeholder tool for a conversation that used tools and now has none."""


def decode_tools(config: Fields) -> tuple[Tool, ...]:
    """From `toolConfig`, out of which the tools are taken."""
    tools: list[Tool] = []
    for i, item in enumerate(config.items("tools") or []):
        cache = cache_point(item)
        if cache is not None and tools:
            tools[-1] = msgspec.structs.replace(tools[-1], cache=cache)
        else:
            tools.append(_decode_tool(item, f"{config.at('tools')}[{i}]"))
    return tuple(tools)


def decode_choice(config: Fields) -> ToolChoice | None:
    choice = config.inside("toolChoice")
    if choice is None:
        return None
    named = choice.inside("tool")
    if named is not None:
        return ToolChoice(mode="named", names=(named.required_text("name"),))
    for key, mode in (("any", "required"), ("auto", "auto")):
        if choice.object(key) is not None:
            return ToolChoice(mode=mode)  # type: ignore[arg-type]  # one of the modes
    raise FieldError(choice.path, "auto, any or tool")


def encode_tools(content: Content, drops: Drops, traits: Traits) -> list[_Object]:
    """The tools to declare; none if the client chose none, which this format cannot express."""
    choice = content.tool_choice
    offered = content.tools
    if choice is not None and choice.mode == "none":
        return []
    if choice is not None and choice.mode == "allowed":
        offered = tuple(tool for tool in offered if tool.name in choice.names)
    strict = STRICT in traits
    return [item for tool in offered for item in _encode_tool(tool, drops, strict=strict)]


def encode_choice(choice: ToolChoice | None, drops: Drops) -> _Object | None:
    if choice is None or choice.mode == "none":
        return None
    drops.foreign(choice.extra, "tool_choice")
    if choice.mode == "named":
        return {"tool": {"name": tool_name(choice.names[0])}}
    if choice.mode == "required" or (choice.mode == "allowed" and choice.required):
        return {"any": {}}
    return {"auto": {}}


def _decode_tool(item: Any, path: str) -> Tool:
    fields = Fields(item, path)
    spec = fields.inside("toolSpec")
    if spec is None:
        # A server tool of the provider, or a type that only this format has.
        system = fields.rest.get("systemTool")
        name = system.get("name") if isinstance(system, dict) else None
        named = name if isinstance(name, str) else next(iter(fields.rest), "")
        return Tool(name=named, kind="server", extra={FORMAT: fields.rest})
    schema = spec.inside("inputSchema")
    return Tool(
        name=spec.required_text("name"),
        description=spec.text("description"),
        schema=schema.any("json") if schema is not None else None,
        strict=spec.flag("strict"),
        extra=spec.left(FORMAT),
    )


def _encode_tool(tool: Tool, drops: Drops, *, strict: bool) -> list[_Object]:
    own = own_fields(tool.extra, FORMAT)
    if tool.kind == "server":
        if not own:
            drops.add(f"tools.{tool.name}")
        return [own, *cache_blocks(tool.cache)] if own else []
    drops.foreign(tool.extra, "tools")
    spec: _Object = {**own, "name": tool_name(tool.name)}
    if tool.description:
        # An empty one is refused.
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": object_schema(tool.schema, drops)}
    if tool.strict and strict:
        spec["strict"] = True
    elif tool.strict:
        drops.add("tools.strict")
    return [{"toolSpec": spec}, *cache_blocks(tool.cache)]
