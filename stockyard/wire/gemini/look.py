"""Watch a forwarded stream of the format for usage, the finish and errors.

Clients of this format stumble over everything but their events. On unified routes, comments, event
names and end marks of another format therefore stay here; on native routes all bytes pass.
"""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.finishes import odd
from stockyard.wire.gemini.framing import Envelope, Frame, Frames
from stockyard.wire.gemini.response import (
    KNOWN_FINISHES,
    UNFINISHED,
    block_reason,
    failed_finish,
    is_failure,
    number_of,
)
from stockyard.wire.gemini.stream import is_whole, not_gemini
from stockyard.wire.gemini.usage import UsageSoFar
from stockyard.wire.look import Look
from stockyard.wire.surrogates import loose
from stockyard.wire.width import check_room


class _Candidate(Struct, gc=False):
    finishReason: Any = None
    index: Any = 0


class _Answer(Struct, gc=False):
    candidates: list[_Candidate] | None = None
    usageMetadata: Any = None
    promptFeedback: Any = None
    error: Any = None


class _Content(Struct, gc=False):
    parts: Any = None


class _FirstCandidate(_Candidate, gc=False):
    content: _Content | None = None

    def bears_content(self) -> bool:
        parts = self.content.parts if self.content is not None else None
        return isinstance(parts, list) and any(map(_bears_content, parts))


class _FirstAnswer(Struct, gc=False):
    """An event while nothing has been committed: its parts matter."""

    candidates: list[_FirstCandidate] | None = None
    usageMetadata: Any = None
    promptFeedback: Any = None
    error: Any = None
    modelVersion: Any = None


_answer = msgspec.json.Decoder(_Answer).decode
_first_answer = msgspec.json.Decoder(_FirstAnswer).decode


class GeminiLook(Look[Frame]):
    def __init__(self, frames: Frames, envelope: Envelope, *, native: bool) -> None:
        super().__init__(frames, native=native)
        self._frames = frames
        self._envelope = envelope
        self._usage_said = UsageSoFar()
        self._finished: dict[int, bool] = {}
        self._blocked = False

    @property
    def usage(self) -> Usage | None:
        return self._usage_said.usage()

    @property
    def complete(self) -> bool:
        if self._finished:
            return all(self._finished.values())
        return self._blocked

    def end(self) -> bytes:
        frame = self._frames.rest()
        if not frame.document:
            return frame.raw if self._native or frame.plain else b""
        if is_whole(frame.document):
            return self._pass(frame)
        return frame.raw if self._native else b""

    def _pass(self, frame: Frame, /) -> bytes:
        if frame.document:
            self._see(frame.document)
        if self._native or frame.plain:
            return frame.raw
        return self._envelope.again(frame.document) if frame.document else b""

    def _see(self, document: bytes) -> None:
        try:
            answer = _answer(document) if self.content else _first_answer(document)
        except (ValueError, RecursionError):
            odd = self._odd(document)
            if odd is None:
                return
            answer = odd
        if answer.error:
            raise error_in_answer(error_body({"error": answer.error}))
        if not self.content and isinstance(answer, _FirstAnswer):
            self._see_first(answer)
        for candidate in answer.candidates or ():
            self._see_candidate(candidate)
        if isinstance(answer.usageMetadata, dict):
            self._usage_said.add(answer.usageMetadata)
        if answer.promptFeedback is not None and (why := block_reason(answer.promptFeedback)):
            # It is an answer: the prompt was refused.
            self._blocked = self.content = True
            self.finish = self.finish or why

    def _see_first(self, answer: _FirstAnswer) -> None:
        if not self.model and isinstance(answer.modelVersion, str):
            self.model = answer.modelVersion
        if any(candidate.bears_content() for candidate in answer.candidates or ()):
            self.content = True

    def _see_candidate(self, candidate: _Candidate) -> None:
        finish, index = candidate.finishReason, number_of(candidate.index)
        if index not in self._finished:
            check_room(self._finished)
        if finish is None or finish in UNFINISHED:
            self._finished.setdefault(index, False)
            return
        if is_failure(finish) and not self._native:
            raise failed_finish(finish)
        self.content = self._finished[index] = True
        self.finish = self.finish or str(finish)
        self.odd_finish = self.odd_finish or odd(finish, KNOWN_FINISHES)

    def _odd(self, document: bytes) -> _FirstAnswer | None:
        """An event that the quick look cannot read: half characters, odd types, or no event."""
        value = loose(document)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, dict):
            try:
                return msgspec.convert(value, _FirstAnswer)
            except ValueError:
                pass
        if self._native:
            return None
        raise not_gemini()


def _bears_content(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    return bool(part.get("text")) or any(key not in _PROVES_NOTHING for key in part)


_PROVES_NOTHING = frozenset({"text", "thought", "thoughtSignature"})
