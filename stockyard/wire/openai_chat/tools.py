"""Tools, tool choice and the form of the answer in a chat request."""

from collections.abc import Iterable, Set
from typing import Any, Literal

import msgspec

from stockyard.core.request import OutputForm, Tool, ToolChoice
from stockyard.wire.arguments import compact
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.free_text import ANY_TEXT, INPUT_SCHEMA
from stockyard.wire.layout import layout_of, own_fields, with_layout
from stockyard.wire.openai_chat.parts import FORMAT, cache_of

LEGACY = "functions"
"""Layout of tools declared as `functions`, the form before tools."""

NONE: Set[str] = frozenset()

TEXT = "text"
"""Layout of a tool of free text that says that any text will do."""


class _Declared(msgspec.Struct, gc=False):
    name: str


class _Tool(msgspec.Struct, gc=False):
    custom: _Declared | None = None


class _Asked(msgspec.Struct, gc=False):
    """The tools that a request declares, and how they are called."""

    tools: list[_Tool] | None = None
    functions: list[msgspec.Raw] | None = None


_asked = msgspec.json.Decoder(_Asked).decode


def decode_tools(items: list[Any]) -> Iterable[Tool]:
    for i, item in enumerate(items):
        fields = Fields(item, f"tools[{i}]")
        kind = fields.rest.get("type", "function")
        if kind == "function":
            yield _decode_function(fields)
        elif kind == "custom":
            yield _decode_custom(fields)
        else:
            yield Tool(name=str(kind), kind="server", extra=fields.left(FORMAT))


def decode_functions(items: list[Any]) -> Iterable[Tool]:
    for i, item in enumerate(items):
        function = Fields(item, f"functions[{i}]")
        name, description = function.required_text("name"), function.text("description")
        schema = function.any("parameters")
        extra = with_layout(function.left(FORMAT), FORMAT, LEGACY)
        yield Tool(name=name, description=description, schema=schema, extra=extra)


def encode_tools(tools: Iterable[Tool], drops: Drops) -> dict[str, Any]:
    """The `tools` field, and `functions` for those declared in the old form."""
    fields: dict[str, Any] = {}
    for tool in tools:
        own = own_fields(tool.extra, FORMAT)
        if tool.kind == "server" and not own:
            # A tool that its provider runs itself is lost as a whole.
            drops.add(f"tools.{tool.name}")
            continue
        drops.foreign(tool.extra, "tools")
        if tool.cache is not None and FORMAT not in tool.extra:
            drops.add("cache_control")
        if layout_of(tool.extra, FORMAT) == LEGACY:
            fields.setdefault("functions", []).append({**own, **_function(tool)})
        elif tool.kind == "server":
            fields.setdefault("tools", []).append(own)
        else:
            field = "custom" if tool.kind == "custom" else "function"
            form = {"format": ANY_TEXT} if layout_of(tool.extra, FORMAT) == TEXT else {}
            inner = {**own.get(field, {}), **form, **_function(tool)}
            fields.setdefault("tools", []).append({**own, "type": field, field: inner})
    return fields


def takers_of_text(asked: bytes) -> Set[str]:
    """The names of the tools of free text that a client's own request declares."""
    if b'"custom"' not in asked:
        return NONE
    try:
        tools = _asked(asked).tools
    except (ValueError, RecursionError):
        return NONE
    return {tool.custom.name for tool in tools or () if tool.custom is not None}


def calls_as_functions(asked: bytes) -> bool:
    """Whether a client's own request declares functions, and it looks for `function_call` then."""
    if b'"functions"' not in asked:
        return False
    try:
        declared = _asked(asked)
    except (ValueError, RecursionError):
        return False
    return bool(declared.functions) and not declared.tools


_MODES: dict[str, Literal["none", "auto", "required"]] = {
    "none": "none",
    "auto": "auto",
    "required": "required",
    "any": "required",
}


def decode_choice(said: Any, path: str = "tool_choice") -> ToolChoice | None:
    """Decode a tool choice, also as Messages and Responses spell it: clients mix them up."""
    if said is None:
        return None
    if said in ("none", "auto", "required"):
        return ToolChoice(mode=said)
    if said == "any":
        return ToolChoice(mode="required", extra=with_layout({}, FORMAT, "any"))
    fields = Fields(said, path)
    kind = fields.any("type") or ("function" if "function" in fields.rest else None)
    if isinstance(kind, str) and kind in _MODES:
        return ToolChoice(mode=_MODES[kind])
    if kind in ("tool", "function") and "name" in fields.rest:
        return ToolChoice(mode="named", names=(fields.required_text("name"),))
    if kind in ("function", "custom"):
        inner = Fields(fields.any(kind), fields.at(kind))
        extra = with_layout(fields.left(FORMAT), FORMAT, kind if kind == "custom" else "")
        return ToolChoice(mode="named", names=(inner.required_text("name"),), extra=extra)
    if kind == "allowed_tools":
        allowed = Fields(fields.any(kind), fields.at(kind))
        tools = allowed.items("tools") or []
        return ToolChoice(
            mode="allowed",
            names=tuple(name for tool in tools if (name := _name_in(tool))),
            required=allowed.text("mode") == "required",
            extra=with_layout(allowed.left(FORMAT), FORMAT, compact(tools)),
        )
    raise FieldError(path, "none, auto, required, or an object that names a tool")


