"""The lock of the data folder says which process holds it, and where that one listens."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockyard.errors import CannotStart
from stockyard.storage.datafolder import LOCK, holder_of, lock, write_note

OLD, NEW = ("12345", "http://127.0.0.1:4200"), ("7", "")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    descriptor = lock(tmp_path / LOCK)
    yield descriptor
    os.close(descriptor)


def test_a_second_process_is_told_who_holds_it(tmp_path: Path, held: int) -> None:
    write_note(held, f"{os.getpid()} http://127.0.0.1:4200\n")
    with pytest.raises(CannotStart, match=rf"127\.0\.0\.1:4200 \(pid {os.getpid()}\)"):
        lock(tmp_path / LOCK)


def test_a_reader_never_finds_the_holder_cut_short(tmp_path: Path, held: int) -> None:
    """A supervisor looks for the next process while that one is writing."""
    sizes = set()
    for holder in (OLD, NEW, OLD):
        write_note(held, " ".join(holder) + "\n")
        assert holder_of(tmp_path) == holder
        sizes.add(os.fstat(held).st_size)
    assert len(sizes) == 1
