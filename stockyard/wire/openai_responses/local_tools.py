"""Tools that a client runs on its own machine, for formats that lack them (`wire.md` 9).

`shell`, `local_shell` and `apply_patch` have no schema: the models of one provider were trained on
them. Other models are offered functions of the same names, with earlier calls and results
translated, and their calls go back to the client as the tool it declared.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Opaque, Text, ToolCall, ToolResult
from stockyard.core.request import Content, Tool, ToolChoice
from stockyard.wire.openai_responses.parts import FORMAT, remembered

_Object = dict[str, Any]
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_TEXTS = {"type": "array", "items": _TEXT}


class _Local(NamedTuple):
    field: str
    """Where the item of a call says what is to be done."""
    description: str
    properties: _Object
    required: tuple[str, ...]
    usual: _Object
    """What the item says besides, or if the model has said nothing."""
    odd: str
    """Where what a model wrote instead of arguments stands."""


_LOCAL = {
    "shell": _Local(
        "action",
        "Runs commands in the shell of the user's machine, one after the other, and returns what "
        "they print and how they end.",
        {"commands": _TEXTS, "timeout_ms": _NUMBER, "max_output_length": _NUMBER},
        ("commands",),
        {"commands": []},
        "commands",
    ),
    "local_shell": _Local(
        "action",
        "Runs one command, given as the list of its words, on the user's machine and returns what "
        "it prints.",
        {
            "command": _TEXTS,
            "working_directory": _TEXT,
            "timeout_ms": _NUMBER,
            "env": {"type": "object", "additionalProperties": _TEXT},
        },
        ("command",),
        {"type": "exec", "command": [], "env": {}},
        "command",
    ),
    "apply_patch": _Local(
        "operation",
        "Creates, updates or deletes one file of the user's. `diff` is a V4A diff: `@@` begins a "
        "section of it, lines that begin with `+` are added, with `-` removed, others context.",
        {
            "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
            "path": _TEXT,
            "diff": _TEXT,
        },
        ("type", "path"),
        {"type": "update_file", "path": "", "diff": ""},
        "diff",
    ),
}
_CALL, _OUTPUT = "_call", "_call_output"


def kind_of(tool: Any) -> str:
    """Which of them a declared tool is; empty for any other, and for one that runs elsewhere."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    if not isinstance(kind, str) or kind not in _LOCAL:
        return ""
    place = tool.get("environment")
    local = place is None or (isinstance(place, dict) and place.get("type") == "local")
    return kind if local else ""


def item_of(call: ToolCall) -> _Object:
    """The item of a call of such a function."""
    local = _LOCAL[call.name]
    try:
        said = msgspec.json.decode(call.arguments or "{}")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        odd = local.usual[local.odd]
        said = {local.odd: [call.arguments] if isinstance(odd, list) else call.arguments}
    return {"type": call.name + _CALL, "call_id": call.id, local.field: {**local.usual, **said}}


def offered(content: Content) -> Content:
    """The content with such tools as functions, and with what became of them before."""
    declared = {tool.name for tool in content.tools if tool.kind != "server"}
    found = {_kind(tool) for tool in content.tools} - declared - {""}
    if not found:
        return content
    tools = tuple(_function(tool) if _kind(tool) in found else tool for tool in content.tools)
    messages = tuple(told for message in content.messages for told in _told(message))
    choice = _choice(content.tool_choice, found)
    tie = content.tie
    if tie is not None and tie.param == "tool_choice" and _is_free(tools, choice):
        tie = None
    return replace(content, tools=tools, messages=messages, tool_choice=choice, tie=tie)


def _kind(tool: Tool) -> str:
    return kind_of(remembered(tool.extra).get("tool")) if tool.kind == "server" else ""


def _function(tool: Tool) -> Tool:
    local = _LOCAL[tool.name]
    schema = {"type": "object", "properties": local.properties, "required": list(local.required)}
    return Tool(name=tool.name, description=local.description, schema=schema)


def _choice(choice: ToolChoice | None, found: set[str]) -> ToolChoice | None:
    said = remembered(choice.extra).get("choice") if choice is not None else None
    named = said.get("type") if isinstance(said, dict) else None
    return ToolChoice(mode="named", names=(named,)) if named in found else choice


def _is_free(tools: Sequence[Tool], choice: ToolChoice | None) -> bool:
    """Whether nothing demands a tool that only one provider has."""
    hosted = choice is not None and remembered(choice.extra).get("hosted")
    return not hosted and all(tool.kind != "server" for tool in tools)


def _told(message: Message) -> Iterator[Message]:
    """The message with calls and results that other formats know: results are messages of their
    own."""
    if message.role != "assistant" or not any(isinstance(p, Opaque) for p in message.parts):
        yield message
        return
    said: list[AnyPart] = []
    results: list[AnyPart] = []
    for part in message.parts:
        result = _result(part)
        if result is not None:
            results.append(result)
            continue
        if results:
            yield from _turns(message, said, results)
            said, results = [], []
        said.append(_call(part) or part)
    yield from _turns(message, said, results)


def _turns(message: Message, said: list[AnyPart], results: list[AnyPart]) -> Iterator[Message]:
    if said:
        yield replace(message, parts=tuple(said))
    if results:
        yield Message(role="tool", parts=tuple(results))


def _call(part: AnyPart) -> ToolCall | None:
    item, name = _item(part, _CALL)
    if not name:
        return None
    done = item.get(_LOCAL[name].field)
    arguments = {k: v for k, v in done.items() if v is not None} if isinstance(done, dict) else {}
    return ToolCall(id=_id(item), name=name, arguments=msgspec.json.encode(arguments).decode())


def _result(part: AnyPart) -> ToolResult | None:
    item, name = _item(part, _OUTPUT)
    if not name:
        return None
    output = item.get("output")
    if output is None:
        output = item.get("status") or ""
    text = output if isinstance(output, str) else msgspec.json.encode(output).decode()
    failed = item.get("status") == "failed"
    return ToolResult(call_id=_id(item), parts=(Text(text=text),), is_error=failed)


def _item(part: AnyPart, ending: str) -> tuple[_Object, str]:
    """The item of this kind that a part is, and the name of its tool; empty for any other."""
    if isinstance(part, Opaque) and part.format == FORMAT and isinstance(part.value, dict):
        kind = part.value.get("type")
        name = kind.removesuffix(ending) if isinstance(kind, str) and kind.endswith(ending) else ""
        if name in _LOCAL and _id(part.value):
            return part.value, name
    return {}, ""


def _id(item: _Object) -> str:
    """What results refer to. Some are only told the id of the item."""
    said = item.get("call_id") or item.get("id")
    return said if isinstance(said, str) else ""
