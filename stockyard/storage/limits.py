"""Counts calls, tokens and concurrent calls against limits, exactly, in this process.

The theory (generic cell rate algorithm): a limit of `n` per period hands out one cell every
`T = period / n`. All that must be kept of a subject is one instant, the time at which its bucket
will be full again. Taking `k` cells moves that instant `k * T` into the future, and is allowed
while it stays within `burst * T` from now. An idle subject's instant lies in the past, which is why
it can be forgotten without a trace. Tokens work the same way, with as many cells as tokens;
correcting them may move the instant further than a take could have, and that debt is then waited
for. What comes back when fewer were used is in `cell.py`.

Instants are whole nanoseconds and `T` is rounded up, so no error adds up to one call too many.

The table is bounded. When it is full, idle subjects go first; if none is idle, subjects that are
not in it share one bucket per limit. So no bucket that was emptied is ever full again by being
dropped.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import monotonic_ns
from typing import NamedTuple

from stockyard.core.ports import Charge, Room, Verdict
from stockyard.storage.cell import Cell

NANOSECONDS = 1_000_000_000
MAX_SUBJECTS = 1_000_000
LEASE_SECONDS = 1800.0
"""The longest a call may last (`timeout.total`), so a lease that nobody ended frees itself."""
SWEEP = 16
"""How many of the oldest subjects are looked at when room is needed."""

Key = tuple[str, str]
SHARED = ""
"""The subject of the bucket that a full table's newcomers share."""


class Debt(NamedTuple):
    """What one subject owes under one limit: when its buckets are full again."""

    row: str
    subject: str
    calls_full_at: int
    tokens_full_at: int


