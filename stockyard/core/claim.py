"""A call that is made once for all who ask for it under the same `Idempotency-Key`.

The first who asks makes it. What it gets is recorded as it is sent, and everybody else reads the
record from its beginning (`redelivery.py`), while the call runs or later. So all of them get the
same bytes, whatever the format.

    running     the record grows. It is given up when it becomes too large: who reads already gets
                the rest, but nobody else can join, and nothing is kept
    over        a complete answer is kept until it expires. A refused, failed or cut one is not, so
                the next who asks makes the call again

The call is held up only while nobody who gets its answer can take more. Who reads more slowly than
others falls behind. As long as the record is kept anyway that takes no memory; afterwards those who
are too far behind are cut off.
"""

from typing import NamedTuple, Protocol

from stockyard.core.money import Usage
from stockyard.core.target import Target
from stockyard.errors import StockyardError

MAX_BEHIND_BYTES = 1024 * 1024
"""How far a reader may be behind the others, once the record is not kept."""
MAX_READERS = 1000
PIECE_BYTES = 64
"""What a piece takes in memory besides its bytes."""


class Maker(Protocol):
    """The call that is made."""

    def hold_up(self) -> None:
        """Nobody can take more for now."""

    def go_on(self) -> None:
        """Somebody can."""

    def unwanted(self) -> None:
        """Nobody is left who wants the answer."""


class Reader(Protocol):
    """Somebody else who gets the answer."""

    paused: bool
    behind_bytes: int
    """What it has not taken yet."""

    def feed(self, piece: bytes) -> None:
        """There is more of the answer."""

    def wake(self) -> None:
        """The call is over."""

    def cut_off(self) -> None:
        """It is too far behind."""


class Shelf(Protocol):
    """Where Claims are kept."""

    def has_room_for(self, claim: "Claim", more: int) -> bool:
        """Make room for so many more bytes of a record. False if that cannot be done."""

    def keep(self, claim: "Claim") -> None:
        """The answer is complete."""

    def release(self, claim: "Claim") -> None:
        """The next who asks makes the call again."""


class Terms(NamedTuple):
    """What is promised to those who repeat the call."""

    keep_seconds: float
    max_bytes: int
    """A larger answer is not kept."""
    goes_on: bool
    """Whether the call goes on when nobody waits for it any more, for those who come back."""


class Claim:
    __slots__ = (
        "_first_is_here",
        "_first_is_slow",
        "_held_up",
        "_maker",
        "_readers",
        "answer_bytes",
        "error",
        "fields",
        "fingerprint",
        "is_cut",
        "is_kept",
        "is_over",
        "is_whole",
        "maker_id",
        "name",
        "pieces",
        "shelf",
        "size_bytes",
        "status",
        "target",
        "terms",
        "until",
        "usage",
    )

    def __init__(
        self, name: bytes, fingerprint: bytes, maker_id: str, terms: Terms, shelf: Shelf
    ) -> None:
        self.name = name
        """Stands for who asks, and for the key."""
        self.fingerprint = fingerprint
        """Stands for what is asked."""
        self.maker_id = maker_id
        """The id of the call that is made."""
        self.terms = terms
        self.shelf = shelf
        self.until = 0.0
        """When it expires, on the clock of its shelf."""
        self.status = 0
        """0 until the answer begins."""
        self.fields = b""
        """The header lines of the answer, without those that are different for each call."""
        self.pieces: list[bytes] = []
        self.answer_bytes = 0
        self.size_bytes = 0
        """What the record takes in memory."""
        self.is_whole = False
        """The answer is one piece of a known length."""
        self.is_kept = True
        """Whether the record is complete as far as the answer came."""
        self.is_over = False
        self.is_cut = False
        """The answer has no proper end."""
        self.error: StockyardError | None = None
        self.target: Target | None = None
        self.usage: Usage | None = None
        self._readers: dict[str, Reader] = {}
        self._maker: Maker | None = None
        """Known from when it has to be steered."""
        self._held_up = False
        self._first_is_here = True
        self._first_is_slow = False

    # The answer comes

    def begin(self, status: int, fields: bytes, target: Target | None) -> None:
        self.status = status
        self.fields = fields
        if target is not None:
            self.target = Target(target.provider, target.model)

    def add(self, piece: bytes) -> None:
        """Record a piece, and give it to those who read already."""
        self.answer_bytes += len(piece)
        if self.is_kept:
            self._record(piece)
        for reader in tuple(self._readers.values()):
            reader.feed(piece)
            if not self.is_kept and reader.paused and reader.behind_bytes > MAX_BEHIND_BYTES:
                reader.cut_off()
        if not self.is_wanted:
            self._dismiss()

    def _record(self, piece: bytes) -> None:
        size = len(piece) + PIECE_BYTES
        if self.answer_bytes > self.terms.max_bytes or not self.shelf.has_room_for(self, size):
            self.give_up()
        else:
            self.pieces.append(piece)
            self.size_bytes += size

    def give_up(self) -> None:
        """Keep no record. The next who asks makes the call again."""
        self.shelf.release(self)
        self.is_kept = False
        self.pieces = []

    def end(self, error: StockyardError | None = None, *, cut: bool = False) -> None:
        """The call is over, and nothing more of the answer will come."""
        if self.is_over:
            return
        self.is_over = True
        self.is_cut = cut
        self.error = error
        self._maker = None
        if error is None and not cut and self.is_kept and 200 <= self.status < 300:
            self.shelf.keep(self)
        else:
            self.shelf.release(self)
        for reader in tuple(self._readers.values()):
            reader.wake()

    # Who gets it

    @property
    def takes_readers(self) -> bool:
        return self.is_kept and len(self._readers) < MAX_READERS

    def join(self, reader_id: str, reader: Reader) -> None:
        self._readers[reader_id] = reader
        self._steer()

    def leave(self, reader_id: str) -> None:
        if self._readers.pop(reader_id, None) is None:
            return
        if self.is_wanted:
            self._steer()
        else:
            self._dismiss()

    def reader_paused(self) -> None:
        """A reader can take no more for now, or can again."""
        self._steer()

    def first_paused(self, maker: Maker, *, slow: bool) -> None:
        """The first who asked can take no more for now, or can again."""
        self._first_is_slow = slow
        if not self.is_over:
            self._maker = maker
            self._steer()

    def first_left(self, maker: Maker) -> bool:
        """The first who asked is gone. Returns whether the call goes on without it."""
        self._first_is_here = False
        if self.is_over:
            return False
        if not self.is_wanted:
            self.give_up()
            return False
        self._maker = maker
        self._steer()
        return True

    def first_cut_off(self) -> None:
        """The first who asked was too far behind."""
        self._first_is_here = False
        self._steer()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for the answer, or may come back for it."""
        if self._first_is_here or self._readers:
            return True
        return self.terms.goes_on and self.is_kept

    def _steer(self) -> None:
        """Hold the call up, or let it go on."""
        maker = self._maker
        if maker is None:
            return
        paused = [reader.paused for reader in self._readers.values()]
        if self._first_is_here:
            paused.append(self._first_is_slow)
        held_up = bool(paused) and all(paused)
        if held_up != self._held_up:
            self._held_up = held_up
            maker.hold_up() if held_up else maker.go_on()

    def close(self) -> None:
        """The process stops: nobody will come back."""
        if not self._first_is_here and not self._readers:
            self._dismiss()

    def _dismiss(self) -> None:
        """End the call: nobody wants its answer."""
        maker, self._maker = self._maker, None
        if maker is not None:
            self.give_up()
            maker.unwanted()
