"""Write Events as a Responses stream.

Every item and every part is opened, told again whole, and closed; readers rely on each of these
events (`wire.md` 4.3). Events are numbered from 0 without gaps.

Some clients keep items in the order in which they are done. So a message and a piece of reasoning
are done when the next item opens, and a text that goes on after that goes on in an item of its own.
Only calls may be open side by side.
"""

from typing import Any, ClassVar

from msgspec.structs import replace

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartKind,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Opaque, Reasoning, Refusal, Text
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.openai_responses.errors import failed_events
from stockyard.wire.openai_responses.open_items import (
    OpenContent,
    OpenItem,
    OpenItems,
    OpenThought,
)
from stockyard.wire.openai_responses.parts import FORMAT, remembered
from stockyard.wire.openai_responses.reasoning import GAP, belongs_to, encode_reasoning
from stockyard.wire.openai_responses.response import annotations, likelihoods
from stockyard.wire.openai_responses.snapshot import Snapshot
from stockyard.wire.openai_responses.turn import drawn
from stockyard.wire.openai_responses.usage import write_usage
from stockyard.wire.openai_responses.written_calls import WrittenCalls
from stockyard.wire.surrogates import encode
from stockyard.wire.writer import ByEvent, Writer, summary_in

_Object = dict[str, Any]


# A delta in one piece: the numbers and the text are all that changes.
_TEXT_DELTA = (
    b"event: response.output_text.delta\ndata: "
    b'{"type":"response.output_text.delta","sequence_number":%d,"item_id":%b,'
    b'"output_index":%d,"content_index":%d,"delta":%b,"logprobs":%b}\n\n'
)


