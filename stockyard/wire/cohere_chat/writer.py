"""Write Events as a stream.

One part is open at a time, because clients collect into the one they saw last. Text may go on in a
new content; a tool call may not, so what belongs to another part waits until the call has ended.
The finish waits for the usage, which other formats send after it.
"""

from typing import Any, ClassVar

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
)
from stockyard.core.messages import Reasoning
from stockyard.wire.argument_pieces import ArgumentPieces
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.cohere_chat.citations import cites_here
from stockyard.wire.cohere_chat.errors import failed_stream
from stockyard.wire.cohere_chat.messages import PLAN
from stockyard.wire.cohere_chat.parts import FORMAT
from stockyard.wire.cohere_chat.response import FINISH_REASONS
from stockyard.wire.cohere_chat.usage import write_usage
from stockyard.wire.layout import layout_of
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.surrogates import encode
from stockyard.wire.writer import ByEvent, SerialWriter, summary_in

_CONTENT_DELTA = (
    b'event: content-delta\ndata: {"type":"content-delta","index":%d,'
    b'"delta":{"message":{"content":{"%b":%b}}}}\n\n'
)
_CALL_DELTA = (
    b'event: tool-call-delta\ndata: {"type":"tool-call-delta","index":%d,'
    b'"delta":{"message":{"tool_calls":{"function":{"arguments":%b}}}}}\n\n'
)
_PLAN_DELTA = (
    b'event: tool-plan-delta\ndata: {"type":"tool-plan-delta",'
    b'"delta":{"message":{"tool_plan":%b}}}\n\n'
)
_END = b'event: %b-end\ndata: {"type":"%b-end","index":%d}\n\n'


class CohereWriter(SerialWriter):
    terminator = DONE_EVENT

    def __init__(self, pen: Pen) -> None:
        super().__init__(pen)
        self._contents = self._calls = self._citations = 0
        self._written = False
        """Whether the open call has any arguments yet."""
        self._free_text: ArgumentPieces | None = None
        """The open call's input, if its tool takes free text."""

    def fail(self, fault: Fault) -> bytes:
        return self._taken() + failed_stream(fault)

    def _note_start(self, event: Started) -> None:
        self._usage = event.usage or self._usage

    def _part_started(self, event: PartStarted) -> None:
        self._parts[event.key] = event
        if event.kind == "tool_call" and event.kind_of_tool != "server":
            self._start_call(event)
        else:
            self._thinking(ReasoningDelta(key=event.key, text=summary_in(event)))

    def _text(self, event: TextDelta | RefusalDelta) -> None:
        if event.text and self._reopened(event.key, b"text"):
            self._out.append(_CONTENT_DELTA % (self._contents - 1, b"text", encode(event.text)))

    def _thinking(self, event: ReasoningDelta) -> None:
        part = self._parts.get(event.key)
        if not event.text or part is None:
            return
        if _is_plan(part):
            self._out.append(_PLAN_DELTA % encode(event.text))
        elif self._reopened(event.key, b"thinking"):
            said = (self._contents - 1, b"thinking", encode(event.text))
            self._out.append(_CONTENT_DELTA % said)

    def _argued(self, event: ArgumentsDelta) -> None:
        if event.text and self._is_open(event.key):
            free = self._free_text
            self._add_arguments(event.text if free is None else free.add(event.text))

    def _cited(self, event: CitationAdded) -> None:
        if cites_here(event.value):
            number, self._citations = self._citations, self._citations + 1
            delta = {"message": {"citations": event.value}}
            self._event("citation-start", index=number, delta=delta)
            self._out.append(_END % (b"citation", b"citation", number))

    def _start_call(self, part: PartStarted) -> None:
        self._begin()
        self._close()
        self._open, self._written = part, False
        self._free_text = ArgumentPieces(part) if part.kind_of_tool == "custom" else None
        number, self._calls = self._calls, self._calls + 1
        function = {"name": part.name or "", "arguments": ""}
        call = {"id": part.id or "", "type": "function", "function": function}
        delta = {"message": {"tool_calls": call}}
        self._event("tool-call-start", index=number, delta=delta)

    def _add_arguments(self, text: str) -> None:
        if not text:
            return
        self._written = True
        self._out.append(_CALL_DELTA % (self._calls - 1, encode(text)))

    def _reopened(self, key: str, kind: bytes) -> bool:
        """Make this part's content the open one."""
        if self._is_open(key):
            return True
        part = self._parts.get(key)
        if part is None:
            return False
        self._begin()
        self._close()
        self._open = part
        number, self._contents = self._contents, self._contents + 1
        content = {"type": kind.decode(), kind.decode(): ""}
        self._event("content-start", index=number, delta={"message": {"content": content}})
        return True

    def _close(self) -> None:
        part, self._open = self._open, None
        if part is None:
            return
        if part.kind != "tool_call":
            self._out.append(_END % (b"content", b"content", self._contents - 1))
            return
        if self._free_text is not None:
            self._add_arguments(self._free_text.rest())
        if not self._written:
            # A call without arguments: clients parse what they have, and "" is no JSON.
            self._add_arguments("{}")
        self._out.append(_END % (b"tool-call", b"tool-call", self._calls - 1))

    def _write_start(self) -> None:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": [],
            "tool_plan": "",
            "tool_calls": [],
            "citations": [],
        }
        self._event("message-start", id=self._pen.id, delta={"message": message})

    def _write_ending(self) -> None:
        delta: dict[str, Any] = {"finish_reason": FINISH_REASONS.of_stream(self._finish)}
        if self._usage is not None:
            delta["usage"] = write_usage(self._usage)
        self._event("message-end", delta=delta)

    def _event(self, kind: str, **fields: object) -> None:
        data = encode({"type": kind, **fields})
        self._out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))

    by_event: ClassVar[ByEvent] = {
        **SerialWriter.by_event,
        PartStarted: _part_started,
        TextDelta: _text,
        RefusalDelta: _text,
        ReasoningDelta: _thinking,
        ArgumentsDelta: _argued,
        CitationAdded: _cited,
    }


def _is_plan(part: PartStarted) -> bool:
    return isinstance(part.whole, Reasoning) and layout_of(part.whole.extra, FORMAT) == PLAN
