"""Kept answers within their bounds."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stockyard.core.ports import Stored
from stockyard.storage.answers import OVERHEAD_BYTES, MemoryAnswers


def stored(value: bytes = b"x", model: str = "m") -> Stored:
    return Stored(value=value, stored_at=0, expires_at=1, model=model, key_id="k")


def put(
    answers: MemoryAnswers, key: bytes, entry: Stored, entries: int = 3, size: int = 9999
) -> None:
    answers.put(key, entry, max_entries=entries, max_bytes=size)


def test_the_least_recently_used_goes_first() -> None:
    answers = MemoryAnswers()
    for key in (b"a", b"b", b"c"):
        put(answers, key, stored())
    answers.get(b"a")
    put(answers, b"d", stored())
    assert [key for key in (b"a", b"b", b"c", b"d") if answers.get(key)] == [b"a", b"c", b"d"]


def test_what_is_useless_goes_when_something_new_comes() -> None:
    answers = MemoryAnswers()
    for key, useless_at in ((b"a", 10), (b"b", 20), (b"c", 10)):
        put(answers, key, replace(stored(), useless_at=useless_at))
    put(answers, b"d", replace(stored(), stored_at=15), entries=9)
    assert [key for key in (b"a", b"b", b"c", b"d") if answers.get(key)] == [b"b", b"c", b"d"]
    put(answers, b"e", replace(stored(), stored_at=25), entries=9)
    assert [key for key in (b"b", b"c", b"d", b"e") if answers.get(key)] == [b"d", b"e"]


def test_a_new_value_takes_the_place_of_the_old_one() -> None:
    answers = MemoryAnswers()
    put(answers, b"a", stored(b"1"))
    put(answers, b"a", stored(b"22"))
    assert len(answers) == 1
    assert answers.size_bytes == len("xxm") + OVERHEAD_BYTES


def test_purge_removes_what_it_is_told_to() -> None:
    answers = MemoryAnswers()
    for key, model in ((b"a", "m"), (b"b", "n"), (b"c", "m")):
        put(answers, key, stored(model=model))
    assert answers.purge(lambda entry: entry.model == "m") == 2
    assert len(answers) == 1
    assert answers.size_bytes == len("xm") + OVERHEAD_BYTES


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=60))
def test_number_and_size_stay_within_their_bounds(steps: list[tuple[int, int]]) -> None:
    answers = MemoryAnswers()
    for key, size in steps:
        put(answers, bytes([key]), stored(b"x" * size), entries=4, size=6000)
        assert len(answers) <= 4
        assert 0 <= answers.size_bytes <= 6000
    answers.purge(lambda entry: True)
    assert answers.size_bytes == 0


def test_what_an_answer_is_found_by_counts_as_much_as_the_answer() -> None:
    answers = MemoryAnswers()
    named = replace(stored(b"x", model="m" * 900), user="u" * 800, tags=(("team", "t" * 700),))
    put(answers, b"a", named)
    assert answers.size_bytes == 1 + 900 + 800 + 4 + 700 + OVERHEAD_BYTES
    put(answers, b"b", named, size=OVERHEAD_BYTES * 10)
    assert [key for key in (b"a", b"b") if answers.get(key)] == [b"b"]
