"""Places in JSON values."""

import pytest

from stockyard.gateway.json_path import values_at

VALUE = {"a": {"b": [{"c": 1}, {"c": 2}, "odd", {}]}, "n": None}


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("a.b.*.c", [1, 2]),
        ("n", [None]),
        ("a.c", []),
        ("a.b.c", []),
        ("a.*", []),
        ("n.a", []),
    ],
)
def test_values_at_a_place_are_found(place: str, found: list[object]) -> None:
    assert values_at(VALUE, place) == found
