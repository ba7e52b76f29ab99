"""Read a chat stream: chunks in, Events out.

Providers of this format agree on the chunks and on little else. Tolerated here: any cutting of
bytes, comments, events without data, calls that come whole or without an id, a second call under
the same index, content lists, a finish that comes twice or before the last deltas, usage on any
chunk, an accumulated `message` beside `delta`, no `[DONE]`.

The finish is held until the stream ends, because deltas may still follow it.
"""

from collections.abc import Mapping
from typing import Any

from stockyard.core.events import (
    AudioDelta,
    CitationAdded,
    Event,
    Finished,
    LogprobsAdded,
    OpaqueEvent,
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
from stockyard.core.messages import AnyPart, Reasoning
from stockyard.core.money import Usage
from stockyard.wire.codec import Traits
from stockyard.wire.fields import FieldError
from stockyard.wire.openai_chat.calls import Calls, Keys, is_json
from stockyard.wire.openai_chat.messages import is_blank
from stockyard.wire.openai_chat.parts import (
    FORMAT,
    THOUGHTS,
    decode_parts,
    is_reference,
    thought_in,
)
from stockyard.wire.openai_chat.pictures import PICTURES, pictures_of
from stockyard.wire.openai_chat.reasoning import TEXT_FIELDS, decode_detail, text_field
from stockyard.wire.openai_chat.response import are_citations, finish_of, odd_finish, usage_beside
from stockyard.wire.openai_chat.stream_errors import error_of, not_chat, tells_error
from stockyard.wire.openai_chat.think_tags import TRAIT, ThinkTags
from stockyard.wire.reader import EventsReader
from stockyard.wire.sse import DONE, Blocks, LineBlocks, parse_block
from stockyard.wire.surrogates import decode_event, loose
from stockyard.wire.tool_names import NO_NAMES
from stockyard.wire.usage import merged, read_chat_usage
from stockyard.wire.width import check_room

_Object = dict[str, Any]

_CHUNK_FIELDS = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation", "p"}
)


class _Choice:
    """What has been seen of one choice."""

    __slots__ = ("calls", "finish", "index", "keys", "makers", "open", "tags")

    def __init__(self, index: int, tags: ThinkTags | None, keys: Keys, calls: Calls) -> None:
        self.index = index
        self.keys = keys
        self.calls = calls
        self.tags = tags
        """Tells thinking from text, where both come in one."""
        self.open: dict[str, str] = {}
        """Channel (text, refusal, ...) -> key of its part."""
        self.makers: dict[str, str | None] = {}
        """Channel -> format that made its thinking; not every piece names it."""
        self.finish: Any = None


def is_whole(block: bytes) -> bool:
    """Whether a final block without its blank line is complete enough to be used."""
    data = parse_block(block + b"\n\n").data
    return data == DONE or (data is not None and is_json(data.decode("utf-8", "replace")))


