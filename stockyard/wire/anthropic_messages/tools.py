"""Tools and the choice among them, both ways."""

from typing import Any

from stockyard.core.request import Content, Tool, ToolChoice
from stockyard.wire.anthropic_messages.blocks import FORMAT, take_cache, with_cache
from stockyard.wire.codec import Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import own_fields
from stockyard.wire.object_schemas import object_schema

_TOOLS_WITH_HISTORY = frozenset({"tool_config_with_history", "tool_config_with_history:inert"})
"""Traits of who refuses a conversation with calls in it when it comes without tools."""
_INERT = {
    "name": "no_tool",
    "description": "Never call this.",
    "input_schema": {"type": "object", "properties": {}},
}
"""Stands for the tools of such a conversation. It cannot be called."""


def decode_tool(item: Any, position: int) -> Tool:
    fields = Fields(item, f"tools[{position}]")
    kind = fields.rest.get("type")
    if kind not in (None, "custom"):
        # A server tool of the provider, or a type that only this format has.
        name = fields.rest.get("name")
        named = name if isinstance(name, str) else str(kind)
        return Tool(name=named, kind="server", extra={FORMAT: fields.rest})
    return Tool(
        name=fields.required_text("name"),
        description=fields.text("description"),
        schema=fields.any("input_schema"),
        strict=fields.flag("strict"),
        cache=take_cache(fields),
        extra=fields.left(FORMAT),
    )


def take_choice(fields: Fields) -> tuple[ToolChoice | None, bool | None]:
    choice = fields.inside("tool_choice")
    if choice is None:
        return None, None
    kind, alone = choice.text("type"), choice.flag("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    name, left = choice.text("name"), choice.left(FORMAT)
    if kind == "tool" and name is not None:
        return ToolChoice(mode="named", names=(name,), extra=left), parallel
    if kind == "any":
        return ToolChoice(mode="required", extra=left), parallel
    if kind in ("auto", "none"):
        return ToolChoice(mode="auto" if kind == "auto" else "none", extra=left), parallel
    raise FieldError(choice.at("type"), "auto, any, tool or none")


def add_tools(body: dict[str, Any], content: Content, drops: Drops) -> None:
    choice = content.tool_choice
    offered = content.tools
    if choice is not None and choice.mode == "allowed":
        offered = tuple(t for t in offered if t.name in choice.names)
    tools = [tool for t in offered if (tool := _encode_tool(t, drops)) is not None]
    if tools:
        body["tools"] = tools
    elif content.tools:
        return
    said = _encode_choice(choice, drops)
    parallel = content.parallel_tools
    if parallel is False and said is None and tools:
        said = {"type": "auto"}
    if parallel is not None and said is not None and said["type"] != "none":
        said["disable_parallel_tool_use"] = not parallel
    if said is not None:
        body["tool_choice"] = said


def add_inert_tool(body: dict[str, Any], traits: Traits) -> None:
    """To a conversation that had tools and has none now, where that is refused."""
    if "tools" not in body and traits & _TOOLS_WITH_HISTORY and _had_tools(body["messages"]):
        body |= {"tools": [_INERT], "tool_choice": {"type": "none"}}


def _encode_tool(tool: Tool, drops: Drops) -> dict[str, Any] | None:
    own = own_fields(tool.extra, FORMAT)
    if tool.kind == "server":
        if not own:
            drops.add(f"tools.{tool.name}")
        return own or None
    drops.foreign(tool.extra, "tools")
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    said["input_schema"] = object_schema(tool.schema, drops)
    if tool.strict is not None:
        said["strict"] = tool.strict
    return with_cache({**own, **said}, tool.cache)


def _encode_choice(choice: ToolChoice | None, drops: Drops) -> dict[str, Any] | None:
    if choice is None:
        return None
    drops.foreign(choice.extra, "tool_choice")
    own = own_fields(choice.extra, FORMAT)
    if choice.mode == "named":
        return {**own, "type": "tool", "name": choice.names[0]}
    required = choice.mode == "required" or (choice.mode == "allowed" and choice.required)
    if required:
        return {**own, "type": "any"}
    return {**own, "type": "none" if choice.mode == "none" else "auto"}


def _had_tools(turns: list[dict[str, Any]]) -> bool:
    for turn in turns:
        content = turn["content"]  # mostly a string
        if isinstance(content, list):
            for block in content:
                if block.get("type") in ("tool_use", "tool_result"):
                    return True
    return False
