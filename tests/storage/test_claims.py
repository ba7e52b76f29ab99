"""How many Claims of idempotency keys are kept, how large they may be, and for how long."""

import pytest

from stockyard.core.claim import PIECE_BYTES, Claim, Terms
from stockyard.errors import Refused
from stockyard.storage.claims import CLAIM_BYTES, MAX_RUNNING_SECONDS, MemoryClaims
from tests.builders import HandClock

TERMS = Terms(keep_seconds=60.0, max_bytes=1000, goes_on=True)


def a_claim(claims: MemoryClaims, name: str, terms: Terms = TERMS) -> Claim:
    return Claim(name.encode(), b"", "req_" + name, terms, claims)


def complete(claims: MemoryClaims, name: str, answer: bytes = b"hello") -> Claim:
    """A call that was answered."""
    claim = a_claim(claims, name)
    assert claims.add(claim)
    claim.begin(200, b"", None)
    claim.add(answer)
    claim.end()
    return claim


def kept(claims: MemoryClaims, *names: str) -> str:
    return "".join(name for name in names if claims.find(name.encode()) is not None)


def test_a_complete_answer_is_kept_until_it_expires() -> None:
    clock = HandClock()
    claims = MemoryClaims(clock.now)
    claim = complete(claims, "a")
    clock.advance(59)
    assert claims.find(b"a") is claim
    clock.advance(1)
    assert claims.find(b"a") is None
    assert (len(claims), claims.size_bytes) == (0, 0)


def test_what_expired_makes_room_when_the_next_comes() -> None:
    clock = HandClock()
    claims = MemoryClaims(clock.now)
    complete(claims, "a")
    clock.advance(61)
    complete(claims, "b")
    assert len(claims) == 1
    assert claims.size_bytes == CLAIM_BYTES + PIECE_BYTES + len(b"hello")


def test_a_running_call_has_its_claim_for_an_hour() -> None:
    clock = HandClock()
    claims = MemoryClaims(clock.now)
    claim = a_claim(claims, "a")
    assert claims.add(claim)
    clock.advance(MAX_RUNNING_SECONDS)
    assert claims.find(b"a") is None
    again = complete(claims, "a")
    claim.begin(200, b"", None)
    claim.add(b"late")
    claim.end()
    assert not claim.is_kept
    assert claims.find(b"a") is again
    assert claims.size_bytes == CLAIM_BYTES + PIECE_BYTES + len(b"hello")


def test_when_there_are_too_many_the_oldest_complete_one_goes() -> None:
    claims = MemoryClaims(max_claims=3)
    running = a_claim(claims, "r")
    assert claims.add(running)
    for name in "abc":
        complete(claims, name)
    assert kept(claims, *"rabc") == "rbc"


def test_running_calls_are_not_forgotten_for_others() -> None:
    claims = MemoryClaims(max_claims=2)
    assert claims.add(a_claim(claims, "a"))
    assert claims.add(a_claim(claims, "b"))
    assert not claims.add(a_claim(claims, "c"))
    assert kept(claims, *"abc") == "ab"


def test_when_they_are_too_large_the_oldest_complete_one_goes() -> None:
    claims = MemoryClaims(max_bytes=2 * (CLAIM_BYTES + 600))
    complete(claims, "a", b"x" * 500)
    complete(claims, "b", b"x" * 500)
    complete(claims, "c", b"x" * 500)
    assert kept(claims, *"abc") == "bc"
    assert claims.size_bytes == 2 * (CLAIM_BYTES + PIECE_BYTES + 500)


def test_an_answer_for_which_there_is_no_room_is_given_up() -> None:
    claims = MemoryClaims(max_bytes=CLAIM_BYTES + 300)
    claim = complete(claims, "a", b"x" * 500)
    assert not claim.is_kept
    assert (len(claims), claims.size_bytes) == (0, 0)


def test_an_answer_larger_than_its_own_bound_is_given_up() -> None:
    claims = MemoryClaims()
    assert complete(claims, "a", b"x" * 1000).is_kept
    assert not complete(claims, "b", b"x" * 1001).is_kept
    assert kept(claims, *"ab") == "a"


@pytest.mark.parametrize(
    ("status", "error", "cut"),
    [
        (200, Refused(502, "provider_error", "No."), False),
        (200, None, True),
        (404, None, False),
        (302, None, False),
    ],
    ids=["failed", "cut", "not found", "moved"],
)
def test_what_is_no_complete_success_is_forgotten(
    status: int, error: Refused | None, cut: bool
) -> None:
    claims = MemoryClaims()
    claim = a_claim(claims, "a")
    assert claims.add(claim)
    claim.begin(status, b"", None)
    claim.add(b"hello")
    claim.end(error, cut=cut)
    assert claims.find(b"a") is None
    assert (len(claims), claims.size_bytes) == (0, 0)
