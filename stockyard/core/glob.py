"""Match names against patterns in which `*` stands for any text, and nothing else is special."""


class Glob:
    """One pattern, split at its stars once, so that matching is plain string search."""

    __slots__ = ("_first", "_last", "_middle", "literal", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        pieces = pattern.split("*")
        self.literal = len(pieces) == 1
        self._first, self._middle, self._last = pieces[0], pieces[1:-1], pieces[-1]

    def __len__(self) -> int:
        """The length of its literal text: the longer, the more specific the pattern."""
        return len(self.pattern.replace("*", ""))

    def matches(self, text: str) -> bool:
        if self.literal:
            return text == self.pattern
        if not text.startswith(self._first):
            return False
        at, end = len(self._first), len(text) - len(self._last)
        for piece in self._middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end and text.endswith(self._last)

    def star(self, text: str) -> str:
        """The part of a matching text that the pattern's only `*` stands for."""
        return text[len(self._first) : len(text) - len(self._last)]


class Globs:
    """Several patterns, any of which may match. An empty set matches nothing."""

    __slots__ = ("_globs", "_names")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        globs = [Glob(pattern) for pattern in patterns]
        self._names = frozenset(glob.pattern for glob in globs if glob.literal)
        self._globs = tuple(glob for glob in globs if not glob.literal)

    def __bool__(self) -> bool:
        return bool(self._names or self._globs)

    def match(self, text: str) -> bool:
        return text in self._names or any(glob.matches(text) for glob in self._globs)
