"""Derive a pattern for the texts that could still grow into a match of a pattern.

A stream must hold back the end of a text while it may be the beginning of a match, and no more than
that. The beginnings of all matches are themselves a regular language. With P(r) for the prefixes
of r:

    P(a)       = a?                 one character or class
    P(r s)     = P(r) | r P(s)
    P(r | s)   = P(r) | P(s)
    P(r{n,m})  = r{0,m-1} P(r)
    P(\\b)      = the empty text     the character behind the end is not known yet

A search for P(r) that must end at the end of the text finds the longest tail that could still grow.
google-re2 searches backwards from the end in this case, so only the tail is read. Every prefix of a
prefix is a prefix, so a character that was released can never turn out to be part of a match.

Large repetitions count as unlimited. That makes P larger, so more is held back, never less.
"""

from collections.abc import Iterable
from typing import NamedTuple

from stockyard.errors import StockyardError

EXACT_COST = 300
"""Repetitions are exact while pattern length times count does not exceed this."""
MAX_DEPTH = 100
ANYTHING = r"(?s:.)*"


class Piece(NamedTuple):
    """A piece of a pattern, and the pattern of its prefixes. Both can be concatenated."""

    full: str
    grows: str


EMPTY = Piece("", "")


class UnusableError(StockyardError):
    """A valid pattern that no operator can want."""


def growing(pattern: str) -> str:
    """The pattern of every prefix of a match. `pattern` is valid in google-re2."""
    return _Reader(pattern).alternation().grows


class _Reader:
    """Parses a pattern that google-re2 has accepted, from left to right."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.flags = ""
        self.depth = 0

    def alternation(self) -> Piece:
        branches = [self._concatenation()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._concatenation())
        if len(branches) == 1:
            return branches[0]
        return Piece(_either(b.full for b in branches), _either(b.grows for b in branches))

    def _peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _concatenation(self) -> Piece:
        pieces: list[Piece] = []
        while (c := self._peek()) and c not in "|)":
            *literal, last = self._atom()
            pieces += [*literal, self._repeats(last)]
        return _joined(pieces)

    def _atom(self) -> list[Piece]:
        c = self._peek()
        if c == "(":
            return [self._group()]
        if c == "\\":
            return self._escape()
        if c == "[":
            return [self._leaf(self._class_end())]
        if c in "^$":
            return [self._assertion(1)]
        return [self._leaf(self.at + 1)]

    def _leaf(self, end: int) -> Piece:
        text = self._flagged(self.pattern[self.at : end])
        self.at = end
        return Piece(text, text + "?")

    def _assertion(self, length: int) -> Piece:
        text = self._flagged(self.pattern[self.at : self.at + length])
        self.at += length
        return Piece(text, "")

    def _flagged(self, text: str) -> str:
        return f"(?{self.flags}:{text})" if self.flags else text

    def _escape(self) -> list[Piece]:
        follows = self.pattern[self.at + 1]
        if follows in "bBAz":
            return [self._assertion(2)]
        if follows == "C":
            raise UnusableError(r"The pattern uses \C, which matches half a character.")
        if follows == "Q":
            return self._quoted()
        return [self._leaf(self._escape_end(self.at))]

    def _escape_end(self, at: int) -> int:
        follows, rest = self.pattern[at + 1], at + 2
        if follows in "pPx" and self.pattern[rest : rest + 1] == "{":
            return self.pattern.index("}", rest) + 1
        if follows == "x":
            return rest + 2
        if follows in "pP":
            return rest + 1
        if follows.isdigit():
            while rest < at + 4 and self.pattern[rest : rest + 1] in set("01234567"):
                rest += 1
        return rest

    def _quoted(self) -> list[Piece]:
        end = self.pattern.find(r"\E", self.at)
        literal = self.pattern[self.at + 2 : end if end >= 0 else None]
        self.at = end + 2 if end >= 0 else len(self.pattern)
        quoted = [self._flagged(rf"\x{{{ord(c):x}}}") for c in literal]
        return [Piece(c, c + "?") for c in quoted] or [EMPTY]

    def _class_end(self) -> int:
        at = self.at + 1
        at += self.pattern.startswith("^", at)
        at += self.pattern.startswith("]", at)
        while self.pattern[at] != "]":
            if self.pattern.startswith("[:", at) and ":]" in self.pattern[at:]:
                at = self.pattern.index(":]", at) + 2
            elif self.pattern[at] == "\\":
                at = self._escape_end(at)
            else:
                at += 1
        return at + 1

    def _group(self) -> Piece:
        outer = self.flags
        self.at += 1
        if self._peek() == "?":
            scoped = self._group_head()
            if not scoped:
                return EMPTY  # `(?i)` applies to the rest of the enclosing group
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnusableError("The pattern nests too deeply.")
        inside = self.alternation()
        self.depth -= 1
        self.at += 1
        self.flags = outer
        return inside

    def _group_head(self) -> bool:
        """Parse from `?` to the group's content. False if it has none."""
        self.at += 1
        if self._peek() in ("P", "<"):
            self.at = self.pattern.index(">", self.at) + 1
            return True
        start = self.at
        while self._peek() not in (":", ")"):
            self.at += 1
        on, _, off = self.pattern[start : self.at].partition("-")
        self.flags = "".join(sorted((set(self.flags) | set(on)) - set(off)))
        self.at += 1
        return self.pattern[self.at - 1] == ":"

    def _repeats(self, piece: Piece) -> Piece:
        while (bounds := self._quantifier()) is not None:
            piece = _repeated(piece, *bounds)
        return piece

    def _quantifier(self) -> tuple[int, int | None] | None:
        simple = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        c = self._peek()
        if c in simple:
            self.at += 1
            bounds: tuple[int, int | None] = simple[c]
        elif c == "{":
            counted = self._counted()
            if counted is None:
                return None
            bounds = counted
        else:
            return None
        self.at += self._peek() == "?"  # lazy or not, the language is the same
        return bounds

    def _counted(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}` or `{2,5}`; any other brace is a literal."""
        end = self.pattern.find("}", self.at)
        low, comma, high = self.pattern[self.at + 1 : max(end, 0)].partition(",")
        if not low.isdigit() or (high and not high.isdigit()):
            return None
        self.at = end + 1
        return int(low), (int(high) if high else None) if comma else int(low)


def _joined(pieces: list[Piece]) -> Piece:
    """Concatenated by halves, so that the depth of the result is the logarithm of its length."""
    if not pieces:
        return EMPTY
    if len(pieces) == 1:
        return pieces[0]
    left, right = _joined(pieces[: len(pieces) // 2]), _joined(pieces[len(pieces) // 2 :])
    return Piece(left.full + right.full, _either((left.grows, left.full + right.grows)))


def _repeated(piece: Piece, low: int, high: int | None) -> Piece:
    if piece == EMPTY or high == 0:
        return EMPTY
    one = f"(?:{piece.full})"
    if high == 1:
        return Piece(one if low else f"{one}?", piece.grows)
    # A Unicode class is hundreds of byte sequences: never worth counting.
    if high is None or len(one) * high > EXACT_COST or r"\p" in one:
        return Piece(one + ("+" if low else "*"), f"{one}*{piece.grows}")
    return Piece(f"{one}{{{low},{high}}}", f"{one}{{0,{high - 1}}}{piece.grows}")


def _either(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"
