"""Odd values, put in every place of a body."""

import copy
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, ...]

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([[]]),
    st.just({"x": [1]}),
    st.just("STOP"),
    st.just("ERROR"),
)


def places(value: Any, at: Place = ()) -> list[Place]:
    """Everywhere in a value."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    below = [place for key, item in inner for place in places(item, (*at, key))]
    return [at, *below] if at else below


def changed(value: Any, place: Place, to: Any) -> Any:
    value = holder = copy.deepcopy(value)
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = to
    return value
