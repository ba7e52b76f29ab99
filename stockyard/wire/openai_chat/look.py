"""Watch a forwarded chat or completions stream for usage, the finish and errors.

One small typed decode per event finds what the gateway must know: content, usage, the finish, an
error. Nothing is built from the text, and the bytes that go on are the ones that came.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Traits
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import NO_ERROR_BODY
from stockyard.wire.event_template import EventTemplate
from stockyard.wire.look import EventsLook
from stockyard.wire.openai_chat.burst import Chunk, FirstChunk, read_chunk, read_first, telling
from stockyard.wire.openai_chat.plain import plain_for
from stockyard.wire.openai_chat.response import (
    FAILED_FINISHES,
    failed_finish,
    odd_finish,
    usage_beside,
)
from stockyard.wire.openai_chat.stream import blocks, is_whole
from stockyard.wire.openai_chat.stream_errors import error_of, not_chat
from stockyard.wire.sse import DONE, DONE_EVENT, clean, cut, parse_block
from stockyard.wire.surrogates import loose
from stockyard.wire.usage import merged, read_chat_usage, write_chat_usage
from stockyard.wire.width import MAX_EVENTS, check_room, too_much

NO_USAGE = b',"usage":null'
"""In every chunk when usage was requested. If we requested it, strict clients fail on it. It cannot
be part of a text, where the quotes are escaped."""

LESSONS = 3
"""How many pieces of a stream are looked at for what its events have in common."""

_LAST = b"\n\n" + DONE_EVENT
"""The end mark behind an event. What only ends like it is a line that says something else."""


class ChatLook(EventsLook):
    object_name = "chat.completion.chunk"
    """What every chunk calls itself."""
    text_key = b'"content":'
    """The bytes before the text in them."""
    is_whole = staticmethod(is_whole)

    def __init__(self, *, traits: Traits, keep_usage: bool, native: bool) -> None:
        super().__init__(None if native else blocks(traits), native=native)
        self._traits = traits
        self._keep_usage = keep_usage or native
        self._plain = None if native else plain_for(traits)
        self._usage_said: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._told = native
        """Whether usage stood where clients of the format look for it."""
        self._finished: dict[int, bool] = {}
        self._named: tuple[Any, Any] | None = None
        """Id and time of the answer, as every chunk has them."""
        self._template: EventTemplate | None = None
        self._lessons = LESSONS if self._plain is None else 0

    @property
    def usage(self) -> Usage | None:
        """Read when asked for: some providers repeat it in every chunk."""
        if self._usage is None and self._usage_said:
            self._usage = read_chat_usage(self._usage_said, self._traits)
        return self._usage

    @property
    def complete(self) -> bool:
        return self._done or (bool(self._finished) and all(self._finished.values()))

    def feed(self, data: bytes) -> bytes:
        return self._asked_for(self._feed(data))

    def _asked_for(self, passed: bytes) -> bytes:
        return passed if self._keep_usage else passed.replace(NO_USAGE, b"")

    def _feed(self, data: bytes) -> bytes:
        run = self._blocks.run(data)
        if run is None:
            return self._singly(self._blocks.feed(data))
        template = self._template
        if template is not None:
            if template.fits(run) and not self._done:
                return run
        elif self._lessons and self.content:
            self._learn(run)
        skimmed = self._skim(run)
        return skimmed if skimmed is not None else self._singly(cut(run))

    def _learn(self, run: bytes) -> None:
        """See whether this is one chunk of text: more of the same tell nothing to be noted."""
        self._lessons -= 1
        if not run.startswith(b"data: {") or run.find(b"\n") != len(run) - 2:
            return
        if telling((run[7:-2],), content=True, begun=0 in self._finished) == []:
            self._template = EventTemplate.of(run, self.text_key)

    def _singly(self, blocks: Sequence[bytes]) -> bytes:
        passed: list[bytes] = []
        try:
            self._pieces += len(blocks)
            if self._pieces > MAX_EVENTS:
                raise too_much("events")
            passed.extend(map(self._pass_on, blocks))
        except UpstreamError:
            self.before_error = self._asked_for(b"".join(passed))
            raise
        return passed[0] if len(passed) == 1 else b"".join(passed)

    def _skim(self, run: bytes) -> bytes | None:
        """What of these blocks goes on; None, and nothing noted, when they must be read one by one.

        Nearly every read brings plain chunks only: one `data` line each, no error, then perhaps the
        end mark. They are decoded in one call, as lines, which costs a third of one call for each.
        """
        ends = run.endswith(_LAST)
        text = run[: -len(DONE_EVENT)] if ends else run
        if self._done or self._plain is not None or not text.startswith(b"data: {"):
            return None
        parts = text[7:-2].split(b"\n\ndata: {")
        # Joined, because to search one piece is quick, and to count its line ends is not.
        if b"\n" in b"".join(parts):
            return None
        told = telling(parts, content=self.content, begun=self.content and 0 in self._finished)
        if told is None:
            return None
        stays = [place for place, chunk in told if not self._note(chunk)]
        if stays:
            for place in reversed(stays):
                del parts[place]
            text = b"data: {%b\n\n" % b"\n\ndata: {".join(parts) if parts else b""
        if ends:
            text += self._owed()
            self.terminator += DONE_EVENT
            self._done = True
        return text

    def _owed(self) -> bytes:
        """Usage that was said in fields of the provider's own only, for a client that asked."""
        if self._told or not self._keep_usage or self.usage is None:
            return b""
        self._told = True
        return self.tell_usage(self.usage)

    def tell_usage(self, usage: Usage) -> bytes:
        name, created = self._named or (None, None)
        chunk: dict[str, Any] = {
            "id": name,
            "object": self.object_name,
            "created": created,
            "model": self.model,
            "choices": [],
            "usage": write_chat_usage(usage),
        }
        return b"data: %b\n\n" % msgspec.json.encode(chunk)

    def _pass(self, block: bytes, /) -> bytes:
        # The shape of nearly every event: one `data` line. The look at its parts costs as much as
        # the rest, so it is made only for others.
        one_line = block.find(b"\n") == len(block) - 2 and b"\r" not in block
        if one_line and block.startswith(b"data: {"):
            return self._see(block[6:-2], block)
        heard = parse_block(block)
        if not self._native and (not heard.plain or heard.name):
            block = clean(heard, named=False)
        if not heard.data:
            # Clients choke on data that is empty; comments do no harm.
            return self._kept(block if self._native or heard.data is None else b"")
        if heard.data == DONE:
            return self._owed() + self._end_with(block)
        if heard.name == b"error":
            raise error_of(loose(heard.data))
        return self._see(heard.data, block)

    def _see(self, data: bytes, block: bytes) -> bytes:
        chunk: Chunk | FirstChunk | None
        if self._plain is not None and (plain := self._plain(data)) is not data:
            data, block = plain, b"data: %b\n\n" % plain
        try:
            chunk = read_chunk(data) if self.content else read_first(data)
        except (ValueError, RecursionError):
            chunk = self._odd(data)
            if chunk is None:
                return self._kept(block)
        if chunk.error or chunk.object == "error" or chunk.x_groq or chunk.base_resp:
            self._look_beside(chunk, data)
        return self._kept(block) if self._note(chunk) else b""

    def _note(self, chunk: Chunk | FirstChunk) -> bool:
        """Note what a chunk says. Returns whether to forward it."""
        if isinstance(chunk, FirstChunk) and not self.content:
            self._note_first(chunk)
        said_usage = chunk.usage
        choices = chunk.choices
        if choices:
            for choice in choices:
                index = choice.index if type(choice.index) is int else 0
                # An empty finish reason means nothing: some send it with every chunk, one with the
                # end of a call.
                if choice.finish_reason:
                    self._finish(index, str(choice.finish_reason))
                elif index not in self._finished:
                    check_room(self._finished)
                    self._finished[index] = False
                if choice.usage:
                    said_usage = said_usage or choice.usage
        if said_usage:
            self._told = self._told or bool(chunk.usage)
            self._note_usage(said_usage)
            return bool(choices) or self._keep_usage
        return True

    def _note_first(self, chunk: FirstChunk) -> None:
        if not self.model and isinstance(chunk.model, str):
            self.model = chunk.model
        self._named = self._named or (chunk.id, chunk.created)
        for choice in chunk.choices or ():
            if choice.bears_content():
                self.content = True

    def _finish(self, index: int, word: str) -> None:
        if word in FAILED_FINISHES:
            raise failed_finish(word)
        self.content = True
        if not self._finished.get(index):
            check_room(self._finished)
            self._finished[index] = True
            if not self.finish:
                self.finish = word
            self.odd_finish = self.odd_finish or odd_finish(word)

    def _note_usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage_said = merged(self._usage_said, usage)
            self._usage = None

    def _look_beside(self, chunk: FirstChunk | Chunk, data: bytes) -> None:
        """An error inside the stream, or usage in a field of the provider's own."""
        base = chunk.base_resp
        failed = isinstance(base, dict) and base.get("status_code") not in (0, None)
        beside = chunk.x_groq if isinstance(chunk.x_groq, dict) else {}
        if chunk.error or chunk.object == "error" or beside.get("error") or failed:
            raise error_of(loose(data))
        if (usage := usage_beside(beside)) is not None:
            self._note_usage(usage)

    def _odd(self, data: bytes) -> FirstChunk | None:
        """A chunk that the quick look cannot read: half characters, odd types, or no chunk."""
        value = loose(data)
        if not isinstance(value, dict):
            if self._native:
                return None
            raise error_in_answer(NO_ERROR_BODY) if value is None else not_chat()
        if not self._native and not isinstance(value.get("choices"), list | None):
            raise not_chat()
        choices = value.get("choices")
        items = [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []
        value["choices"] = [
            {**c, "delta": c["delta"] if isinstance(c.get("delta"), dict) else None} for c in items
        ]
        return msgspec.convert(value, FirstChunk)
