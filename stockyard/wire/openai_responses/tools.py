"""Tools, tool choice and the form of the answer in a Responses request."""

from collections.abc import Iterable, Sequence
from typing import Any

from stockyard.core.request import OutputForm, Tool, ToolChoice
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.free_text import ANY_TEXT, INPUT_SCHEMA
from stockyard.wire.layout import layout_of, own_fields
from stockyard.wire.openai_chat.parts import FORMAT as CHAT
from stockyard.wire.openai_chat.parts import cache_of
from stockyard.wire.openai_chat.tools import TEXT
from stockyard.wire.openai_responses.calls import full_name
from stockyard.wire.openai_responses.parts import FORMAT, remember, remembered


def decode_tools(items: list[Any], path: str = "tools") -> Iterable[Tool]:
    for i, item in enumerate(items):
        fields = Fields(item, f"{path}[{i}]")
        kind = fields.rest.get("type", "function")
        if kind == "function":
            yield _decode_function(fields)
        elif kind == "custom":
            yield _decode_custom(fields)
        elif kind == "namespace":
            yield from _decode_namespace(fields)
        else:
            # A tool that only its provider can run. Its settings say nothing to another.
            yield Tool(name=str(kind), kind="server", extra=remember({}, tool=item))


def encode_tools(tools: Sequence[Tool], drops: Drops) -> list[dict[str, Any]]:
    encoded: list[dict[str, Any]] = []
    open_group: Any = None
    for tool in tools:
        item = _encode_tool(tool, drops)
        if item is None:
            continue
        group = remembered(tool.extra).get("namespace")
        if group is None:
            encoded.append(item)
        elif group == open_group:
            encoded[-1]["tools"].append(item)
        else:
            encoded.append({**group, "tools": [item]})
        open_group = group
    return encoded


def decode_choice(said: Any) -> ToolChoice | None:
    if said is None:
        return None
    if said in ("none", "auto", "required"):
        return ToolChoice(mode=said)
    fields = Fields(said, "tool_choice")
    kind = fields.rest.get("type")
    if kind in ("function", "custom"):
        named = full_name(fields.text("namespace"), fields.required_text("name"))
        return ToolChoice(mode="named", names=(named,), extra=remember({}, choice=said))
    if kind == "allowed_tools":
        tools = fields.items("tools") or []
        return ToolChoice(
            mode="allowed",
            names=tuple(name for tool in tools if (name := _name_in(tool))),
            required=fields.text("mode") == "required",
            extra=remember({}, choice=said),
        )
    if isinstance(kind, str):
        # A tool that only its provider can run; `ties.py` refuses it for any other.
        return ToolChoice(mode="auto", extra=remember({}, choice=said, hosted=True))
    raise FieldError("tool_choice", "none, auto, required, or an object that names a tool")


def encode_choice(choice: ToolChoice, tools: Sequence[Tool]) -> Any:
    said = remembered(choice.extra).get("choice")
    if said is not None:
        return said
    custom = {tool.name for tool in tools if tool.kind == "custom"}
    named = [
        {"type": "custom" if name in custom else "function", "name": name} for name in choice.names
    ]
    if choice.mode == "named":
        return named[0]
    if choice.mode == "allowed":
        mode = "required" if choice.required else "auto"
        return {"type": "allowed_tools", "mode": mode, "tools": named}
    return choice.mode


def decode_form(text: Fields) -> OutputForm | None:
    """The form of the answer, out of the `text` field."""
    said = text.any("format")
    if said is None:
        return None
    fields = Fields(said, "text.format")
    kind = fields.required_text("type")
    if kind == "json_schema":
        name, description = fields.text("name"), fields.text("description")
        schema, strict = fields.any("schema"), fields.flag("strict")
        return OutputForm(
            kind="json_schema",
            name=name,
            description=description,
            schema=schema,
            strict=strict,
            extra=fields.left(FORMAT),
        )
    if kind not in ("text", "json_object"):
        raise FieldError(fields.at("type"), "text, json_object or json_schema")
    return OutputForm(kind="text" if kind == "text" else "json_object", extra=fields.left(FORMAT))


