"""Tool calls and their results as items.

A tool of free text is read as the function that stands for it (`free_text.py`), its calls as calls
of that function, and both are written back as what they were. Tools in a namespace are read under
the name `namespace__name`.
"""

from typing import Any

from stockyard.core.messages import Text, ToolCall, ToolResult
from stockyard.wire.drops import Drops
from stockyard.wire.fields import Fields
from stockyard.wire.free_text import as_arguments, as_input
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_responses import local_tools
from stockyard.wire.openai_responses.local_tools import kind_of
from stockyard.wire.openai_responses.parts import (
    FORMAT,
    decode_content,
    encode_content,
    is_bare,
    remember,
    remembered,
)

CUSTOM_CALL = "custom_tool_call"
_SEPARATOR = "__"
_ERROR_PREFIX = "Error: "
# Item fields that mean nothing to another provider.
_FLEETING = ("id", "status", "namespace")


def full_name(namespace: str | None, name: str) -> str:
    return f"{namespace}{_SEPARATOR}{name}" if namespace else name


def decode_call(fields: Fields, *, answer: bool) -> ToolCall:
    """Decode a call. In answers a custom call stays one: the client declared the tool."""
    custom = fields.any("type") == CUSTOM_CALL
    own = {key: fields.rest.pop(key) for key in _FLEETING if fields.rest.get(key) is not None}
    if answer:
        # Its position is set by the writer.
        own.pop("status", None)
    namespace = own.get("namespace")
    call_id, name = fields.required_text("call_id"), fields.required_text("name")
    said = (fields.text("input" if custom else "arguments")) or ""
    extra = remember(fields.left(FORMAT), own=own, **({"custom": True} if custom else {}))
    return ToolCall(
        id=call_id,
        name=full_name(namespace if isinstance(namespace, str) else None, name),
        arguments=as_arguments(said) if custom and not answer else said,
        kind="custom" if custom and answer else "function",
        extra=extra,
    )


def encode_call(call: ToolCall, names: "Names") -> dict[str, Any]:
    if call.kind == "function" and call.name in names.local:
        return local_tools.item_of(call)
    known = remembered(call.extra)
    own: dict[str, Any] = {**own_fields(call.extra, FORMAT), **known.get("own", {})}
    if call.kind == "custom" or known.get("custom") or call.name in names.custom:
        said = call.arguments if call.kind == "custom" else as_input(call.arguments)
        kind: dict[str, Any] = {"type": CUSTOM_CALL}
        ending = {"input": said}
    else:
        kind, ending = {"type": "function_call"}, {"arguments": call.arguments}
    return {**own, **kind, "call_id": call.id, **_named(call, own, names), **ending}


def _named(call: ToolCall, own: dict[str, Any], names: "Names") -> dict[str, Any]:
    """A tool that the request did not declare (it was searched for) is in the namespace it said."""
    namespace = own.get("namespace")
    if isinstance(namespace, str) and call.name.startswith(full := full_name(namespace, "")):
        return {"name": call.name.removeprefix(full)}
    return names.apart(call.name)


class Names:
    """Which tools of a request take free text, which stand in a namespace, and which its client
    runs without having described them."""

    __slots__ = ("_all_known", "_namespaces", "custom", "local")

    def __init__(self, tools: Any = ()) -> None:
        self.custom: set[str] = set()
        self._namespaces: dict[str, tuple[str, str]] = {}
        declared = tools if isinstance(tools, list | tuple) else ()
        for tool in declared:
            self._add(tool, None)
        described = [tool for tool in declared if isinstance(tool, dict)]
        named = [tool.get("name") for tool in described]
        kinds = [tool.get("type") for tool in described]
        self._all_known = bool(kinds) and "tool_search" not in kinds
        self.local = {kind for tool in declared if (kind := kind_of(tool)) and kind not in named}

    def apart(self, full: str) -> dict[str, Any]:
        """The fields that name a tool: its name, and its namespace if it has one."""
        found = self._namespaces.get(full)
        return {"name": full} if found is None else {"name": found[1], "namespace": found[0]}

    def of_provider(self, item: Any) -> bool:
        """Whether a custom call is of a tool that the provider runs itself.

        Some providers tell the searches of their own tools in this way, under names that the client
        did not declare. Without any declared tools it cannot be known.
        """
        name = item.get("name")
        custom = item.get("type") == CUSTOM_CALL and not item.get("namespace")
        return custom and self._all_known and isinstance(name, str) and name not in self.custom

    def _add(self, tool: Any, namespace: str | None) -> None:
        if not isinstance(tool, dict) or not isinstance(name := tool.get("name"), str):
            return
        if tool.get("type") == "namespace" and namespace is None:
            inner = tool.get("tools")
            for item in inner if isinstance(inner, list) else ():
                self._add(item, name)
            return
        full = full_name(namespace, name)
        if tool.get("type") == "custom":
            self.custom.add(full)
        if namespace:
            self._namespaces[full] = (namespace, name)


def decode_result(fields: Fields) -> ToolResult:
    custom = fields.any("type") == "custom_tool_call_output"
    own = {key: fields.rest.pop(key) for key in _FLEETING if fields.rest.get(key) is not None}
    call_id, output = fields.required_text("call_id"), fields.any("output")
    listed = {"list": True} if isinstance(output, list) else {}
    extra = remember(fields.left(FORMAT), own=own, **listed, **({"custom": True} if custom else {}))
    parts = decode_content(output, fields.at("output"))
    return ToolResult(call_id=call_id, parts=parts, extra=extra)


def encode_result(result: ToolResult, drops: Drops, *, custom: bool) -> dict[str, Any]:
    drops.foreign(result.extra, "input")
    if result.cache is not None:
        drops.add("cache_control")
    known = remembered(result.extra)
    own = {**own_fields(result.extra, FORMAT), **known.get("own", {})}
    kind = "custom_tool_call_output" if custom or known.get("custom") else "function_call_output"
    parts = result.parts
    if result.is_error:
        parts = (Text(text=_ERROR_PREFIX), *parts)
    output: Any
    if not known.get("list") and all(is_bare(part) for part in parts):
        output = "".join(part.text for part in parts if isinstance(part, Text))
    else:
        output = encode_content(parts, drops, spoken=False)
    return {**own, "type": kind, "call_id": result.call_id, "output": output}
