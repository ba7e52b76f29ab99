"""Assemble the tool calls of a chat stream from their chunks.

The format says neither when a call ends nor, with every provider, what it is called.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.core.events import ArgumentsDelta, Event, PartEnded, PartStarted, SignatureDelta
from stockyard.wire.openai_chat.messages import is_blank
from stockyard.wire.surrogates import SurrogatePairs, encode
from stockyard.wire.tool_ids import missing_id
from stockyard.wire.width import check_room

PATIENCE = 4 * 1024 * 1024
"""Bytes of unfinished arguments that are parsed, at most, to see whether they are finished."""

_Object = dict[str, Any]


class Keys:
    """Generates the part keys of one choice."""

    __slots__ = ("_choice", "_made")

    def __init__(self, choice: int) -> None:
        self._choice = choice
        self._made = 0

    def new(self) -> str:
        self._made += 1
        return f"{self._choice}.{self._made}"


class _Call:
    """One tool call while its arguments arrive."""

    __slots__ = ("arguments", "id", "key", "open", "signed")

    def __init__(self, key: str, call_id: str) -> None:
        self.key = key
        self.id = call_id
        self.arguments: list[str] = []
        self.open = True
        self.signed = False


class _Nameless:
    """A call whose name has not arrived yet."""

    __slots__ = ("arguments", "custom", "id", "signature")

    def __init__(self, *, custom: bool) -> None:
        self.custom = custom
        self.id = ""
        self.arguments: list[Any] = []
        self.signature: str | None = None


class Calls:
    """The tool calls of one choice."""

    __slots__ = (
        "_answer_id",
        "_by_index",
        "_choice",
        "_ids",
        "_keys",
        "_nameless",
        "_names",
        "_open",
        "_pairs",
        "_patience",
    )

    def __init__(
        self,
        choice: int,
        answer_id: str,
        keys: Keys,
        pairs: SurrogatePairs,
        names: Mapping[str, str],
    ) -> None:
        """`names`: derived tool names -> the names the client uses."""
        self._choice = choice
        self._answer_id = answer_id
        self._keys = keys
        self._pairs = pairs
        self._names = names
        self._by_index: dict[int | None, _Call] = {}
        """None is the index of the one call of the older form."""
        self._ids: set[str] = set()
        self._nameless: dict[int, _Nameless] = {}
        self._open: dict[str, _Call] = {}
        """Those whose end is not told yet, by key."""
        self._patience = PATIENCE

    @property
    def any(self) -> bool:
        return bool(self._ids or self._nameless)

    def read(self, item: _Object, position: int, events: list[Event]) -> None:
        index = item.get("index")
        index = position if index is None else index
        # Only the first piece of a call names its type.
        custom = isinstance(item.get("custom"), dict)
        function = item.get("custom" if custom else "function") or {}
        call, call_id, name = self._by_index.get(index), item.get("id"), function.get("name")
        call_id = call_id if isinstance(call_id, str) else ""
        # Some providers send a second call under the same index: a new id is a new call.
        arguments = function.get("input" if custom else "arguments")
        if call is None or (call_id and call_id != call.id and name):
            begun = self._nameless.pop(index, None) or _Nameless(custom=custom)
            begun.id = call_id or begun.id
            begun.signature = _signature(item) or begun.signature
            if arguments is not None:
                begun.arguments.append(arguments)
            if not name:
                # The name comes in a later chunk: a call cannot start without it.
                check_room(self._nameless)
                self._nameless[index] = begun
                return
            if call is not None:
                self._end(call, events)
            self._by_index[index] = self._told(begun, name, events)
            return
        self._sign(call, _signature(item), events)
        self._grow(call, arguments, events)

    def read_legacy(self, item: _Object, events: list[Event]) -> None:
        """A call in the form that came before tool calls: there is only one."""
        call = self._by_index.get(None)
        if call is None:
            if is_blank(item):
                return
            call = self._by_index[None] = self._begin("", item.get("name") or "", events)
        self._grow(call, item.get("arguments"), events)

    def end_finished(self, events: list[Event]) -> None:
        """When another part starts and the arguments are whole, nothing more can come; a writer
        that has one part open at a time needs to know."""
        for call in list(self._open.values()) if self._patience > 0 else ():
            if call.arguments and self._is_finished(call):
                self._end(call, events)

    def _is_finished(self, call: _Call) -> bool:
        if self._patience <= 0:
            return False
        text = "".join(call.arguments)
        if is_json(text):
            return True
        # Its beginning may be huge and its end never come, while parts start all the time.
        self._patience -= len(text) + 64
        return False

    def end(self, events: list[Event]) -> None:
        while self._nameless:
            index, begun = self._nameless.popitem()
            self._by_index[index] = self._told(begun, "", events)
        for call in self._by_index.values():
            self._end(call, events)

    def _told(self, begun: _Nameless, name: str, events: list[Event]) -> _Call:
        self.end_finished(events)
        call = self._begin(begun.id, name, events, custom=begun.custom)
        self._sign(call, begun.signature, events)
        for arguments in begun.arguments:
            self._grow(call, arguments, events)
        return call

    def _begin(
        self, call_id: str, name: str, events: list[Event], *, custom: bool = False
    ) -> _Call:
        if not call_id or call_id in self._ids:
            call_id = missing_id(self._answer_id, self._choice, len(self._ids), name)
        check_room(self._ids)
        self._ids.add(call_id)
        call = _Call(self._keys.new(), call_id)
        self._open[call.key] = call
        events.append(
            PartStarted(
                key=call.key,
                kind="tool_call",
                choice=self._choice,
                id=call_id,
                name=self._names.get(name, name),
                kind_of_tool="custom" if custom else "function",
            )
        )
        return call

    def _sign(self, call: _Call, signature: str | None, events: list[Event]) -> None:
        if signature is not None and call.open and not call.signed:
            call.signed = True
            events.append(SignatureDelta(key=call.key, signature=signature, choice=self._choice))

    def _grow(self, call: _Call, arguments: Any, events: list[Event]) -> None:
        if arguments is None or arguments == "":
            return
        if not isinstance(arguments, str):
            arguments = encode(arguments).decode()
        text = self._pairs.join(call.key, arguments)
        if text and call.open:
            call.arguments.append(text)
            events.append(ArgumentsDelta(key=call.key, text=text, choice=self._choice))

    def _end(self, call: _Call, events: list[Event]) -> None:
        if call.open:
            call.open = False
            del self._open[call.key]
            if rest := self._pairs.end(call.key):
                events.append(ArgumentsDelta(key=call.key, text=rest, choice=self._choice))
            events.append(PartEnded(key=call.key, choice=self._choice))


def is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _signature(item: _Object) -> str | None:
    found: Any = item.get("extra_content")
    for key in ("google", "thought_signature"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
