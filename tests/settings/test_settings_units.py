"""Durations and sizes in settings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.settings import Seconds, Size


@given(st.integers(0, 10**6), st.sampled_from(["us", "ms", "s", "m", "h", "d"]))
def test_every_duration_is_read_or_refused(amount: int, unit: str) -> None:
    try:
        read = Seconds.read(f"{amount}{unit}")
    except ValueError:
        assert unit in ("h", "d")
    else:
        assert read >= 0


@pytest.mark.parametrize("written", [0, "0", 0.0])
def test_zero_needs_no_unit(written: object) -> None:
    assert float(Seconds.read(written)) == 0.0
    assert isinstance(Seconds.read(written), Seconds)


@pytest.mark.parametrize(
    "written", ["", "5", "00", False, "5 s", "-5s", "s", "1e3s", "5S", "٣s", 5, None, True]
)
def test_a_duration_needs_its_unit(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        Seconds.read(written)


@pytest.mark.parametrize(
    ("written", "size"),
    [("0B", 0), ("0", 0), (0, 0), ("16KiB", 16384), ("1MB", 10**6), ("2GiB", 2 << 30), (7, 7)],
)
def test_sizes_are_read_in_their_units(written: object, size: int) -> None:
    assert Size.read(written) == size


@pytest.mark.parametrize("written", ["", "5", "5 MiB", "-1B", "1.5MiB", True, -1, None, 1 << 60])
def test_a_size_needs_its_unit_or_a_number(written: object) -> None:
    with pytest.raises(ValueError, match="size"):
        Size.read(written)
