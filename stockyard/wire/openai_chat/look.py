"""Look on while a chat stream is forwarded as it came.

One small typed decode per event finds what the gateway must know: content, usage, the finish, an
error. Nothing is built from the text, and the bytes that go on are the ones that came.
"""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Traits
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import NOTHING_TOLD
from stockyard.wire.halves import decode_event
from stockyard.wire.openai_chat.response import FAILED_FINISHES, failed_finish, vendor_usage
from stockyard.wire.openai_chat.stream import DONE, is_whole
from stockyard.wire.openai_chat.stream_errors import error_of, not_chat
from stockyard.wire.sse import Blocks, clean, said
from stockyard.wire.usage import merged, read_chat_usage


class _Delta(Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    audio: Any = None

    def bears_content(self) -> bool:
        return bool(
            self.content
            or self.tool_calls
            or self.reasoning_content
            or self.reasoning
            or self.reasoning_details
            or self.refusal
            or self.function_call
            or self.audio
        )


class _FirstChoice(Struct, gc=False):
    delta: _Delta | None = None
    finish_reason: Any = None
    index: Any = 0
    usage: Any = None


class _Choice(Struct, gc=False):
    finish_reason: Any = None
    index: Any = 0
    usage: Any = None


class _FirstChunk(Struct, gc=False):
    """A chunk while nothing has been committed: its deltas matter."""

    choices: list[_FirstChoice] | None = None
    usage: Any = None
    model: Any = None
    error: Any = None
    object: Any = None
    x_groq: Any = None
    base_resp: Any = None


class _Chunk(Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None
    x_groq: Any = None
    base_resp: Any = None


_first_chunk = msgspec.json.Decoder(_FirstChunk).decode
_chunk = msgspec.json.Decoder(_Chunk).decode
_chunks = msgspec.json.Decoder(_Chunk).decode_lines


LAST_BLOCKS = 4
"""How many blocks at the end of a stream say more than text: finish, usage, the end mark."""


def is_dull(run: bytes, blocks: int) -> bool:
    """Whether these blocks say nothing but further text of the first choice.

    All of them are decoded in one call, as lines, which costs a third of one call for each.
    """
    if (
        run.count(b"\n") != 2 * blocks
        or run.count(b"\n\ndata: {") != blocks - 1
        or not run.startswith(b"data: {")
        or b"\r" in run
    ):
        return False
    try:
        chunks = _chunks(run[6:-2].replace(b"\n\ndata: ", b"\n"))
    except (ValueError, RecursionError):
        return False
    for chunk in chunks:
        choices = chunk.choices
        if not choices or len(choices) != 1 or chunk.usage or chunk.error:
            return False
        choice = choices[0]
        if choice.finish_reason is not None or choice.index != 0 or choice.usage:
            return False
        if chunk.x_groq or chunk.base_resp or chunk.object == "error":
            return False
    return True


class ChatLook:
    def __init__(self, *, traits: Traits, keep_usage: bool, native: bool) -> None:
        self._traits = traits
        self._keep_usage = keep_usage or native
        self._native = native
        self._blocks = Blocks()
        self._usage_said: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._finished: dict[Any, bool] = {}
        self._done = False
        self.content = False
        self.terminator = b""
        self.finish = ""
        self.model = ""
        self.before_error = b""

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
        passed: list[bytes] = []
        blocks = self._blocks.feed(data)
        start, end = 0, len(blocks) - LAST_BLOCKS
        try:
            while start < len(blocks):
                if start + 1 < end and self.content and not self._done:
                    run = b"".join(blocks[start:end])
                    if is_dull(run, end - start):
                        passed.append(run)
                        start = end
                    end = 0  # whatever came of it, once is enough
                else:
                    passed.append(self._pass(blocks[start]))
                    start += 1
        except UpstreamError:
            self.before_error = b"".join(passed)
            raise
        return passed[0] if len(passed) == 1 else b"".join(passed)

    def end(self) -> bytes:
        rest = self._blocks.rest()
        if self._native and not rest.strip():
            return self._kept(rest)
        if not rest.strip() or not is_whole(rest):
            return b""
        return self._pass(rest if self._native else rest.rstrip(b"\r\n") + b"\n\n")

    def _pass(self, block: bytes) -> bytes:
        """What of this block goes on now."""
        # The shape of nearly every event: one `data` line. The look at its parts costs as much as
        # the rest, so it is made only for others.
        one_line = block.find(b"\n") == len(block) - 2 and b"\r" not in block
        if one_line and block.startswith(b"data: {"):
            return self._see(block[6:-2], block)
        heard = said(block)
        if not self._native and not heard.plain:
            block = clean(heard, named=False)
        if not heard.data:
            return self._kept(block)
        if heard.data == DONE:
            if self._native or not self._done:
                self.terminator += block
            self._done = True
            return b""
        if heard.name == b"error":
            raise error_of(_loose(heard.data))
        return self._see(heard.data, block)

    def _see(self, data: bytes, block: bytes) -> bytes:
        chunk: _Chunk | _FirstChunk | None
        try:
            chunk = _chunk(data) if self.content else self._first(data)
        except (ValueError, RecursionError):
            chunk = self._odd(data)
            if chunk is None:
                return self._kept(block)
        if chunk.error or chunk.object == "error" or chunk.x_groq or chunk.base_resp:
            self._vendor(chunk, data)
        said_usage = chunk.usage
        choices = chunk.choices
        if choices:
            for choice in choices:
                if choice.finish_reason is not None:
                    self._finish(choice)
                elif choice.index not in self._finished:
                    self._finished[choice.index] = False
                if choice.usage:
                    said_usage = said_usage or choice.usage
        if said_usage:
            self._note_usage(said_usage)
            if not choices and not self._keep_usage:
                return b""
        return self._kept(block)

    def _first(self, data: bytes) -> _FirstChunk:
        chunk = _first_chunk(data)
        if not self.model and isinstance(chunk.model, str):
            self.model = chunk.model
        for choice in chunk.choices or ():
            if choice.delta is not None and choice.delta.bears_content():
                self.content = True
        return chunk

    def _finish(self, choice: _Choice | _FirstChoice) -> None:
        if choice.finish_reason in FAILED_FINISHES:
            raise failed_finish(choice.finish_reason)
        self.content = True
        if not self._finished.get(choice.index):
            self._finished[choice.index] = True
            if not self.finish:
                self.finish = str(choice.finish_reason)

    def _note_usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage_said = merged(self._usage_said, usage)
            self._usage = None

    def _vendor(self, chunk: _FirstChunk | _Chunk, data: bytes) -> None:
        """An error inside the stream, or usage in a field of the provider's own."""
        base = chunk.base_resp
        failed = isinstance(base, dict) and base.get("status_code") not in (0, None)
        vendor = chunk.x_groq if isinstance(chunk.x_groq, dict) else {}
        if chunk.error or chunk.object == "error" or vendor.get("error") or failed:
            raise error_of(_loose(data))
        if (usage := vendor_usage(vendor)) is not None:
            self._note_usage(usage)

    def _odd(self, data: bytes) -> _FirstChunk | None:
        """A chunk that the quick look cannot read: half characters, odd types, or no chunk."""
        value = _loose(data)
        if not isinstance(value, dict):
            if self._native:
                return None
            raise error_in_answer(NOTHING_TOLD) if value is None else not_chat()
        if not self._native and not isinstance(value.get("choices"), list | None):
            raise not_chat()
        items = [c for c in value.get("choices") or () if isinstance(c, dict)]
        value["choices"] = [
            {**c, "delta": c["delta"] if isinstance(c.get("delta"), dict) else None} for c in items
        ]
        chunk = msgspec.convert(value, _FirstChunk)
        for choice in chunk.choices or ():
            if choice.delta is not None and choice.delta.bears_content():
                self.content = True
        return chunk

    def _kept(self, block: bytes) -> bytes:
        """After the terminator nothing goes out; on native routes the bytes follow it."""
        if not self._done:
            return block
        if self._native:
            self.terminator += block
        return b""


def _loose(data: bytes) -> Any:
    try:
        return decode_event(data)
    except (ValueError, RecursionError):
        return None
