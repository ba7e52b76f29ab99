"""Write Events as a stream of lines.

Texts go out as they come, calls whole, for that is how clients take them. The finish waits for the
usage, which other formats send after it, and both go out in the last line.
"""

from typing import Any, ClassVar

from msgspec.structs import replace

from stockyard.core.events import (
    ArgumentsDelta,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Image, ToolCall
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.layout import own_fields
from stockyard.wire.ollama_chat.errors import failed_stream
from stockyard.wire.ollama_chat.messages import encode_call
from stockyard.wire.ollama_chat.places import CHAT, Place
from stockyard.wire.ollama_chat.response import DONE_REASONS, moment, token_list
from stockyard.wire.ollama_chat.usage import write_usage
from stockyard.wire.surrogates import encode
from stockyard.wire.writer import ByEvent, Writer, summary_in


class _HeldCall:
    """A tool call whose arguments are arriving."""

    __slots__ = ("call", "pieces")

    def __init__(self, opened: PartStarted) -> None:
        self.call = opened.as_call()
        self.pieces: list[str] = []

    def result(self) -> ToolCall:
        return replace(self.call, arguments=self.call.arguments + "".join(self.pieces))


class OllamaWriter(Writer):
    def __init__(self, pen: Pen, place: Place) -> None:
        super().__init__()
        self._place = place
        self._head = {"model": pen.model, "created_at": moment(pen.created)}
        self._drops = Drops(CHAT)
        self._held: dict[str, _HeldCall] = {}
        self._calls = 0
        self._logprobs: list[Any] = []
        self._own: dict[str, Any] = {}
        """What the provider said of the whole answer, if it speaks this format."""
        self._finish: Finished | None = None
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        """`comment` is ignored: this format has no comments."""
        for key in list(self._held):
            self._write_call(key)
        self._write_ending()
        return self._taken()

    def fail(self, fault: Fault) -> bytes:
        return self._taken() + failed_stream(fault)

    def _say(self, **said: Any) -> None:
        message = {"role": "assistant", "content": "", **said}
        self._put({**self._place.put(message), "done": False})

    def _put(self, fields: dict[str, Any]) -> None:
        if self._logprobs:
            fields["logprobs"], self._logprobs = self._logprobs, []
        self._out.append(encode({**self._head, **fields}) + b"\n")

    def _started(self, event: Started) -> None:
        self._own = own_fields(event.extra, self._place.format)
        self._usage = event.usage or self._usage

    def _part_started(self, event: PartStarted) -> None:
        if event.kind == "tool_call" and event.kind_of_tool != "server":
            self._held[event.key] = _HeldCall(event)
        elif isinstance(event.whole, Image) and event.whole.data and self._place.format == CHAT:
            self._say(images=[event.whole.data])
        else:
            self._reasoning(ReasoningDelta(key=event.key, text=summary_in(event)))

    def _text(self, event: TextDelta | RefusalDelta) -> None:
        if event.text:
            self._say(content=event.text)

    def _reasoning(self, event: ReasoningDelta) -> None:
        if event.text:
            self._say(thinking=event.text)

    def _arguments(self, event: ArgumentsDelta) -> None:
        if (held := self._held.get(event.key)) is not None:
            held.pieces.append(event.text)

    def _part_ended(self, event: PartEnded) -> None:
        if event.key in self._held:
            self._write_call(event.key)

    def _write_call(self, key: str) -> None:
        call = self._held.pop(key).result()
        number, self._calls = self._calls, self._calls + 1
        if self._place.format == CHAT:
            self._say(tool_calls=[encode_call(call, self._drops, number)])

    def _logprobs_added(self, event: LogprobsAdded) -> None:
        # They belong to the text that follows, and go out with it.
        self._logprobs += token_list(event.value) or ()

    def _usage_seen(self, event: UsageSeen) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished) -> None:
        self._finish = self._finish or event

    def _write_ending(self) -> None:
        finish = self._finish or Finished(reason="stop")
        self._put(
            {
                **self._own,
                **own_fields(finish.extra, self._place.format),
                **self._place.put({"role": "assistant", "content": ""}),
                "done": True,
                "done_reason": DONE_REASONS[self._place.format].of_stream(finish),
                **(write_usage(self._usage) if self._usage is not None else {}),
            }
        )

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        PartStarted: _part_started,
        TextDelta: _text,
        RefusalDelta: _text,
        ReasoningDelta: _reasoning,
        ArgumentsDelta: _arguments,
        PartEnded: _part_ended,
        LogprobsAdded: _logprobs_added,
        UsageSeen: _usage_seen,
        Finished: _finished,
    }
