"""The same line a thousand times is one line and a count."""

from stockyard.process.logs.repeats import MAX_SORTS, Repeats


def test_one_line_of_a_sort_passes_in_a_second() -> None:
    repeats = Repeats()
    assert [repeats.admit("down", now) for now in (0.0, 0.1, 0.9, 1.0, 1.5, 2.0)] == [
        True, False, False, True, False, True,
    ]  # fmt: skip


def test_sorts_do_not_stand_in_each_others_way() -> None:
    repeats = Repeats()
    assert repeats.admit("one", 0.0)
    assert repeats.admit("other", 0.0)


def test_what_was_held_back_is_counted_once_when_its_second_is_over() -> None:
    repeats = Repeats()
    for _ in range(5):
        repeats.admit("down", 0.0)
    assert repeats.waiting
    assert repeats.due(0.5) == 0
    assert repeats.due(1.0) == 4
    assert repeats.due(2.0) == 0
    assert not repeats.waiting


def test_sorts_beyond_the_bound_are_forgotten() -> None:
    repeats = Repeats()
    for number in range(3 * MAX_SORTS):
        repeats.admit(number, 0.0)
    assert len(repeats._since) <= MAX_SORTS
