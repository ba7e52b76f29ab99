"""The head of a provider's answer while its end has not come yet."""

import re

from stockyard.errors import UpstreamError

HEAD_END = b"\r\n\r\n"
START = b"HTTP/1."
_BROKEN_LINE = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|\x00")


class PartialHead:
    """Collects the bytes of a head over several reads: in linear time, however they were cut.

    What no further byte can make valid is refused at once, instead of waiting for a deadline.
    """

    __slots__ = ("_data", "_limit")

    def __init__(self, data: bytes, limit: int) -> None:
        """`data` contains no end of a head. `limit`: the largest head in bytes. Raises
        `bad_answer`."""
        self._data = bytearray(data)
        self._limit = limit
        self._check(0)

    def add(self, data: bytes) -> bytes | None:
        """All bytes so far, once they contain the end of a head. Raises `bad_answer`."""
        held = self._data
        seen = max(0, len(held) - len(HEAD_END) + 1)
        held += data
        if held.find(HEAD_END, seen) >= 0:
            return bytes(held)
        self._check(seen)
        return None

    def _check(self, seen: int) -> None:
        held = self._data
        if len(held) > self._limit:
            raise oversized_head()
        if held[: len(START)] != START[: len(held)] or _BROKEN_LINE.search(held, seen):
            raise malformed_head()


def malformed_head() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's answer has a malformed head.")


def oversized_head() -> UpstreamError:
    return UpstreamError("bad_answer", "The head of the provider's answer is too large.")
