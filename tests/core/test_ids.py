"""Ids: unique, of one length, and in the order in which they were made."""

from stockyard.core.ids import Ids

MANY = 5_000
"""More than the 1,024 after which the upper part of the counter changes."""


def test_ids_have_their_prefix_and_26_characters() -> None:
    made = Ids().new("req_")
    assert made.startswith("req_")
    assert len(made) == len("req_") + 26
    assert made.removeprefix("req_").isalnum()


def test_ids_of_one_process_are_unique() -> None:
    ids = Ids()
    assert len({ids.new("") for _ in range(MANY)}) == MANY


def test_ids_sort_by_the_time_at_which_they_were_made() -> None:
    ids = Ids()
    times = [ids.new("")[:10] for _ in range(MANY)]
    assert times == sorted(times)


def test_two_processes_do_not_make_the_same_ids() -> None:
    one, other = Ids(), Ids()
    assert {one.new("") for _ in range(100)}.isdisjoint(other.new("") for _ in range(100))
