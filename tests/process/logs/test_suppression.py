"""The same line a thousand times is one line and a count."""

from stockyard.process.logs.suppression import MAX_SORTS, Suppression


def test_one_line_of_a_sort_passes_in_a_second() -> None:
    suppression = Suppression()
    assert [suppression.admit("down", now) for now in (0.0, 0.1, 0.9, 1.0, 1.5, 2.0)] == [
        True, False, False, True, False, True,
    ]  # fmt: skip


def test_sorts_do_not_stand_in_each_others_way() -> None:
    suppression = Suppression()
    assert suppression.admit("one", 0.0)
    assert suppression.admit("other", 0.0)


def test_what_was_held_back_is_counted_once_when_its_second_is_over() -> None:
    suppression = Suppression()
    for _ in range(5):
        suppression.admit("down", 0.0)
    assert suppression.waiting
    assert suppression.due(0.5) == 0
    assert suppression.due(1.0) == 4
    assert suppression.due(2.0) == 0
    assert not suppression.waiting


def test_sorts_beyond_the_bound_are_forgotten() -> None:
    suppression = Suppression()
    for number in range(3 * MAX_SORTS):
        suppression.admit(number, 0.0)
    assert len(suppression._since) <= MAX_SORTS
