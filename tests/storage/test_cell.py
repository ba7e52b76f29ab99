"""Tokens that come back, against a model that charges the right number from the beginning."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stockyard.core.ports import Charge
from stockyard.storage.cell import MAX_OPEN, Cell
from stockyard.storage.limits import LocalLimits
from tests.builders import HandClock

TOKENS, PER_SECONDS = 10, 10
STEP = 1_000_000_000
"""Nanoseconds in which one token comes back."""
ROW = Charge("key:a", "0", 0, TOKENS, 0, PER_SECONDS, 0)


class Replayed:
    """Remembers every call, and replays them all with what is known of them now."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []
        """When, and how many tokens."""

    def full_at(self) -> int:
        full_at = 0
        for at, tokens in self.taken:
            full_at = max(full_at, at) + tokens * STEP
        return full_at

    def admits(self, tokens: int, now: int) -> bool:
        return max(self.full_at(), now) + min(tokens, TOKENS) * STEP <= now + TOKENS * STEP

    def correct(self, call: int, used: int, now: int) -> None:
        at, reserved = self.taken[call]
        self.taken[call] = at, min(used, reserved)
        if used > reserved:  # it becomes known, and is owed, only now
            self.taken.append((now, used - reserved))


class Bucket:
    """The limits, and the model beside them."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.limits = LocalLimits(self.clock.ns)
        self.model = Replayed()
        self.open: dict[int, int] = {}
        """Calls under way -> what was reserved for them."""

    def take(self, tokens: int) -> bool:
        now, call = self.clock.ns(), len(self.model.taken)
        wanted = self.model.admits(tokens, now)
        verdict = self.limits.take([ROW], tokens=tokens, lease=str(call))
        assert verdict.allowed is wanted
        if verdict.allowed:
            self.model.taken.append((now, tokens))
            self.open[call] = tokens
        return verdict.allowed

    def settle(self, call: int, used: int) -> None:
        reserved = self.open.pop(call)
        self.limits.settle([ROW], reserved=reserved, used=used, lease=str(call))
        self.model.correct(call, used, self.clock.ns())

    def owed(self) -> int:
        """Until when the bucket is not full; now if it is."""
        kept = self.limits.snapshot(1)
        return kept[0].tokens_full_at if kept else self.clock.ns()


tokens = st.integers(0, TOKENS + 2)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), tokens, st.just(0)),
        st.tuples(st.just("settle"), st.integers(0, 3), tokens),
        st.tuples(st.just("wait"), st.integers(0, 2 * TOKENS), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=400)
@example([("take", 5, 0), ("take", 5, 0), ("settle", 1, 0), ("settle", 0, 0)])
@given(steps)
def test_a_correction_counts_as_if_it_had_been_known_from_the_beginning(
    steps: list[tuple[str, int, int]],
) -> None:
    bucket = Bucket()
    for step, number, used in steps:
        if step == "take":
            bucket.take(number)
        elif step == "wait":
            bucket.clock.advance(number / 2)
        elif bucket.open:
            bucket.settle(list(bucket.open)[number % len(bucket.open)], used)
        assert bucket.owed() == max(bucket.model.full_at(), bucket.clock.ns())


@given(steps)
def test_no_window_holds_more_tokens_than_the_limit_and_what_came_back(
    steps: list[tuple[str, int, int]],
) -> None:
    bucket = Bucket()
    for step, number, used in steps:
        if step == "take":
            bucket.take(min(number, TOKENS))
        elif step == "wait":
            bucket.clock.advance(number / 2)
        elif bucket.open:
            call = list(bucket.open)[number % len(bucket.open)]
            bucket.settle(call, min(used, bucket.open[call]))
    taken = bucket.model.taken
    for first, (begun, _) in enumerate(taken):
        passed = 0
        for at, used in taken[first:]:
            passed += used
            assert passed * STEP <= TOKENS * STEP + at - begun


def test_what_comes_back_to_a_bucket_that_was_full_meanwhile_is_no_second_helping() -> None:
    bucket = Bucket()
    assert bucket.take(TOKENS)
    bucket.clock.advance(PER_SECONDS)
    assert bucket.take(TOKENS)
    bucket.settle(0, 0)
    assert not bucket.take(1)


def test_more_open_calls_than_are_remembered_only_get_less_back() -> None:
    cell = Cell()
    for call in range(MAX_OPEN + 1):
        cell.take_tokens(1, str(call), 0)
    owed = cell.tokens_full_at
    cell.give_back(1, "0")
    assert cell.tokens_full_at == owed
    cell.give_back(1, str(MAX_OPEN))
    assert cell.tokens_full_at == owed - 1


def test_a_call_that_is_over_gets_nothing_back_again() -> None:
    cell = Cell()
    cell.take_tokens(5 * STEP, "one", 0)
    cell.take_tokens(5 * STEP, "two", 0)
    for _ in range(2):
        cell.give_back(2 * STEP, "one")
    assert cell.tokens_full_at == 8 * STEP
