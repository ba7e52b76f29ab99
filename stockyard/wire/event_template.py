"""Recognise stream events that differ only in one text, without parsing them.

An answer usually arrives as hundreds of events that differ in a few characters. Once one has been
parsed, the others need no parser: they start and end with the same bytes, and what is between them
is a JSON string, which can hold nothing else.
"""


class EventTemplate:
    """The bytes before and after the text in a one-line event."""

    __slots__ = ("_after", "_before", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        """`before` ends with the quote that opens the text, `after` begins with the closing one."""
        self._before = before
        self._after = after
        self._least = len(before) + len(after)

    @classmethod
    def of(cls, block: bytes, key: bytes) -> "EventTemplate | None":
        """The template of a block that has `key`, such as `"content":`, once and with a plain
        string."""
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
        """Whether these bytes are exactly one such event."""
        if len(run) < self._least or not run.startswith(self._before):
            return False
        if not run.endswith(self._after):
            return False
        text = run[len(self._before) : -len(self._after)]
        # A quote would end the string early, a backslash might hide its end, a line break is not
        # allowed.
        return b'"' not in text and b"\\" not in text and b"\n" not in text