def encode_choice(choice: ToolChoice) -> Any:
    layout = layout_of(choice.extra, FORMAT)
    if choice.mode == "named":
        kind = layout or "function"
        own = own_fields(choice.extra, FORMAT)
        return {**own, "type": kind, kind: {"name": choice.names[0]}}
    if choice.mode == "allowed":
        own = own_fields(choice.extra, FORMAT)
        tools = msgspec.json.decode(layout) if layout else list(map(_named, choice.names))
        mode = "required" if choice.required else "auto"
        return {"type": "allowed_tools", "allowed_tools": {**own, "mode": mode, "tools": tools}}
    return layout or choice.mode


def decode_function_choice(said: Any) -> ToolChoice | None:
    """`function_call`, the form before `tool_choice`."""
    if said is None:
        return None
    extra = with_layout({}, FORMAT, "function_call")
    if said in ("none", "auto"):
        return ToolChoice(mode=said, extra=extra)
    name = Fields(said, "function_call").required_text("name")
    return ToolChoice(mode="named", names=(name,), extra=extra)


def encode_function_choice(choice: ToolChoice) -> Any:
    return {"name": choice.names[0]} if choice.mode == "named" else choice.mode


def decode_output(said: Any) -> OutputForm | None:
    if said is None:
        return None
    fields = Fields(said, "response_format")
    kind = fields.text("type")
    if kind == "json_schema":
        form = Fields(fields.any("json_schema"), fields.at("json_schema"))
        name, description = form.text("name"), form.text("description")
        schema, strict = form.any("schema"), form.flag("strict")
        if form.rest:
            fields.rest["json_schema"] = form.rest
        return OutputForm(
            kind="json_schema",
            name=name,
            description=description,
            schema=schema,
            strict=strict,
            extra=with_layout(fields.left(FORMAT), FORMAT, "" if name else "nameless"),
        )
    if kind == "json_object":
        return OutputForm(kind="json_object", extra=fields.left(FORMAT))
    if kind == "text":
        return OutputForm(extra=fields.left(FORMAT))
    # A form that only some providers know goes back as it came.
    return OutputForm(extra=with_layout({FORMAT: dict(said)}, FORMAT, "own"))


def encode_output(form: OutputForm) -> dict[str, Any]:
    own = own_fields(form.extra, FORMAT)
    if layout_of(form.extra, FORMAT) == "own":
        return own
    if form.kind != "json_schema":
        return {**own, "type": form.kind}
    said = {"name": form.name, "description": form.description, "strict": form.strict}
    if FORMAT not in form.extra:
        # Formats without names for schemas exist; chat demands one.
        said["name"] = form.name or "answer"
    schema = {key: value for key, value in said.items() if value is not None}
    if form.schema is not None:
        schema["schema"] = form.schema
    return {**own, "type": "json_schema", "json_schema": {**own.get("json_schema", {}), **schema}}


def _decode_function(fields: Fields) -> Tool:
    fields.any("type")
    function = Fields(fields.any("function"), fields.at("function"))
    name, description = function.required_text("name"), function.text("description")
    schema, strict = function.any("parameters"), function.flag("strict")
    if function.rest:
        fields.rest["function"] = function.rest
    return Tool(
        name=name,
        description=description,
        schema=schema,
        strict=strict,
        cache=cache_of(fields),
        extra=fields.left(FORMAT),
    )


def _decode_custom(fields: Fields) -> Tool:
    """A tool of free text. For formats that have none it has the schema of a function."""
    fields.any("type")
    custom = Fields(fields.any("custom"), fields.at("custom"))
    name, description = custom.required_text("name"), custom.text("description")
    # A grammar is lost elsewhere; that any text will do is not.
    plain = custom.rest.get("format") == ANY_TEXT
    if plain:
        del custom.rest["format"]
    if custom.rest:
        fields.rest["custom"] = custom.rest
    extra = with_layout(fields.left(FORMAT), FORMAT, TEXT if plain else "")
    return Tool(name=name, description=description, schema=INPUT_SCHEMA, kind="custom", extra=extra)


def _function(tool: Tool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.kind == "function":
        if tool.schema is not None:
            said["parameters"] = tool.schema
        if tool.strict is not None:
            said["strict"] = tool.strict
    return said


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def _name_in(tool: Any) -> str | None:
    """The name in `{type: function, function: {name}}`, or in its flat form."""
    if not isinstance(tool, dict):
        return None
    inner = tool.get(tool.get("type", ""), tool)
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else None
