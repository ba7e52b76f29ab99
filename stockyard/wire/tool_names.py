"""Tool names that the other side accepts, derived deterministically (`wire.md` 8, rule 7)."""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, ToolCall
from stockyard.core.request import Content, Tool
from stockyard.core.response import Output
from stockyard.wire.tool_ids import derived

NO_NAMES: Mapping[str, str] = {}

_KEPT, _HASHED = 50, 12
"""Characters of a name that is too long, and of the hash behind them."""


class ToolNames:
    """The tool names that one format accepts."""

    __slots__ = ("_accepted", "_refused")

    def __init__(self, letters: str, *, first: str = "", longest: int = 64) -> None:
        """`letters` as in a class of a pattern; `first` where not all of them may begin a name."""
        self._refused = re.compile(f"[^{letters}]")
        self._accepted = re.compile(f"[{first or letters}][{letters}]{{0,{longest - 1}}}")

    def fitting(self, name: str) -> str:
        """The name under which a tool is offered: its own, or one that is derived from it."""
        if self._accepted.fullmatch(name):
            return name
        cleaned = self._refused.sub("_", name)[:_KEPT] + derived(name, prefix="_", length=_HASHED)
        return cleaned if self._accepted.fullmatch(cleaned) else f"_{cleaned}"

    def renamed_in(self, content: Content) -> dict[str, str]:
        """Derived names and what they stand for, where they could not be kept: of the tools that a
        request declares, and of those it says were called."""
        declared = [tool.name for tool in content.tools if tool.kind != "server"]
        called = [
            part.name
            for message in content.messages
            if message.role == "assistant"
            for part in message.parts
            if isinstance(part, ToolCall)
        ]
        odd = [name for name in declared + called if not self._accepted.fullmatch(name)]
        return {self.fitting(name): name for name in odd} if odd else {}

    def fitted(self, content: Content) -> Content:
        """The same with names that fit: of tools, of the one to be called, and of earlier calls."""
        choice = content.tool_choice
        if choice is not None and choice.names:
            choice = replace(choice, names=tuple(map(self.fitting, choice.names)))
        messages = tuple(
            replace(message, parts=tuple(map(self._fitted_part, message.parts)))
            for message in content.messages
        )
        tools = tuple(map(self._fitted_tool, content.tools))
        return replace(content, tools=tools, tool_choice=choice, messages=messages)

    def _fitted_tool(self, tool: Tool) -> Tool:
        return tool if tool.kind == "server" else replace(tool, name=self.fitting(tool.name))

    def _fitted_part(self, part: AnyPart) -> AnyPart:
        if not isinstance(part, ToolCall):
            return part
        return replace(part, name=self.fitting(part.name))


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
