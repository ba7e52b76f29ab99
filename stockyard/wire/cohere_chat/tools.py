"""Tools, the choice between them, and the form of the answer."""

from collections.abc import Iterable, Sequence
from typing import Any

from stockyard.core.request import OutputForm, Tool, ToolChoice
from stockyard.wire.cohere_chat.parts import FORMAT
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.function_tools import encode_function
from stockyard.wire.layout import own_fields

_CHOICES = {"REQUIRED": "required", "NONE": "none"}


def decode_tools(items: list[Any], *, strict: bool) -> Iterable[Tool]:
    for i, item in enumerate(items):
        fields = Fields(item, f"tools[{i}]")
        fields.any("type")
        function = Fields(fields.any("function"), fields.at("function"))
        name, description = function.required_text("name"), function.text("description")
        schema = function.any("parameters")
        if function.rest:
            fields.rest["function"] = function.rest
        yield Tool(
            name=name,
            description=description,
            schema=schema,
            strict=True if strict else None,
            extra=fields.left(FORMAT),
        )


def encode_tools(
    tools: Sequence[Tool], choice: ToolChoice | None, drops: Drops
) -> list[dict[str, Any]]:
    """The tools that may be called: where the client names some, only those."""
    named = choice.names if choice is not None and choice.mode in ("named", "allowed") else None
    encoded = []
    for tool in tools:
        if tool.kind == "server":
            drops.add(f"tools.{tool.name}")
        elif named is None or tool.name in named:
            encoded.append(_encode_tool(tool, drops))
    return encoded


def strictness(tools: Sequence[Tool], drops: Drops) -> bool:
    """Whether tools are strict, a setting for all tools together here."""
    strict = [tool.strict is True for tool in tools if tool.kind != "server"]
    if any(strict) and not all(strict):
        drops.add("tools.function.strict")
    return bool(strict) and all(strict)


def decode_choice(said: str | None) -> ToolChoice | None:
    if said is None:
        return None
    mode = _CHOICES.get(said)
    if mode is None:
        raise FieldError("tool_choice", "REQUIRED or NONE")
    return ToolChoice(mode=mode)  # type: ignore[arg-type]  # narrower than its type says


def encode_choice(choice: ToolChoice | None, drops: Drops) -> str | None:
    """The tool choice; None for `auto`, which is expressed by leaving it out."""
    if choice is None:
        return None
    drops.foreign(choice.extra, "tool_choice")
    if choice.mode == "none":
        return "NONE"
    return "REQUIRED" if choice.mode in ("required", "named") or choice.required else None


def decode_output(said: Any) -> OutputForm | None:
    if said is None:
        return None
    form = Fields(said, "response_format")
    kind = form.text("type")
    schema = form.object("json_schema")
    if kind not in ("json_object", "text"):
        raise FieldError(form.at("type"), "json_object or text")
    if kind == "json_object":
        kind = "json_object" if schema is None else "json_schema"
    return OutputForm(
        kind=kind,  # type: ignore[arg-type]  # one of the three
        schema=schema,
        extra=form.left(FORMAT),
    )


def encode_output(form: OutputForm, drops: Drops) -> dict[str, Any]:
    drops.foreign(form.extra, "response_format")
    own = own_fields(form.extra, FORMAT)
    if form.kind == "text":
        return {**own, "type": "text"}
    schema = {} if form.schema is None else {"json_schema": form.schema}
    return {**own, "type": "json_object", **schema}


def _encode_tool(tool: Tool, drops: Drops) -> dict[str, Any]:
    drops.foreign(tool.extra, "tools")
    if tool.cache is not None:
        drops.add("cache_control")
    return encode_function(tool, FORMAT)
