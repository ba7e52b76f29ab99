"""Quirks of tools, tool choice and call ids."""

import re

from stockyard.providers.quirks.quirk import (
    Body,
    Change,
    Message,
    ModelTraits,
    with_messages,
    without,
    without_deep,
)
from stockyard.wire.tool_ids import Ids


def tool_choice_any(body: Body, model: ModelTraits) -> Change:
    """Mistral says `any` for `required`."""
    if body.get("tool_choice") != "required":
        return Change(body)
    return Change(body | {"tool_choice": "any"})


def tool_choice_required_unsupported(body: Body, model: ModelTraits) -> Change:
    """The provider refuses `required`; the model may then answer without a tool."""
    if body.get("tool_choice") != "required":
        return Change(body)
    return Change(body | {"tool_choice": "auto"}, ("tool_choice",))


def forced_tools_by_model(body: Body, model: ModelTraits) -> Change:
    """Anthropic: some models refuse a forced tool choice outright."""
    choice = body.get("tool_choice")
    if not isinstance(choice, dict) or choice.get("type") not in ("any", "tool"):
        return Change(body)
    if "no_forced_tools" not in model:
        return Change(body)
    return Change(
        body | {"tool_choice": without(choice, "name") | {"type": "auto"}}, ("tool_choice",)
    )


def no_tools(body: Body, model: ModelTraits) -> Change:
    """The provider has no function tools."""
    found = tuple(f for f in ("tools", "tool_choice", "parallel_tool_calls") if f in body)
    return Change(without(body, *found), found) if found else Change(body)


def strip_schema_strict(body: Body, model: ModelTraits) -> Change:
    """Mistral: older models refuse `strict` and `additionalProperties`."""
    if "no_schema_strict" not in model or not body.get("tools"):
        return Change(body)

    def change(tool: Body) -> Body:
        function = without(tool.get("function") or {}, "strict")
        if "parameters" in function:
            function["parameters"] = without_deep(function["parameters"], "additionalProperties")
        return tool | {"function": function}

    tools = [change(tool) for tool in body["tools"]]
    return Change(body) if tools == body["tools"] else Change(body | {"tools": tools}, ("strict",))


def tool_id_9(body: Body, model: ModelTraits) -> Change:
    """Mistral: the id of a tool call is exactly nine letters and digits (`wire.md` 8)."""
    return _with_ids(body, Ids(_NINE, prefix="", length=9))


def tool_id_40(body: Body, model: ModelTraits) -> Change:
    """OpenAI: the id of a tool call has at most forty characters. Servers of others make longer
    ones, and a conversation may change its provider."""
    return _with_ids(body, Ids(_FORTY, prefix="call_"))


def _with_ids(body: Body, ids: Ids) -> Change:
    def change(message: Message) -> Message:
        if message.get("tool_calls"):
            calls = [c | {"id": ids.call(c.get("id") or "")} for c in message["tool_calls"]]
            return message | {"tool_calls": calls}
        if "tool_call_id" in message:
            asked = message["tool_call_id"] or ""
            # An id that no call has becomes one that is nobody's; what to make of it is up to the
            # provider.
            return message | {"tool_call_id": ids.result(asked) or ids.call(asked)}
        return message

    return Change(with_messages(body, change))


LONG_ID = rb'"tool_call_id"[ \t\r\n]*:[ \t\r\n]*"[^"]{41}'
_NINE = re.compile(r"[a-zA-Z0-9]{9}")
_FORTY = re.compile(r".{1,40}", re.DOTALL)
