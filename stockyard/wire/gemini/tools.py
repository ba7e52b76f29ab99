"""Tools and the choice between them."""

from typing import Any

from stockyard.core.request import Tool, ToolChoice
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.gemini.names import (
    CHOICE,
    DECLARATION,
    FORMAT,
    TOOL,
    fields_of,
    inside,
    listed,
    tool_name,
)
from stockyard.wire.gemini.schemas import decode_schema, encode_schema
from stockyard.wire.layout import layout_of, own_fields, with_layout

_AUTO = ("AUTO", "VALIDATED", "MODE_UNSPECIFIED")
"""The model may answer in words. `VALIDATED`: its calls are checked against their schemas."""
_APART = "apart"
"""Layout of a tool whose declarations began a list of their own."""

_SCHEMA, _OWN_SCHEMA = "parametersJsonSchema", "parameters"
DECLARATIONS = "functionDeclarations"


def decode_tools(items: list[Any]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for i, item in enumerate(items):
        fields = fields_of(item, TOOL, f"tools[{i}]")
        path = fields.at(DECLARATIONS)
        for j, declared in enumerate(listed(fields, DECLARATIONS) or ()):
            apart = j == 0 and any(tool.kind == "function" for tool in tools)
            tools.append(_decode_function(declared, f"{path}[{j}]", apart=apart))
        # Everything else in it is a tool that the provider runs itself.
        tools += [
            Tool(name=name, kind="server", extra={FORMAT: {name: value}})
            for name, value in fields.rest.items()
            if value is not None
        ]
    return tuple(tools)


def encode_tools(tools: tuple[Tool, ...], drops: Drops) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for tool in tools:
        own = own_fields(tool.extra, FORMAT)
        if tool.kind == "server":
            if own:
                items.append(own)
            else:
                drops.add(f"tools.{tool.name}")
            continue
        drops.foreign(tool.extra, "tools")
        apart = _APART in layout_of(tool.extra, FORMAT).split()
        lists = [item for item in items if DECLARATIONS in item]
        if apart or not lists:
            items.append({DECLARATIONS: []})
            lists = items[-1:]
        lists[-1][DECLARATIONS].append({**own, **_function(tool, drops)})
    return items


def decode_choice(config: Fields | None) -> ToolChoice | None:
    """From `toolConfig`, out of which the choice is taken."""
    choice = inside(config, "functionCallingConfig", CHOICE) if config is not None else None
    if choice is None:
        return None
    mode, names = (choice.text("mode") or "AUTO").upper(), choice.texts("allowedFunctionNames")
    # Tagged even when empty: the tag tells that the choice came in this format.
    extra = with_layout(choice.left(FORMAT), FORMAT, mode)
    if mode == "NONE":
        return ToolChoice(mode="none", extra=extra)
    if mode in _AUTO:
        if names:
            return ToolChoice(mode="allowed", names=names, extra=extra)
        return ToolChoice(mode="auto", extra=extra)
    if mode != "ANY":
        raise FieldError(choice.at("mode"), "AUTO, ANY, NONE or VALIDATED")
    if names and len(names) > 1:
        return ToolChoice(mode="allowed", names=names, required=True, extra=extra)
    if names:
        return ToolChoice(mode="named", names=names, extra=extra)
    return ToolChoice(mode="required", extra=extra)


def encode_choice(choice: ToolChoice, drops: Drops) -> dict[str, Any]:
    drops.foreign(choice.extra, "tool_choice")
    own = own_fields(choice.extra, FORMAT)
    if choice.mode in ("none", "auto"):
        mode = layout_of(choice.extra, FORMAT) or choice.mode.upper()
        return {**own, "mode": mode}
    if choice.mode == "required":
        return {**own, "mode": "ANY"}
    if choice.mode == "named" or choice.required:
        return {**own, "mode": "ANY", "allowedFunctionNames": list(map(tool_name, choice.names))}
    if mode := layout_of(choice.extra, FORMAT):
        return {**own, "mode": mode, "allowedFunctionNames": list(map(tool_name, choice.names))}
    return {"mode": "AUTO"}


def offered(tools: tuple[Tool, ...], choice: ToolChoice | None) -> tuple[Tool, ...]:
    """The tools to declare. If only some may be called, the others are left out."""
    if choice is None or choice.mode != "allowed" or choice.required or FORMAT in choice.extra:
        return tools
    return tuple(tool for tool in tools if tool.name in choice.names)


def _decode_function(declared: Any, path: str, *, apart: bool) -> Tool:
    fields = fields_of(declared, DECLARATION, path)
    name, description = fields.required_text("name"), fields.text("description")
    schema, own_schema = fields.any(_SCHEMA), fields.any(_OWN_SCHEMA)
    extra = fields.left(FORMAT)
    if schema is None and own_schema is not None:
        schema, extra = decode_schema(own_schema, extra, _OWN_SCHEMA)
    if apart:
        layout = layout_of(extra, FORMAT) or _SCHEMA
        extra = with_layout(extra, FORMAT, f"{layout} {_APART}")
    return Tool(name=name, description=description, schema=schema, extra=extra)


def _function(tool: Tool, drops: Drops) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool_name(tool.name)}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.schema is not None:
        field, schema = encode_schema(tool.schema, tool.extra, _SCHEMA, _OWN_SCHEMA)
        said[field] = schema
    if tool.strict:
        drops.add("tools.strict")
    if tool.cache is not None:
        drops.add("cache_control")
    return said