def encode_form(form: OutputForm) -> dict[str, Any]:
    own = own_fields(form.extra, FORMAT)
    if form.is_any_object:
        return {**own, "type": "json_object"}
    if form.kind == "text":
        return {**own, "type": "text"}
    said = {
        # Formats without names for schemas exist; this one demands a name.
        "name": form.name or "answer",
        "description": form.description,
        "schema": form.schema,
        "strict": form.strict,
    }
    return {**own, "type": form.kind, **{k: v for k, v in said.items() if v is not None}}


def _decode_function(fields: Fields) -> Tool:
    kind = fields.any("type")
    name, description = fields.required_text("name"), fields.text("description")
    schema, strict = fields.any("parameters"), fields.flag("strict")
    cache = cache_of(fields)
    return Tool(
        name=name,
        description=description,
        schema=schema,
        # Here strict is the default and false is said; elsewhere it is the other way round.
        strict=strict or None,
        cache=cache,
        extra=remember(fields.left(FORMAT), type=kind, strict=strict),
    )


def _decode_custom(fields: Fields) -> Tool:
    fields.any("type")
    name, description = fields.required_text("name"), fields.text("description")
    # A grammar is lost elsewhere; that any text will do is not.
    said = {"format": fields.any("format")} if fields.rest.get("format") == ANY_TEXT else {}
    extra = remember(fields.left(FORMAT), custom=said)
    return Tool(name=name, description=description, schema=INPUT_SCHEMA, extra=extra)


def _decode_namespace(fields: Fields) -> Iterable[Tool]:
    name, inner = fields.rest.get("name"), fields.items("tools") or []
    if not isinstance(name, str):
        raise FieldError(fields.at("name"), "a string")
    for tool in decode_tools(inner, fields.at("tools")):
        known = remember(tool.extra, namespace=fields.rest, name=tool.name)
        yield Tool(
            name=full_name(name, tool.name),
            description=tool.description,
            schema=tool.schema,
            strict=tool.strict,
            kind=tool.kind,
            cache=tool.cache,
            extra=known,
        )


def _encode_tool(tool: Tool, drops: Drops) -> dict[str, Any] | None:
    known = remembered(tool.extra)
    if tool.kind == "function":
        drops.foreign(tool.extra, "tools")
    if tool.cache is not None and FORMAT not in tool.extra:
        drops.add("cache_control")
    name = {"name": known.get("name", tool.name)}
    described = {} if tool.description is None else {"description": tool.description}
    if tool.kind == "server":
        if "tool" not in known:
            drops.add(f"tools.{tool.name}")
        found: dict[str, Any] | None = known.get("tool")
        return found
    if tool.kind == "custom" or "custom" in known:
        own = {**own_fields(tool.extra, FORMAT), **known.get("custom", _custom_fields(tool))}
        return {**own, "type": "custom", **name, **described}
    said: dict[str, Any] = {"type": "function", **name, **described}
    if tool.schema is not None or not known:
        said["parameters"] = tool.schema or {"type": "object", "properties": {}}
    if tool.strict or not known or known.get("strict") is not None:
        said["strict"] = bool(tool.strict)
    return {**own_fields(tool.extra, FORMAT), **said}


def _custom_fields(tool: Tool) -> dict[str, Any]:
    """What another dialect of the same house said about a tool of free text."""
    if layout_of(tool.extra, CHAT) == TEXT:
        return {"format": ANY_TEXT}
    for fields in tool.extra.values():
        inner = fields.get("custom")
        if isinstance(inner, dict) and isinstance(inner.get("format"), dict):
            return {"format": flat_format(inner["format"])}
    return {}


def flat_format(said: dict[str, Any]) -> dict[str, Any]:
    """Chat puts a grammar into an object of its own; here its fields stand beside the type."""
    grammar = said.get("grammar")
    if said.get("type") != "grammar" or not isinstance(grammar, dict):
        return said
    return {"type": "grammar", **grammar}


def _name_in(tool: Any) -> str | None:
    name = tool.get("name") if isinstance(tool, dict) else None
    return full_name(tool.get("namespace"), name) if isinstance(name, str) else None
