"""The log in files: a full one is put aside, the oldest goes, and no line is lost between them."""

import os
import stat
from pathlib import Path

import pytest

from stockyard.errors import CannotStart
from stockyard.process.logs import Event, LogWriter, Rotation


def texts(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_a_full_file_is_put_aside_and_ten_are_kept(tmp_path: Path) -> None:
    files = Rotation(tmp_path / "log", max_bytes=10)
    descriptor = files.open()
    for number in range(13):
        files.turn(descriptor)
        os.write(descriptor, b"line of %2d\n" % number)
    os.close(descriptor)
    found = texts(files.folder)
    assert found.pop("stockyard.log") == "line of 12\n"
    assert found == {f"stockyard.log.{n}": f"line of {12 - n:2}\n" for n in range(1, 10)}


def test_what_is_there_is_added_to(tmp_path: Path) -> None:
    for line in (b"one\n", b"two\n"):
        descriptor = Rotation(tmp_path).open()
        os.write(descriptor, line)
        os.close(descriptor)
    assert texts(tmp_path) == {"stockyard.log": "one\ntwo\n"}


def test_another_process_that_put_it_aside_is_followed(tmp_path: Path) -> None:
    ours, theirs = Rotation(tmp_path, max_bytes=4), Rotation(tmp_path, max_bytes=4)
    one, two = ours.open(), theirs.open()
    os.write(one, b"one\n")
    theirs.turn(two)
    ours.turn(one)
    os.write(one, b"1")
    os.write(two, b"2")
    os.close(one)
    os.close(two)
    assert texts(tmp_path) == {"stockyard.log": "12", "stockyard.log.1": "one\n"}


def test_a_full_file_goes_on_where_no_other_can_be_made(tmp_path: Path) -> None:
    files = Rotation(tmp_path, max_bytes=1)
    descriptor = files.open()
    files.path.unlink()
    files.turn(descriptor)
    assert os.write(descriptor, b"on\n") == 3
    os.close(descriptor)


def test_files_are_for_us_alone(tmp_path: Path) -> None:
    files = Rotation(tmp_path / "log")
    os.close(files.open())
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o600


def test_a_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir(mode=0o700)
    (tmp_path / "log" / "stockyard.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotStart) as refused:
        Rotation(tmp_path / "log").open()
    assert refused.value.exit_code == 73


def test_every_line_is_in_one_of_the_files(tmp_path: Path) -> None:
    files = Rotation(tmp_path, max_bytes=2_000)
    writer = LogWriter(files.open(), json=False, turn=files.turn)
    writer.start()
    for number in range(50):
        writer.put(Event.now("test", f"line {number}"))
        if number % 10 == 9:
            while writer._queue.qsize():
                pass
    writer.close()
    text = "".join(texts(tmp_path).values())
    assert all(f"line {number}\n" in text for number in range(50))
