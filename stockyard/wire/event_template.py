"""Events of a stream that differ in one text only.

A model's answer usually arrives as hundreds of events that are equal but for a few characters. Once
one of them has been read, the others need no parser: they begin and end with the same bytes, and
what stands between is a JSON string that can hold nothing else.
"""


class EventTemplate:
    """The bytes before and after the text, in an event of one line."""

    __slots__ = ("_after", "_before", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        """`before` ends with the quote that opens the text, `after` begins with the closing one."""
        self._before = before
        self._after = after
        self._least = len(before) + len(after)

    @classmethod
    def of(cls, block: bytes, key: bytes) -> "EventTemplate | None":
        """That of a block in which `key`, such as `"content":`, stands once, with a plain text."""
        at = block.find(key)
        if at < 0 or block.find(key, at + 1) >= 0:
            return None
        opening = at + len(key)
        opening += block.startswith(b" ", opening)
        closing = block.find(b'"', opening + 1)
        if not block.startswith(b'"', opening) or b"\\" in block[opening:closing]:
            return None
        return cls(block[: opening + 1], block[closing:])

    def fits(self, run: bytes) -> bool:
        """Whether a run of whole blocks is one such event."""
        if len(run) < self._least or not run.startswith(self._before):
            return False
        if not run.endswith(self._after):
            return False
        text = run[len(self._before) : -len(self._after)]
        # A quote would end the string early, a backslash might hide its end, a line end is none.
        return b'"' not in text and b"\\" not in text and b"\n" not in text
