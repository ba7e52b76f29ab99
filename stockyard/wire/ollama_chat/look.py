"""Watch a forwarded stream of JSON lines for usage, the finish and errors.

The last line is kept here: it ends the answer, and goes out when the call has been settled.
"""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.wire.finishes import odd
from stockyard.wire.look import Look, read_as
from stockyard.wire.ndjson import Lines
from stockyard.wire.ollama_chat.response import FINISHES
from stockyard.wire.ollama_chat.stream import error_of, is_whole, not_ollama
from stockyard.wire.ollama_chat.usage import ANSWERED, ASKED, read_usage
from stockyard.wire.surrogates import loose


class _Message(Struct, gc=False):
    content: Any = None
    thinking: Any = None
    tool_calls: Any = None


class _Line(Struct, gc=False):
    model: Any = None
    message: _Message | None = None
    response: Any = None
    thinking: Any = None
    done: Any = None
    done_reason: Any = None
    error: Any = None
    prompt_eval_count: Any = None
    eval_count: Any = None

    def bears_content(self) -> bool:
        said = self.message
        if said is not None and (said.content or said.thinking or said.tool_calls):
            return True
        return bool(self.response or self.thinking)


_LINE = msgspec.json.Decoder(_Line)

# Beginning and end of a line that cannot say more than that the stream goes on, as Ollama writes
# it; any other spelling is decoded.
_DULL = (b'{"model":', b',"done":false}\n')


class OllamaLook(Look[bytes]):
    def __init__(self, *, native: bool) -> None:
        self._lines = Lines()
        super().__init__(self._lines, native=native)
        self._after_cr = False
        """The last line ended with CR, so that a LF alone may be the rest of its end."""
        self.usage: Usage | None = None

    @property
    def complete(self) -> bool:
        return bool(self.terminator)

    def end(self) -> bytes:
        rest = self._lines.rest()
        if self._native and not is_whole(rest):
            return self._kept(rest)
        if not is_whole(rest):
            return b""
        return self._pass_on(rest if self._native else rest.rstrip() + b"\n")

    def _pass(self, line: bytes, /) -> bytes:
        begin, end = _DULL
        if self.content and line.startswith(begin) and line.endswith(end):
            return self._kept(line)
        ends_cr, self._after_cr = self._after_cr and line == b"\n", line.endswith(b"\r")
        if not line.strip():
            # Clients take every line for a document.
            return self._kept(line) if self._native or ends_cr else b""
        said = read_as(_LINE, line)
        if said is None:
            if self._native:
                return self._kept(line)
            raise not_ollama()
        if said.error:
            raise error_of(loose(line))
        self._see(said)
        if not said.done or self.terminator:
            return self._kept(line)
        self.terminator = line
        return b""

    def _see(self, said: _Line) -> None:
        if not self.model and isinstance(said.model, str):
            self.model = said.model
        if said.done and not self.finish:
            self.content = True
            self.finish = str(said.done_reason or "stop")
            self.odd_finish = odd(self.finish, FINISHES)
            counts = {ASKED: said.prompt_eval_count, ANSWERED: said.eval_count}
            self.usage = read_usage(counts) or self.usage
        elif not self.content and said.bears_content():
            self.content = True

    def _late(self, line: bytes, /) -> bytes:
        return self._kept(line)

    def _kept(self, line: bytes) -> bytes:
        """After the last line nothing goes out; on native routes the bytes follow it."""
        if not self.terminator:
            return line
        if self._native or not line.strip():
            return self._keep(line)
        return b""
