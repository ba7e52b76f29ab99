"""Tool call ids that the other side accepts, derived deterministically.

An id that fits is sent unchanged. Another is derived from a hash, so that every later request maps
it the same way and no server state is needed (`wire.md` 8).
"""

import hashlib
import re

from msgspec.structs import replace

from stockyard.core.messages import Message, ToolCall

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LENGTH = 24
_TOLD = 64


def derived(original: str, *, prefix: str, length: int = LENGTH) -> str:
    number = int.from_bytes(hashlib.sha256(original.encode("utf-8", "replace")).digest(), "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return prefix + "".join(digits)


def missing_id(answer: str, choice: int, position: int, name: str) -> str:
    """The id of a call that came without one."""
    return derived(f"{answer}\n{choice}\n{position}\n{name}", prefix="call_")


def with_call_ids(message: Message, answer_id: str, choice: int) -> Message:
    """The answer with a derived id for each call whose id is missing or repeated."""
    parts, seen = list(message.parts), set[str]()
    for position, part in enumerate(parts):
        if isinstance(part, ToolCall):
            if not part.id or part.id in seen:
                name = missing_id(answer_id, choice, position, part.name)
                parts[position] = part = replace(part, id=name)
            seen.add(part.id)
    return replace(message, parts=tuple(parts))


def unknown_call(call_id: str) -> str:
    """What is told of a result that is left out because nobody made its call."""
    return f"messages.tool_call_id:{call_id[:_TOLD]}"


def unanswered_call(call_id: str) -> str:
    """What is told of a call that nobody answered."""
    return f"messages.tool_calls.id:{call_id[:_TOLD]}"


class Ids:
    """Maps the ids of one request, or of one answer, to ids that the target accepts.

    Some providers number calls from 0 in every turn, so an original may stand for several calls.
    `call` is asked once per call in order of appearance, `result` finds the latest one.
    """

    __slots__ = ("_accepted", "_latest", "_length", "_prefix", "_taken")

    def __init__(self, accepted: re.Pattern[str], prefix: str, length: int = LENGTH) -> None:
        self._accepted = accepted
        self._prefix = prefix
        self._length = length
        self._latest: dict[str, str] = {}
        self._taken: set[str] = set()

    def call(self, original: str) -> str:
        fitting = self._fit(original, original)
        count = 1
        while fitting in self._taken:
            count += 1
            fitting = derived(f"{original}\n{count}", prefix=self._prefix, length=self._length)
        self._taken.add(fitting)
        self._latest[original] = fitting
        return fitting

    def result(self, original: str) -> str | None:
        """The id of the call that this result answers; None when there is no such call."""
        return self._latest.get(original)

    def _fit(self, original: str, source: str) -> str:
        if self._accepted.fullmatch(original):
            return original
        return derived(source, prefix=self._prefix, length=self._length)
