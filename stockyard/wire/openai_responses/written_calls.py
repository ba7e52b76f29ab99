"""Write the tool calls of a stream, the only items that may be open side by side.

A call is held until it is whole where its text stands inside its arguments: of a tool that takes
free text the model wrote the JSON of a function's arguments, and the client is told the text. A
call of a tool that runs at the client's has no events of its own.
"""

from msgspec.structs import replace

from stockyard.core.events import ArgumentsDelta, PartStarted
from stockyard.core.messages import ToolCall
from stockyard.wire.free_text import as_input
from stockyard.wire.openai_responses.calls import Names, encode_call
from stockyard.wire.openai_responses.open_items import OpenItem, OpenItems


class WrittenCalls:
    def __init__(self, items: OpenItems) -> None:
        self._items = items
        self._open: dict[str, _Call] = {}

    def start(self, said: PartStarted, names: Names) -> None:
        call = said.as_call()
        value = encode_call(call, names)
        custom = value["type"] == "custom_tool_call"
        local = call.kind == "function" and call.name in names.local
        held = (custom and call.kind != "custom") or local
        item = self._items.open(value)
        self._open[said.key] = _Call(item, call, names, custom=custom, held=held, local=local)

    def argue(self, said: ArgumentsDelta) -> None:
        call = self._open.get(said.key)
        if call is None or not said.text:
            return
        call.pieces.append(said.text)
        if not call.held:
            self._items.say_of(call.item, f"{call.events}.delta", delta=said.text)

    def end(self, key: str) -> None:
        call = self._open.pop(key, None)
        if call is None:
            return
        said = call.call.arguments + "".join(call.pieces)
        if call.local:
            whole = encode_call(replace(call.call, arguments=said), call.names)
            self._items.done(call.item, {**whole, "status": "completed"})
            return
        if call.held:
            said = as_input(said)
            self._items.say_of(call.item, f"{call.events}.delta", delta=said)
        elif not said and not call.custom:
            # Clients parse what they have, and "" is no JSON.
            said = "{}"
            self._items.say_of(call.item, f"{call.events}.delta", delta=said)
        field = "input" if call.custom else "arguments"
        self._items.say_of(call.item, f"{call.events}.done", **{field: said})
        self._items.done(call.item, {**call.item.value, "status": "completed", field: said})

    def end_all(self) -> None:
        for key in list(self._open):
            self.end(key)


class _Call:
    __slots__ = ("call", "custom", "events", "held", "item", "local", "names", "pieces")

    def __init__(
        self,
        item: OpenItem,
        call: ToolCall,
        names: Names,
        *,
        custom: bool,
        held: bool,
        local: bool,
    ) -> None:
        self.item = item
        self.call = call
        self.names = names
        self.custom = custom
        self.events = "custom_tool_call_input" if custom else "function_call_arguments"
        self.held = held
        self.local = local
        self.pieces: list[str] = []
