"""A first start that is killed anywhere loses no secret that counts."""

import os
from pathlib import Path

import pytest

from stockyard.app import Stockyard
from stockyard.apps.teams import store
from stockyard.errors import CannotStart
from stockyard.process.note import write_note
from stockyard.settings import load
from stockyard.storage.database import Transaction


async def start(folder: Path) -> Stockyard:
    settings = load({"server.data_dir": str(folder / "data")}, {}, folder)
    return await Stockyard.open(settings, {})


def opens(stockyard: Stockyard, note: str) -> tuple[bool, bool]:
    """Whether the Key and the admin credential of a note are good."""
    words = note.split()
    key = next(word for word in words if word.startswith("sk-sy-"))
    admin = next(word for word in words if word.startswith("sya-"))
    return stockyard.keys.caller_of(key.encode()) is not None, stockyard.admin.opens(admin.encode())


async def test_what_counts_stands_in_the_note_before_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies in the moment in which the Key is stored."""

    def die(transaction: Transaction, stored: object) -> None:
        raise CannotStart(74, "The disk went away.")

    note = tmp_path / "data" / "first-run.txt"
    with monkeypatch.context() as dying:
        dying.setattr(store, "insert_key", die)
        with pytest.raises(CannotStart):
            await start(tmp_path)
    first = note.read_text()
    again = await start(tmp_path)
    try:
        assert opens(again, note.read_text()) == (True, True)
        assert opens(again, first) == (False, False), "nobody may use what was never shown"
        assert again.first_run.key is not None
    finally:
        await again.close()


async def test_a_note_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies while the note is written anew, with the address."""

    def die(*_: object) -> str:
        raise KeyboardInterrupt

    started = await start(tmp_path)
    try:
        note = tmp_path / "data" / "first-run.txt"
        first = note.read_text()
        made = started.first_run
        monkeypatch.setattr(os, "fdopen", die)
        with pytest.raises(KeyboardInterrupt):
            write_note(note.parent, made, "http://127.0.0.1:4200")
        assert note.read_text() == first
    finally:
        await started.close()


async def test_a_start_after_the_first_changes_nothing(tmp_path: Path) -> None:
    first = await start(tmp_path)
    await first.close()
    note = (tmp_path / "data" / "first-run.txt").read_text()
    again = await start(tmp_path)
    try:
        assert opens(again, note) == (True, True)
        assert (again.first_run.key, again.first_run.admin) == (None, None)
    finally:
        await again.close()
