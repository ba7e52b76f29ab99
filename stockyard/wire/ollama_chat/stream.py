"""Read a stream of lines: each a small answer, the last one `done`, into Events.

Calls come whole, and without ids from older versions. The last line may say something too.
"""

from typing import Any

from stockyard.core.events import (
    ArgumentsDelta,
    Event,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartKind,
    PartStarted,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import ToolCall
from stockyard.errors import UpstreamError
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.finishes import odd
from stockyard.wire.ndjson import Lines
from stockyard.wire.ollama_chat.messages import decode_assistant, decode_images
from stockyard.wire.ollama_chat.places import Place
from stockyard.wire.ollama_chat.response import FINISHES, finish_of, from_tokens, seconds_of
from stockyard.wire.ollama_chat.usage import ANSWERED, ASKED, read_usage
from stockyard.wire.reader import Reader
from stockyard.wire.surrogates import decode_event, loose

_Object = dict[str, Any]

_CHANNELS: dict[PartKind, tuple[str, Any]] = {
    "reasoning": ("thinking", ReasoningDelta),
    "text": ("content", TextDelta),
}
_TAKEN = frozenset({"model", "created_at", "done", "done_reason", "logprobs", ASKED, ANSWERED})


class OllamaReader(Reader[bytes]):
    def __init__(self, place: Place) -> None:
        self._lines = Lines()
        super().__init__(self._lines)
        self._place = place
        self._open: tuple[PartKind, str] | None = None
        """The channel whose part is open, and the part's key."""
        self._made = 0
        self._ids = ""
        """What the ids of calls without one are made from."""
        self._calls = 0
        self._started = False
        self._done = False

    @property
    def complete(self) -> bool:
        return self._done

    def _read_rest(self, events: list[Event]) -> None:
        rest = self._lines.rest()
        if is_whole(rest):
            self._read(rest, events)

    def _read(self, line: bytes, events: list[Event], /) -> None:
        if self._done or not line.strip():
            return
        try:
            answer = decode_event(line)
            if tells_error(answer):
                raise error_of(answer)
            self._read_answer(answer, events)
        except (FieldError, ValueError, RecursionError, TypeError, AttributeError, KeyError):
            raise not_ollama() from None

    def _read_answer(self, answer: _Object, events: list[Event]) -> None:
        if not self._started:
            self._start(answer, events)
        if tokens := answer.get("logprobs"):
            events.append(LogprobsAdded(value=from_tokens(tokens)))
        if self._place.key in answer:
            self._read_message(self._place.taken(answer), events)
        if answer.get("done"):
            self._finish(answer, events)

    def _start(self, answer: _Object, events: list[Event]) -> None:
        self._started = True
        model, created = answer.get("model"), answer.get("created_at")
        self._ids = str(created)
        name = model if isinstance(model, str) else ""
        events.append(Started(model=name, created=seconds_of(created)))

    def _read_message(self, message: _Object, events: list[Event]) -> None:
        for channel, (field, _) in _CHANNELS.items():
            if text := message.get(field):
                self._say(channel, text, events)
        if images := message.get("images"):
            self._close(events)
            for image in decode_images(Fields({"images": images}, self._place.key)):
                key = self._key()
                started = PartStarted(key=key, kind="opaque", whole=image)
                events += [started, PartEnded(key=key)]
        if calls := message.get("tool_calls"):
            self._close(events)
            said = Fields({"tool_calls": calls}, self._place.key)
            for part in decode_assistant(said, self._ids, self._calls).parts:
                if isinstance(part, ToolCall):
                    self._call(part, events)

    def _say(self, channel: PartKind, text: str, events: list[Event]) -> None:
        if self._open is None or self._open[0] != channel:
            self._close(events)
            self._open = (channel, self._key())
            events.append(PartStarted(key=self._open[1], kind=channel))
        key = self._open[1]
        if text := self._pairs.join(key, text):
            events.append(_CHANNELS[channel][1](key=key, text=text))

    def _call(self, call: ToolCall, events: list[Event]) -> None:
        self._calls += 1
        key = self._key()
        extra = call.extra
        events += [
            PartStarted(key=key, kind="tool_call", id=call.id, name=call.name, extra=extra),
            ArgumentsDelta(key=key, text=call.arguments),
            PartEnded(key=key),
        ]

    def _close(self, events: list[Event]) -> None:
        if self._open is None:
            return
        channel, key = self._open
        self._open = None
        if rest := self._pairs.end(key):
            events.append(_CHANNELS[channel][1](key=key, text=rest))
        events.append(PartEnded(key=key))

    def _finish(self, answer: _Object, events: list[Event]) -> None:
        self._done = True
        self._close(events)
        if (usage := read_usage(answer)) is not None:
            events.append(UsageSeen(usage=usage))
        word = answer.get("done_reason")
        finish = None if word is None else str(word)
        self.odd_finish = odd(finish, FINISHES)
        reason, native = finish_of(finish, called=bool(self._calls))
        own = {key: value for key, value in answer.items() if key not in _TAKEN}
        events.append(Finished(reason=reason, native=native, extra={self._place.format: own}))

    def _key(self) -> str:
        self._made += 1
        return f"0.{self._made}"


def error_of(answer: Any) -> UpstreamError:
    return error_in_answer(error_body(answer))


def tells_error(answer: Any) -> bool:
    return isinstance(answer, dict) and bool(answer.get("error"))


def not_ollama() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not a stream of answers.")


def is_whole(line: bytes) -> bool:
    """Whether a final line without its line end is complete enough to be used."""
    return isinstance(loose(line), dict)
