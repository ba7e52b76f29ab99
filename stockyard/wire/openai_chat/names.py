"""Names of tools that the format takes, for requests of formats that take others (`wire.md` 8)."""

from collections.abc import Mapping

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, ToolCall
from stockyard.core.request import Content, Tool
from stockyard.core.response import Output
from stockyard.wire.tool_names import ToolNames

_TOOL_NAMES = ToolNames("a-zA-Z0-9_-")


def renamed(content: Content) -> Mapping[str, str]:
    """Derived names, and what they stand for; none when all can be kept."""
    return _TOOL_NAMES.renamed(tool.name for tool in content.tools if tool.kind != "server")


def fitted(content: Content) -> Content:
    """The same with names that fit: of tools, of the one to be called, and of earlier calls."""
    choice = content.tool_choice
    if choice is not None and choice.names:
        choice = replace(choice, names=tuple(map(_TOOL_NAMES.fitting, choice.names)))
    messages = tuple(
        replace(message, parts=tuple(map(_fitted_part, message.parts)))
        for message in content.messages
    )
    tools = tuple(map(_fitted_tool, content.tools))
    return replace(content, tools=tools, tool_choice=choice, messages=messages)


def named_back(output: Output, names: Mapping[str, str]) -> Output:
    """The answer, calling tools as the client calls them."""

    def back(part: AnyPart) -> AnyPart:
        if not isinstance(part, ToolCall) or part.name not in names:
            return part
        return replace(part, name=names[part.name])

    choices = tuple(
        replace(c, message=replace(c.message, parts=tuple(map(back, c.message.parts))))
        for c in output.choices
    )
    return replace(output, choices=choices)


def _fitted_tool(tool: Tool) -> Tool:
    return tool if tool.kind == "server" else replace(tool, name=_TOOL_NAMES.fitting(tool.name))


def _fitted_part(part: AnyPart) -> AnyPart:
    if not isinstance(part, ToolCall):
        return part
    return replace(part, name=_TOOL_NAMES.fitting(part.name))