class LocalLimits:
    """Fulfils the Port `limits` for this process."""

    def __init__(
        self,
        clock_ns: Callable[[], int] = monotonic_ns,
        *,
        max_subjects: int = MAX_SUBJECTS,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._clock_ns = clock_ns
        self._max_subjects = max_subjects
        self._lease_ns = int(lease_seconds * NANOSECONDS)
        self._cells: dict[Key, Cell] = {}

    def take(self, charges: Sequence[Charge], *, tokens: int, lease: str) -> Verdict:
        """Check all charges, then charge all, or none. A refusal names the longest wait."""
        now = self._clock_ns()
        before = len(self._cells)
        cells = [(charge, self._cell(charge, now)) for charge in charges]
        for charge, cell in cells:
            _fit(charge, cell, now)
        refusals = [
            refusal
            for charge, cell in cells
            if (refusal := _refusal(charge, cell, tokens, now)) is not None
        ]
        if refusals:
            return max(refusals, key=lambda refusal: refusal.retry_after)
        for charge, cell in cells:
            self._charge(charge, cell, tokens, lease, now)
        if len(self._cells) > before:
            # Two for one, so that the table does not hold those who have not called for long.
            self._forget_idle(now, 2 * (len(self._cells) - before))
        return _verdict(cells, now)

    def settle(self, charges: Sequence[Charge], *, reserved: int, used: int, lease: str) -> None:
        now = self._clock_ns()
        for charge in charges:
            cell = self._cells.get((charge.row, charge.subject))
            shared = self._cells.get((charge.row, SHARED))
            for leased in (cell, shared):
                if leased is not None and leased.leases:
                    leased.leases.pop(lease, None)
            if charge.tokens:
                step = _step(charge.per_seconds, charge.tokens)
                cost = (used - reserved) * (cell.token_cost(step) if cell else step)
                if cost > 0:
                    # Who was idle and forgotten while the call went on owes the debt all the same.
                    (cell or shared or self._cell(charge, now)).owe(cost, now)
                for charged in (cell, shared):
                    if charged is not None:
                        charged.give_back(max(-cost, 0), lease)

    def snapshot(self, most: int) -> list[Debt]:
        """The debts of at most so many subjects, for a process that takes over.

        Running calls are not in it, because they end here.
        """
        now = self._clock_ns()
        owing = (
            Debt(row, subject, cell.calls_full_at, cell.tokens_full_at)
            for (row, subject), cell in self._cells.items()
            if max(cell.calls_full_at, cell.tokens_full_at) > now
        )
        return list(islice(owing, most))

    def take_over(self, snapshot: Sequence[Debt]) -> None:
        """Continue with these debts. The clock is the machine's, so instants mean the same."""
        for row, subject, calls_full_at, tokens_full_at in snapshot:
            cell = self._cells.setdefault((row, subject), Cell())
            cell.calls_full_at, cell.tokens_full_at = calls_full_at, tokens_full_at

    @property
    def subjects(self) -> int:
        return len(self._cells)

    def _charge(self, charge: Charge, cell: Cell, tokens: int, lease: str, now: int) -> None:
        if charge.calls:
            step = _step(charge.per_seconds, charge.calls)
            cell.calls_full_at = max(cell.calls_full_at, now) + step
        if charge.tokens:
            cell.take_tokens(tokens * _step(charge.per_seconds, charge.tokens), lease, now)
        if charge.concurrent:
            if cell.leases is None:
                cell.leases = {}
            cell.leases[lease] = now + self._lease_ns

    def _cell(self, charge: Charge, now: int) -> Cell:
        cell = self._cells.get((charge.row, charge.subject))
        if cell is not None:
            return cell
        if len(self._cells) >= self._max_subjects and not self._make_room(now):
            return self._cells.setdefault((charge.row, SHARED), Cell())
        cell = self._cells[(charge.row, charge.subject)] = Cell()
        shared = self._cells.get((charge.row, SHARED))
        if shared is not None:
            # It may have drawn on the shared bucket until now; a fresh one would be a second go.
            cell.calls_full_at = shared.calls_full_at
            cell.tokens_full_at = shared.tokens_full_at
        return cell

    def _make_room(self, now: int) -> bool:
        self._forget_idle(now, SWEEP)
        return len(self._cells) < self._max_subjects

    def _forget_idle(self, now: int, most: int) -> None:
        """Forget idle subjects among the oldest; those that are busy move to the end."""
        for key in list(islice(self._cells, most)):
            cell = self._cells.pop(key)
            if not cell.idle(now):
                self._cells[key] = cell


def _step(per_seconds: float, amount: int) -> int:
    """Nanoseconds per cell, rounded up."""
    return -(-int(per_seconds * NANOSECONDS) // amount)


def _fit(charge: Charge, cell: Cell, now: int) -> None:
    """The limit may be another one than when the cell was last charged."""
    if charge.calls:
        cell.fit_calls(_step(charge.per_seconds, charge.calls), now)
    if charge.tokens:
        cell.fit_tokens(_step(charge.per_seconds, charge.tokens), now)


def _refusal(charge: Charge, cell: Cell, tokens: int, now: int) -> Verdict | None:
    """Why this charge cannot be taken, and for how long; None when it can."""
    if charge.concurrent and cell.concurrent(now) >= charge.concurrent:
        # When a running call will end is anybody's guess.
        return Verdict(False, 1.0, "concurrent", charge.row, charge.concurrent, 0, 1.0)
    if charge.calls:
        step, burst = _step(charge.per_seconds, charge.calls), charge.burst or charge.calls
        until_full = max(0, cell.calls_full_at - now)
        wait = until_full + step - burst * step
        if wait > 0:
            room = Room(burst, 0, until_full / NANOSECONDS)
            return Verdict(False, wait / NANOSECONDS, "calls", charge.row, *room, calls=room)
    if charge.tokens:
        step = _step(charge.per_seconds, charge.tokens)
        until_full = max(0, cell.tokens_full_at - now)
        # More than a full bucket can never be there; such a call passes when the bucket is full.
        wait = until_full - (charge.tokens - min(tokens, charge.tokens)) * step
        if wait > 0:
            room = _room(charge.tokens, step, until_full)
            return Verdict(False, wait / NANOSECONDS, "tokens", charge.row, *room, tokens=room)
    return None


def _verdict(cells: Sequence[tuple[Charge, Cell]], now: int) -> Verdict:
    """Passed; and of all limits the one with the smallest share left."""
    calls = tokens = None
    tightest: tuple[float, str, Room] | None = None
    for charge, cell in cells:
        for room, is_calls in _rooms(charge, cell, now):
            if is_calls and (calls is None or _share(room) < _share(calls)):
                calls = room
            if not is_calls and (tokens is None or _share(room) < _share(tokens)):
                tokens = room
            if tightest is None or _share(room) < tightest[0]:
                tightest = (_share(room), charge.row, room)
    if tightest is None:
        return Verdict(True, 0.0, "", "", 0, 0, 0.0)
    _, row, room = tightest
    return Verdict(True, 0.0, "", row, *room, calls=calls, tokens=tokens)


def _rooms(charge: Charge, cell: Cell, now: int) -> Iterator[tuple[Room, bool]]:
    if charge.calls:
        step = _step(charge.per_seconds, charge.calls)
        yield _room(charge.burst or charge.calls, step, cell.calls_full_at - now), True
    if charge.tokens:
        step = _step(charge.per_seconds, charge.tokens)
        yield _room(charge.tokens, step, cell.tokens_full_at - now), False


def _room(limit: int, step: int, until_full: int) -> Room:
    until_full = max(0, until_full)
    taken = -(-until_full // step)
    return Room(limit, max(0, limit - taken), until_full / NANOSECONDS)


def _share(room: Room) -> float:
    return room.remaining / room.limit
