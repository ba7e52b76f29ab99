"""When a call that several wait for is held up, goes on, and ends."""

from stockyard.core.claim import MAX_BEHIND_BYTES, Claim, Terms
from stockyard.storage.claims import MemoryClaims


class Maker:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hold_up(self) -> None:
        self.told.append("hold up")

    def go_on(self) -> None:
        self.told.append("go on")

    def unwanted(self) -> None:
        self.told.append("unwanted")


class Reader:
    """Takes everything at once unless it is paused."""

    def __init__(self, claim: Claim, name: str) -> None:
        self.claim = claim
        self.name = name
        self.paused = False
        self.behind_bytes = 0
        self.was_cut_off = False
        claim.join(name, self)

    def feed(self, piece: bytes) -> None:
        self.behind_bytes = self.behind_bytes + len(piece) if self.paused else 0

    def wake(self) -> None:
        return

    def cut_off(self) -> None:
        self.was_cut_off = True
        self.claim.leave(self.name)

    def pause(self, *, paused: bool = True) -> None:
        self.paused = paused
        self.claim.reader_paused()


def a_claim(*, goes_on: bool = True, max_bytes: int = 1000) -> tuple[Claim, Maker]:
    claims = MemoryClaims()
    claim = Claim(b"a", b"", "req_1", Terms(60.0, max_bytes, goes_on=goes_on), claims)
    assert claims.add(claim)
    claim.begin(200, b"", None)
    return claim, Maker()


def test_it_is_held_up_while_the_only_client_reads_slowly() -> None:
    claim, maker = a_claim()
    claim.first_paused(maker, slow=True)
    claim.first_paused(maker, slow=False)
    assert maker.told == ["hold up", "go on"]


def test_it_goes_on_as_soon_as_anybody_can_take_more() -> None:
    claim, maker = a_claim()
    claim.first_paused(maker, slow=True)
    reader = Reader(claim, "b")
    assert maker.told == ["hold up", "go on"]
    reader.pause()
    assert maker.told == ["hold up", "go on", "hold up"]
    claim.leave("b")
    claim.first_paused(maker, slow=False)
    assert maker.told[3:] == ["go on"]


def test_it_goes_on_when_the_slow_one_leaves() -> None:
    claim, maker = a_claim()
    claim.first_paused(maker, slow=True)
    assert claim.first_left(maker)
    assert maker.told == ["hold up", "go on"]


def test_without_anybody_it_goes_on_only_if_it_should_and_its_answer_is_kept() -> None:
    for goes_on, told in ((True, []), (False, ["unwanted"])):
        claim, maker = a_claim(goes_on=goes_on)
        Reader(claim, "b")
        assert claim.first_left(maker)
        claim.leave("b")
        assert maker.told == told
    claim, maker = a_claim()
    assert claim.first_left(maker)
    claim.add(b"x" * 1001)
    assert maker.told == ["unwanted"]


def test_nobody_joins_a_call_that_is_about_to_end() -> None:
    claim, maker = a_claim(goes_on=False)
    assert not claim.first_left(maker)
    assert not claim.takes_readers
    assert claim.shelf.find(b"a") is None  # type: ignore[attr-defined]  # the shelf of this test


def test_who_is_too_far_behind_is_cut_off_once_the_record_is_given_up() -> None:
    claim, _ = a_claim(max_bytes=2 * MAX_BEHIND_BYTES)
    slow, quick = Reader(claim, "b"), Reader(claim, "c")
    slow.pause()
    claim.add(b"x" * (MAX_BEHIND_BYTES + 1))
    assert not slow.was_cut_off
    claim.add(b"x" * MAX_BEHIND_BYTES)
    assert (slow.was_cut_off, quick.was_cut_off) == (True, False)


def test_a_call_that_is_over_keeps_hold_of_nobody() -> None:
    claim, maker = a_claim()
    claim.first_paused(maker, slow=True)
    claim.add(b"hello")
    claim.end()
    claim.first_paused(maker, slow=False)
    assert not claim.first_left(maker)
    assert maker.told == ["hold up"]
    assert claim.is_kept
