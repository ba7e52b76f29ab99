"""A gateway in the background: it is said where it is, its log is in files, and faults are told."""

import os
import stat
import time
from pathlib import Path
from typing import Any

from stockyard.storage.datafolder import holder_of


def ended(pid: int) -> bool:
    until = time.monotonic() + 15
    while time.monotonic() < until and Path(f"/proc/{pid}").exists():
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def a_browser(home: Path) -> str:
    """A program that writes down what it is to show."""
    script = home / "browser"
    wrote = home / "shown.new"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {wrote} && mv {wrote} {home}/shown\n')
    script.chmod(0o700)
    return f"{script} %s"


def shown(home: Path) -> str:
    until = time.monotonic() + 15
    while time.monotonic() < until and not (home / "shown").exists():
        time.sleep(0.05)
    return (home / "shown").read_text()


def test_it_returns_when_it_serves_and_says_where(program: Any) -> None:
    done = program.run("--detach", "--open", "--port", "0", BROWSER=a_browser(program.home))
    assert done.returncode == 0, done.stderr
    pid, address = holder_of(program.data)
    try:
        assert f"{address} (pid {pid})" in done.stdout
        assert "sk-sy-" not in done.stdout
        assert shown(program.home) == address
        assert program.ask("health")["ok"]
        again = program.run("--detach", "--port", "0")
        assert again.returncode == 75
    finally:
        assert program.run("stop").returncode == 0
    assert ended(int(pid))
    log = program.data / "log" / "stockyard.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert '"event":"ready"' in log.read_text()
    assert '"event":"stopped"' in log.read_text()


def test_what_keeps_it_from_serving_is_told_with_its_code(program: Any) -> None:
    done = program.run("--detach", "--port", "0", STOCKYARD_ADMIN_KEY="short")
    assert done.returncode == 78
    assert done.stderr.startswith("stockyard: STOCKYARD_ADMIN_KEY")


def test_it_can_be_supervised_too(program: Any) -> None:
    done = program.run("--detach", "--supervise", "--port", "0")
    assert done.returncode == 0, done.stderr
    first, _ = holder_of(program.data)
    try:
        assert str(program.ask("restart")["pid"]) != first
    finally:
        assert program.run("stop").returncode == 0
    assert (program.data / "log" / "stockyard.log").read_text().count('"event":"ready"') == 2


def test_the_page_is_opened_once_it_is_there(program: Any) -> None:
    process = program.start("--open", BROWSER=a_browser(program.home))
    assert shown(program.home) == process.address
    assert process.stop() == 0


def test_the_page_is_opened_later_too(program: Any) -> None:
    process = program.start()
    done = program.run("open")
    assert (done.returncode, done.stdout) == (0, f"{process.address} (no browser was found here)\n")
    done = program.run("open", BROWSER=a_browser(program.home))
    assert (done.returncode, done.stdout) == (0, f"{process.address}\n")
    assert shown(program.home) == process.address
    assert program.ask("open") == {"url": process.address, "opened": False}


def test_the_log_may_be_in_files_without_that(program: Any) -> None:
    folder = program.home / "logs"
    process = program.begin("--port", "0", STOCKYARD__log__folder=str(folder))
    until = time.monotonic() + 15
    while time.monotonic() < until and program.run("health").returncode:
        time.sleep(0.05)
    assert process.stop() == 0
    assert process.said == ""
    assert '"event":"ready"' in (folder / "stockyard.log").read_text()
    assert os.listdir(folder) == ["stockyard.log"]
