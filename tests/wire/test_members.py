"""Where the members of an object stand, and how many there may be."""

import pytest

from stockyard.errors import Refused
from stockyard.wire.members import check_width, members_of
from stockyard.wire.strict import MAX_KEYS, MAX_VALUES


def keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%d":1' % i for i in range(count)) + b"}"


def test_as_many_members_as_there_may_be_are_found() -> None:
    assert len(members_of(keys(MAX_KEYS)) or ()) == MAX_KEYS


def test_s20_an_object_with_more_members_is_refused() -> None:
    with pytest.raises(Refused, match="keys") as refusal:
        members_of(keys(MAX_KEYS + 1))
    assert refusal.value.status == 400


def test_s20_keys_without_number_are_refused_before_they_are_taken_apart() -> None:
    with pytest.raises(Refused, match="keys"):
        check_width(keys(MAX_VALUES + 1))


@pytest.mark.parametrize(
    "body",
    [
        b'{"input":[' + b"1," * 1_000_000 + b"1]}",
        b'{"content":"' + b"a, b: c, " * 200_000 + b'"}',
        b'{"content":"' + b'\\"a\\":1, ' * 300_000 + b'"}',
    ],
    ids=["numbers", "prose", "JSON in a text"],
)
def test_what_has_many_commas_and_few_keys_passes(body: bytes) -> None:
    assert len(members_of(body) or ()) == 1