class ResponsesWriter(Writer):
    def __init__(self, pen: Pen) -> None:
        super().__init__()
        self._pen = pen
        self._snapshot = Snapshot(pen, {}, None)
        self._begun = False
        self._items = OpenItems(self._out, pen.id)
        self._message: OpenItem | None = None
        self._parts: dict[str, PartStarted] = {}
        self._contents: dict[str, OpenContent] = {}
        self._calls = WrittenCalls(self._items)
        self._thought: OpenThought | None = None
        self._logprobs: list[Any] = []
        self._finish: Finished | None = None
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        self._begin()
        finish = self._finish
        cut = finish is not None and finish.reason in ("length", "content_filter")
        self._close_all("incomplete" if cut else "completed")
        snapshot = self._snapshot.finished(
            self._items.values(),
            self._counted(),
            finish.reason if finish else None,
            finish.native if finish else None,
        )
        out = self._taken()
        self._items.say(f"response.{snapshot['status']}", response=snapshot)
        return out + comment + self._taken()

    def fail(self, fault: Fault) -> bytes:
        self._begin()
        snapshot = self._snapshot.failed(self._items.done_values(), self._counted(), {})
        return self._taken() + failed_events(fault, snapshot, self._items.number)

    def _counted(self) -> _Object | None:
        return None if self._usage is None else write_usage(self._usage, own=self._snapshot.ours)

    # The answer.

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._items.say("response.created", response=self._snapshot.under_way())
            self._items.say("response.in_progress", response=self._snapshot.under_way())

    def _started(self, said: Started) -> None:
        if not self._begun:
            self._snapshot = Snapshot(self._pen, said.extra, said.service_tier, said.id)
            self._usage = said.usage
        self._begin()

    def _usage_seen(self, said: UsageSeen) -> None:
        self._usage = said.usage

    def _finished(self, said: Finished) -> None:
        self._finish = self._finish or said

    # Items.

    def _open(self, value: _Object) -> OpenItem:
        self._make_way()
        return self._items.open(value)

    def _make_way(self) -> None:
        """Close an open message or reasoning item before the next item opens."""
        self._begin()
        self._end_thought()
        self._end_message()

    def _close_all(self, status: str) -> None:
        self._end_thought()
        self._calls.end_all()
        self._end_message(status)

    def _part_started(self, said: PartStarted) -> None:
        if said.key in self._parts:
            return  # Opening it again would put it into the answer twice.
        self._parts[said.key] = said
        if said.kind in ("text", "refusal"):
            self._start_spoken(said)
        elif said.kind == "reasoning":
            self._start_thought(said)
            self._reasoning(ReasoningDelta(key=said.key, text=summary_in(said, GAP)))
        elif said.kind == "tool_call" and said.kind_of_tool != "server":
            self._make_way()
            self._calls.start(said, self._snapshot.names)
        elif said.whole is not None:
            whole = drawn(said.whole)
            if isinstance(whole, Opaque) and whole.format == FORMAT:
                value = dict(whole.value)
                self._items.done(self._open(value), value)

    def _part_ended(self, said: PartEnded) -> None:
        if said.key in self._contents:
            self._end_content(self._contents[said.key])
        else:
            self._calls.end(said.key)

    def _argued(self, said: ArgumentsDelta) -> None:
        self._calls.argue(said)

    # Messages.

    def _start_spoken(self, said: PartStarted) -> None:
        whole = said.whole if isinstance(said.whole, Text | Refusal) else None
        known = remembered(whole.extra if whole is not None else said.extra)
        own = known.get("item")
        if self._message is None or own is not None:
            value = {"type": "message", **(own or {}), "role": "assistant", "content": []}
            self._message = self._open(value)
        content = OpenContent(self._message, "output_text" if said.kind == "text" else "refusal")
        self._message.content.append(content)
        self._contents[said.key] = content
        self._items.say_of(
            self._message, "content_part.added", content_index=content.index, part=content.value()
        )

    def _content(self, key: str) -> OpenContent | None:
        """The content part for more of this text; a new one if its message is closed."""
        content = self._contents.get(key)
        if content is None or content.open:
            return content
        kind: PartKind = "refusal" if content.kind == "refusal" else "text"
        self._start_spoken(PartStarted(key=key, kind=kind))
        return self._contents[key]

    def _text(self, said: TextDelta) -> None:
        content = self._content(said.key) if said.text else None
        if content is None:
            return
        content.pieces.append(said.text)
        logprobs, self._logprobs = self._logprobs, []
        content.logprobs += logprobs
        item = content.item
        self._items.say_bytes(
            _TEXT_DELTA
            % (
                self._items.number,
                encode(item.id),
                item.index,
                content.index,
                encode(said.text),
                encode(logprobs),
            )
        )

    def _refusal(self, said: RefusalDelta) -> None:
        content = self._content(said.key) if said.text else None
        if content is not None:
            content.pieces.append(said.text)
            self._items.say_of(
                content.item, "refusal.delta", content_index=content.index, delta=said.text
            )

    def _logprobs_added(self, said: LogprobsAdded) -> None:
        found = said.value.get("content") if isinstance(said.value, dict) else None
        if isinstance(found, list):
            self._logprobs += likelihoods(found)

    def _cited(self, said: CitationAdded) -> None:
        content = self._contents.get(said.key)
        if content is None or not content.open:
            return
        for note in annotations((said.value,)):
            self._items.say_of(
                content.item,
                "output_text.annotation.added",
                content_index=content.index,
                annotation_index=len(content.annotations),
                annotation=note,
            )
            content.annotations.append(note)

    def _end_content(self, content: OpenContent) -> None:
        if not content.open:
            return
        content.open = False
        value, place = content.value(), {"content_index": content.index}
        if content.kind == "refusal":
            self._items.say_of(content.item, "refusal.done", **place, refusal=value["refusal"])
        else:
            if self._logprobs:
                # Some formats tell them after the text.
                content.logprobs += self._logprobs
                self._logprobs = []
                value = content.value()
            said = {"text": value["text"], "logprobs": value["logprobs"]}
            self._items.say_of(content.item, "output_text.done", **place, **said)
        self._items.say_of(content.item, "content_part.done", **place, part=value)

    def _end_message(self, status: str = "completed") -> None:
        item, self._message = self._message, None
        if item is None:
            return
        for content in item.content:
            self._end_content(content)
        values = [content.value() for content in item.content]
        self._items.done(item, {**item.value, "status": status, "content": values})

    # Reasoning.

    def _start_thought(self, said: PartStarted) -> None:
        part = said.whole if isinstance(said.whole, Reasoning) else Reasoning(extra=said.extra)
        if self._thought is not None and belongs_to(part, self._thought.whole()):
            sealed, thought = part, self._thought
            thought.part = replace(thought.part, encrypted=sealed.encrypted, made_by=sealed.made_by)
            return
        own = remembered(part.extra).get("own", {})
        item = self._open({"id": "", **own, "type": "reasoning", "summary": []})
        self._thought = OpenThought(said.key, item, part)

    def _thinking(self, key: str) -> OpenThought | None:
        """The open piece of reasoning if it is this one."""
        thought = self._thought
        return thought if thought is not None and thought.key == key else None

    def _reasoning(self, said: ReasoningDelta) -> None:
        if not said.text or self._parts.get(said.key) is None:
            return
        if self._thinking(said.key) is None:
            self._start_thought(PartStarted(key=said.key, kind="reasoning"))
        thought = self._thinking(said.key)
        if thought is None:
            return
        if not thought.pieces:
            part = {"type": "summary_text", "text": ""}
            self._items.say_of(
                thought.item, "reasoning_summary_part.added", summary_index=0, part=part
            )
        thought.pieces.append(said.text)
        self._items.say_of(
            thought.item, "reasoning_summary_text.delta", summary_index=0, delta=said.text
        )

    def _signature(self, said: SignatureDelta) -> None:
        thought = self._thinking(said.key)
        if thought is not None:
            earlier = thought.signed[0] if thought.signed is not None else ""
            thought.signed = (earlier + said.signature, said.made_by)

    def _end_thought(self) -> None:
        thought, self._thought = self._thought, None
        if thought is None:
            return
        item, whole = thought.item, thought.whole()
        if text := "".join(thought.pieces):
            part = {"type": "summary_text", "text": text}
            self._items.say_of(item, "reasoning_summary_text.done", summary_index=0, text=text)
            self._items.say_of(item, "reasoning_summary_part.done", summary_index=0, part=part)
        value = encode_reasoning([whole], answer=True) or {}
        self._items.done(item, {**value, "id": item.id})

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        UsageSeen: _usage_seen,
        Finished: _finished,
        PartStarted: _part_started,
        PartEnded: _part_ended,
        TextDelta: _text,
        RefusalDelta: _refusal,
        LogprobsAdded: _logprobs_added,
        CitationAdded: _cited,
        ReasoningDelta: _reasoning,
        SignatureDelta: _signature,
        ArgumentsDelta: _argued,
    }
