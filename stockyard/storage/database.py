"""The interface of the database, whichever driver implements it.

Three ways to use it: `read` answers at once on the event loop, `write` returns once its change is
on stable storage, and a `Bulk` queues rows that no call waits for and that may be dropped, and
counted, if the disk cannot keep up.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
NONE: Parameters = {}


class Transaction(Protocol):
    """A change in progress. It sees its own writes, which others see after the commit."""

    def execute(self, sql: str, parameters: Parameters = NONE) -> list[Row]: ...


class Bulk(Protocol):
    """A bounded queue of rows of one kind that are written in groups."""

    def put(self, row: object, size: int) -> bool:
        """Queue a row of about `size` bytes; False when there is no room and it was dropped."""

    def counts(self) -> "BulkCounts": ...


class BulkCounts(Protocol):
    """How a Bulk is doing. Everything that was put is queued, written or dropped."""

    queued: int
    queued_bytes: int
    written: int
    dropped: int
    lost: int
    """Of those dropped: what a write that failed took with it."""


class Database(Protocol):
    """Facts."""

    def read(self, sql: str, parameters: Parameters = NONE) -> list[Row]:
        """A query served by an index in at most about 5 ms, so that it may run on the loop."""

    async def read_slowly(self, sql: str, parameters: Parameters = NONE) -> list[Row]:
        """Answer a question that may take seconds, off the loop. Refused (503) after 5 s."""

    async def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        """Carry out a change and return once it is durable.

        `work` runs elsewhere, so it must only use what it is given. What it raises undoes it and
        is raised here. `makes_room`: it deletes, so it is carried out on a full disk too.
        """

    def bulk(self, name: str, sql: str, encode: Callable[[Sequence[Any]], bytes]) -> Bulk:
        """A new queue. `sql` takes the parameter `rows`: what `encode` made of a batch, as JSON."""