class ChatReader(EventsReader):
    is_whole = staticmethod(is_whole)

    def __init__(self, *, traits: Traits, names: Mapping[str, str] = NO_NAMES) -> None:
        super().__init__(blocks(traits))
        self._traits = traits
        self._names = names
        field = text_field(traits)
        self._fields = (field, *(f for f in TEXT_FIELDS if f != field)) if field else TEXT_FIELDS
        self._choices: dict[int, _Choice] = {}
        self._id = ""
        self._started = False
        self._done = False
        self._ended = False
        self._usage_said: _Object = {}
        self._usage: Usage | None = None

    @property
    def complete(self) -> bool:
        """`[DONE]`, or a finish of every choice."""
        if self._done:
            return True
        return bool(self._choices) and all(c.finish for c in self._choices.values())

    def _read(self, block: bytes, events: list[Event], /) -> None:
        heard = parse_block(block)
        if not heard.data:
            return
        if self._done:
            self._read_late(heard.data, events)
            return
        if heard.data == DONE:
            self._done = True
            self._end_all(events)
            return
        try:
            chunk = decode_event(heard.data)
            if heard.name == b"error" or tells_error(chunk):
                raise error_of(chunk)
            if not isinstance(chunk, dict):
                return
            self._read_chunk(chunk, events)
        except (FieldError, ValueError, RecursionError, TypeError, AttributeError):
            raise not_chat() from None

    def _read_late(self, data: bytes, events: list[Event]) -> None:
        """Counts may follow the end; nothing else that does is a part of the answer."""
        late = loose(data)
        usage = late.get("usage") if isinstance(late, dict) else None
        if isinstance(usage, dict):
            self._read_usage(usage, events)

    def _read_chunk(self, chunk: _Object, events: list[Event]) -> None:
        usage = chunk.get("usage") or usage_beside(chunk.get("x_groq"))
        if not self._ended:
            if not self._started:
                self._start(chunk, events)
            for item in chunk.get("choices") or ():
                self._read_choice(item, events)
                usage = usage or item.get("usage")
        if isinstance(usage, dict):
            self._read_usage(usage, events)

    def _start(self, chunk: _Object, events: list[Event]) -> None:
        self._started = True
        self._id = chunk.get("id") or ""
        created = chunk.get("created")
        extra = {key: value for key, value in chunk.items() if key not in _CHUNK_FIELDS}
        events.append(
            Started(
                id=self._id,
                model=chunk.get("model") or "",
                created=int(created) if isinstance(created, int | float) else 0,
                service_tier=chunk.get("service_tier"),
                extra={FORMAT: extra} if extra else {},
            )
        )

    def _read_usage(self, usage: _Object, events: list[Event]) -> None:
        self._usage_said = merged(self._usage_said, usage)
        read = read_chat_usage(self._usage_said, self._traits)
        if read is not None and read != self._usage:
            self._usage = read
            events.append(UsageSeen(usage=read))

    def _read_choice(self, item: _Object, events: list[Event]) -> None:
        index = item.get("index")
        index = index if type(index) is int else 0
        choice = self._choices.get(index)
        if choice is None:
            check_room(self._choices)
            choice = self._choices[index] = self._new_choice(index)
        if item.get("logprobs"):
            events.append(LogprobsAdded(value=item["logprobs"], choice=index))
        delta = item.get("delta")
        if delta:
            self._read_delta(choice, delta, events)
        finish = item.get("finish_reason")
        if finish is not None and not choice.finish:
            # Raises at once when the finish is a failure. An empty one is no word: some send it
            # with every chunk, and one with the end of a call.
            _, word = finish_of(finish, called=False)
            self.odd_finish = self.odd_finish or odd_finish(word or "")
            choice.finish = finish

    def _new_choice(self, index: int) -> _Choice:
        keys = Keys(index)
        calls = Calls(index, self._id, keys, self._pairs, self._names)
        return _Choice(index, ThinkTags() if TRAIT in self._traits else None, keys, calls)

    def _read_delta(self, choice: _Choice, delta: _Object, events: list[Event]) -> None:
        details = delta.get("reasoning_details")
        if details:
            self._read_details(choice, details, events)
        else:
            for field in self._fields:
                if text := delta.get(field):
                    self._say(choice, "reasoning", text, events)
                    break
        content = delta.get("content")
        if content:
            if isinstance(content, str):
                self._say_text(choice, content, events)
            else:
                self._read_list(choice, content, events)
        if refusal := delta.get("refusal"):
            self._say(choice, "refusal", refusal, events)
        if (audio := delta.get("audio")) and not is_blank(audio):
            self._say_audio(choice, audio, events)
        for picture in pictures_of(delta.get(PICTURES)):
            self._give(choice, "opaque", picture, events)
        for position, call in enumerate(delta.get("tool_calls") or ()):
            choice.calls.read(call, position, events)
        if legacy := delta.get("function_call"):
            choice.calls.read_legacy(legacy, events)
        if notes := delta.get("annotations"):
            self._annotate(choice, notes, events)

    def _annotate(self, choice: _Choice, notes: Any, events: list[Event]) -> None:
        if not are_citations(notes):
            events.append(OpaqueEvent(format=FORMAT, value=notes, name="annotations"))
            return
        key = self._channel(choice, "text", events)
        events += [
            CitationAdded(key=key, format=FORMAT, value=note, choice=choice.index) for note in notes
        ]

    def _read_list(self, choice: _Choice, items: list[Any], events: list[Event]) -> None:
        """Read content that is a list of texts, reasoning and other parts."""
        for item in items:
            if isinstance(item, str):
                self._say(choice, "text", item, events)
            elif item.get("type") in THOUGHTS:
                if thought := thought_in(item):
                    self._say(choice, "reasoning", thought, events)
            elif "text" in item:
                if text := item["text"]:
                    self._say(choice, "text", text, events)
            elif is_reference(item):
                key = self._channel(choice, "text", events)
                events.append(
                    CitationAdded(key=key, format=FORMAT, value=item, choice=choice.index)
                )
            else:
                (part,) = decode_parts([item], "content")
                self._give(choice, "opaque", part, events)

    def _give(self, choice: _Choice, kind: PartKind, part: AnyPart, events: list[Event]) -> None:
        """A part that comes in one piece."""
        key = choice.keys.new()
        started = PartStarted(key=key, kind=kind, choice=choice.index, whole=part)
        events += [started, PartEnded(key=key, choice=choice.index)]

    def _say_text(self, choice: _Choice, text: str, events: list[Event]) -> None:
        if choice.tags is None:
            self._say(choice, "text", text, events)
            return
        for channel, piece in choice.tags.feed(text):
            self._say(choice, channel, piece, events)

    def _say(self, choice: _Choice, channel: PartKind, text: str, events: list[Event]) -> None:
        key = self._channel(choice, channel, events)
        text = self._pairs.join(key, text)
        if text:
            events.append(_DELTAS[channel](key=key, text=text, choice=choice.index))

    def _channel(self, choice: _Choice, channel: str, events: list[Event], **seed: Any) -> str:
        key = choice.open.get(channel)
        if key is None:
            check_room(choice.open)
            choice.calls.end_finished(events)
            key = choice.open[channel] = choice.keys.new()
            kind = _KINDS.get(channel, "reasoning")
            events.append(PartStarted(key=key, kind=kind, choice=choice.index, **seed))
        return key

    def _read_details(self, choice: _Choice, details: list[Any], events: list[Event]) -> None:
        """Pieces of reasoning: those with the same `index` and type belong together."""
        for item in details:
            part = decode_detail(item, "reasoning_details")
            channel = f"detail {item.get('index')} {item.get('type')}"
            sealed = part.encrypted is not None or part.redacted is not None
            if sealed:
                self._give(choice, "reasoning", part, events)
                continue
            if item.get("format"):
                choice.makers[channel] = part.made_by
            seed = Reasoning(made_by=part.made_by, extra=part.extra)
            key = self._channel(choice, channel, events, whole=seed)
            text = self._pairs.join(key, part.text or "".join(part.summary))
            if text:
                events.append(ReasoningDelta(key=key, text=text, choice=choice.index))
            if part.signature:
                events.append(
                    SignatureDelta(
                        key=key,
                        signature=part.signature,
                        made_by=choice.makers.get(channel, part.made_by),
                        choice=choice.index,
                    )
                )

    def _say_audio(self, choice: _Choice, audio: _Object, events: list[Event]) -> None:
        if not isinstance(audio, dict):
            raise not_chat()
        key = self._channel(choice, "audio", events)
        events.append(AudioDelta(key=key, value=audio, choice=choice.index))

    def _end_all(self, events: list[Event]) -> None:
        if self._ended:
            return
        self._ended = True
        for choice in self._choices.values():
            for kind, piece in choice.tags.end() if choice.tags is not None else ():
                self._say(choice, kind, piece, events)
            for channel, key in choice.open.items():
                if rest := self._pairs.end(key):
                    delta = _DELTAS[_KINDS.get(channel, "reasoning")]
                    events.append(delta(key=key, text=rest, choice=choice.index))
                events.append(PartEnded(key=key, choice=choice.index))
            choice.calls.end(events)
            if choice.finish is not None:
                reason, native = finish_of(choice.finish, called=choice.calls.any)
                events.append(Finished(reason=reason, native=native, choice=choice.index))


_KINDS: dict[str, PartKind] = {
    "text": "text",
    "reasoning": "reasoning",
    "refusal": "refusal",
    "audio": "audio",
}
_DELTAS: dict[str, Any] = {
    "text": TextDelta,
    "reasoning": ReasoningDelta,
    "refusal": RefusalDelta,
}


def blocks(traits: Traits) -> Blocks:
    """What cuts a provider's stream into events."""
    return LineBlocks() if "single_lf_events" in traits else Blocks()
