"""Arguments that arrive in pieces with their places."""

from typing import Any

import pytest

from stockyard.wire.gemini.partial_args import MAX_PLACES, PartialArguments


def piece(path: str, value: Any) -> dict[str, Any]:
    return {"jsonPath": path, "stringValue" if isinstance(value, str) else "numberValue": value}


@pytest.mark.parametrize(
    ("pieces", "value"),
    [
        ([("$.city", "Ro"), ("$.city", "me")], {"city": "Rome"}),
        ([("$.days[0]", 1), ("$.days[2]", 3)], {"days": [1, None, 3]}),
        (
            [("$.a[0].b", "x"), ("$.a[0].b", "y"), ("$.a[1].b", "z")],
            {"a": [{"b": "xy"}, {"b": "z"}]},
        ),
        ([("$['a b']", "x"), ('$["a b"]', "y")], {"a b": "xy"}),
        ([("$.a", "x"), ("$.a.b", 1)], {"a": "x"}),
        ([("$.a", "x"), ("$.a[0]", 1)], {"a": "x"}),
        ([("$.a", 1), ("$.a", "x")], {"a": "x"}),
        ([("$" + ".a" * 65, 1)], {}),
        ([("$." + "a" * 5000, 1)], {}),
    ],
)
def test_pieces_are_put_in_their_places(pieces: list[tuple[str, Any]], value: Any) -> None:
    arguments = PartialArguments()
    for path, said in pieces:
        arguments.add([piece(path, said)])
    assert arguments.value == value


def test_paths_that_make_many_long_lists_are_left_out() -> None:
    arguments = PartialArguments()
    arguments.add([piece(f"$.a{n}[9999]", n) for n in range(20)])
    arguments.add([piece(f"$.b[9999][9999][{n}][9999]", n) for n in range(20)])
    places = [item for item in arguments.value.values() if isinstance(item, list)]
    assert sum(map(len, places)) <= MAX_PLACES
    assert arguments.value["a0"][9999] == 0
