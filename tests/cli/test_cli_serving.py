"""One run of the process: signals, a log that nobody reads, what it gives up, and its end."""

import fcntl
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from stockyard.process.socketpath import FOLDER

SECRET = "Zx9-correct-horse-battery"


def key_of(program: Any) -> str:
    note = (program.data / "first-run.txt").read_text()
    found = re.search(r"sk-sy-[A-Za-z0-9_-]+", note)
    assert found
    return found[0]


@pytest.fixture(scope="module")
def shared(new_program: Callable[[], Any]) -> Any:
    """A program with a server for tests that leave it as it was."""
    program = new_program()
    program.server = program.start(OPENAI_API_KEY=SECRET)
    return program


def test_a_signal_ends_it_with_code_0_and_a_summary(program: Any) -> None:
    process = program.start()
    process.call(key_of(program))
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    (stopped,) = process.events("stopped")
    assert (stopped["calls"], stopped["errors"]) == (1, 0)


def slow_stream(process: Any, key: str) -> socket.socket:
    """A call whose answer takes long, and that has begun."""
    host, port = process.address.removeprefix("http://").split(":")
    opened = socket.create_connection((host, int(port)), 10)
    body = (
        '{"model":"mock/stall-after-5","stream":true,'
        '"messages":[{"role":"user","content":"one two three four five six seven"}]}'
    )
    opened.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    assert opened.recv(65_536).startswith(b"HTTP/1.1 200")
    return opened


def test_a_second_signal_ends_it_within_seconds_and_says_so_in_the_stream(program: Any) -> None:
    process = program.start()
    with slow_stream(process, key_of(program)) as client:
        process.signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.running.poll() is None
        process.signal(signal.SIGTERM)
        began = time.monotonic()
        assert process.wait() == 0
        assert time.monotonic() - began < 8
        rest = b""
        while some := client.recv(65_536):
            rest += some
    assert b"server_shutdown" in rest
    assert process.events("stopped")[0]["calls"] == 1


def test_a_call_under_way_is_answered_before_the_end(program: Any) -> None:
    process = program.start()
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(process.call, key_of(program), model="mock/delay-500ms")
        time.sleep(0.2)
        process.signal(signal.SIGTERM)
        assert calling.result(10)[0] == 200
    assert process.wait() == 0
    assert process.events("stopped")[0]["errors"] == 0


def test_stop_gives_calls_no_more_than_its_grace(program: Any) -> None:
    process = program.start()
    with slow_stream(process, key_of(program)):
        assert program.run("stop", "--grace", "0.1").returncode == 0
    assert process.wait() == 0


def test_lost_lines_of_the_log_are_a_figure(program: Any) -> None:
    process = program.start()
    with urlopen(process.address + "/metrics", timeout=15) as answer:  # noqa: S310  our own
        assert b"stockyard_log_dropped_total 0.0" in answer.read()


def test_a_database_that_stays_away_ends_the_process(program: Any) -> None:
    process = program.start(STOCKYARD__db__exit_after="1s")
    key = key_of(program)
    (program.data / "stockyard.db").rename(program.home / "elsewhere.db")
    assert process.call(key)[0] == 200  # its trace is what cannot be written
    assert process.wait() == 74
    assert process.events("stopped")
    (told,) = process.errors().splitlines()
    assert told.startswith("stockyard: The database could not be written for 1 s (db.exit_after)")


def test_a_hang_up_reads_the_config_file_again(program: Any) -> None:
    file = program.home / "mine.toml"
    file.write_text('[aliases]\nsmart = "mock/echo"\n')
    process = program.start("mine.toml")
    key = key_of(program)
    assert process.call(key, model="smart")[0] == 200

    file.write_text('[aliases]\nbrave = "mock/echo"\n[server]\ndrain = "29s"\n')
    process.signal(signal.SIGHUP)
    process.wait_for("SIGHUP: the settings were read again")
    process.wait_for("changes of server.drain take effect at a restart")
    assert process.call(key, model="brave")[0] == 200

    file.write_text("[aliases\n")
    process.signal(signal.SIGHUP)
    process.wait_for("SIGHUP: the settings stay as they were. ")
    assert process.call(key, model="brave")[0] == 200
    refused = {"ok": True, "state": "degraded", "reasons": ["D21"]}
    assert process.request("GET", "/readyz") == (200, refused)

    file.write_text('[aliases]\nbrave = "mock/echo"\n')
    process.signal(signal.SIGHUP)
    until = time.monotonic() + 15
    while process.request("GET", "/readyz")[1]["reasons"] and time.monotonic() < until:
        time.sleep(0.02)
    assert process.request("GET", "/readyz")[1]["state"] == "ok"


def test_reload_tells_what_changed_what_waits_and_what_is_wrong(program: Any) -> None:
    file = program.home / "stockyard.toml"
    file.write_text('[aliases]\nsmart = "mock/echo"\n')
    process = program.start()
    key = key_of(program)

    file.write_text('[aliases]\nbrave = "mock/echo"\n[modules.cache]\n')
    changed = ["aliases.brave", "aliases.smart", "modules.cache"]
    assert program.ask("reload") == {"changed": changed, "waiting": [], "warnings": []}
    assert process.call(key, model="brave")[0] == 200
    process.wait_for("stockyard reload: the settings were read again")
    assert program.run("reload").stdout == "Nothing has changed.\n"

    file.write_text('[aliases]\nbrave = "mock/echo"\n[server]\ndrain = "29s"\n')
    done = program.run("reload")
    assert done.stdout == "In effect: modules.cache.\nWaits for a restart: server.drain.\n"
    assert done.returncode == 3

    file.write_text('[aliases]\nbrave = "mock/echo"\n[modules.cache]\nttl = 1\n')
    done = program.run("reload")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("stockyard: ")
    assert "ttl" in done.stderr
    assert process.call(key, model="brave")[0] == 200


def test_a_config_file_that_has_the_last_word_is_watched(program: Any) -> None:
    file = program.home / "stockyard.toml"
    owner = '[config]\nowner = "file"\n'
    file.write_text(owner)
    process = program.start()
    file.write_text(owner + '[aliases]\nbrave = "mock/echo"\n')
    process.wait_for("The config file changed: the settings were read again")
    assert process.call(key_of(program), model="brave")[0] == 200
    file.unlink()
    file.write_text(owner + "[aliases\n")
    process.wait_for("The config file changed: the settings stay as they were")
    assert process.call(key_of(program), model="brave")[0] == 200


def test_stacks_can_be_asked_for(shared: Any) -> None:
    process = shared.server
    process.signal(signal.SIGUSR1)
    process.wait_for('"stack"')
    assert any("Thread" in line["message"] for line in process.events("stack"))


def test_a_log_that_nobody_reads_stops_nothing(program: Any) -> None:
    process = program.start()
    key = key_of(program)
    process.close_output()
    for _ in range(20):
        assert process.call(key)[0] == 200
    assert process.stop() == 0


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="the pipe is too large")
def test_a_log_whose_reader_has_stalled_stops_nothing(program: Any) -> None:
    process = program.start()
    key = key_of(program)
    fcntl.fcntl(process.output, fcntl.F_SETPIPE_SZ, 4096)
    # More lines than the pipe holds, and nobody reads.
    for _ in range(30):
        assert process.call(key)[0] == 200
    process.signal(signal.SIGTERM)
    assert process.running.wait(10) == 0


def test_streams_that_were_closed_before_the_start_do_no_harm(program: Any) -> None:
    command = f"exec {sys.executable} -m stockyard --port 0 <&- >&- 2>&-"
    running = subprocess.Popen(  # noqa: S602  a shell is what is tested
        command, shell=True, env=program.environment({}), cwd=program.home
    )
    try:
        for _ in range(200):
            if program.run("health", "--ready").returncode == 0:
                break
        assert program.run("keys", "list").returncode == 0
        assert program.run("stop").returncode == 0
        assert running.wait(10) == 0
    finally:
        running.kill()
        running.wait(10)
    # The log did not go into whichever file had got the number of standard output.
    assert (program.data / "LOCK").read_text().split()[1].startswith("http://127.0.0.1:")
    assert program.ask("doctor", "--data", str(program.data))["ok"]


def test_the_log_can_be_without_calls(program: Any) -> None:
    process = program.start("--log-level", "warning")
    assert process.call(key_of(program))[0] == 200
    assert process.stop() == 0
    assert process.events("call") == []
    assert process.events("stopped")


def test_a_line_tells_of_a_call_and_nothing_of_what_was_said(program: Any) -> None:
    process = program.start(STOCKYARD__log__calls="on")
    word = "supercalifragilistic"
    asked = [{"role": "user", "content": word}]
    process.call(key_of(program), messages=asked)
    process.wait_for('"event":"call"')
    (line,) = process.events("call")
    assert (line["status"], line["key"], line["asked"]) == (200, "first-key", "gpt-4o-mini")
    assert line["provider"] == "mock"
    assert line["tokens_out"] > 0
    assert line["trace_id"].startswith("tr_")
    assert line["error"] is None
    assert word not in process.said


def test_a_refused_call_has_its_reason_in_its_line(program: Any) -> None:
    process = program.start(STOCKYARD__log__calls="on", STOCKYARD__mock__trial="false")
    assert process.call(key_of(program), model="nobody-serves-this")[0] == 404
    process.wait_for("nobody-serves-this")
    line = process.events("call")[-1]
    assert (line["status"], line["error"]) == (404, "model_not_found")


def test_a_model_named_like_a_secret_is_not_in_the_log(program: Any) -> None:
    process = program.start(STOCKYARD__log__calls="on", OPENAI_API_KEY=SECRET)
    process.call(key_of(program), model=SECRET)
    process.wait_for("[secret]")
    assert SECRET not in process.said


def test_a_second_server_on_the_same_data_is_refused(program: Any) -> None:
    process = program.start()
    done = program.run("--port", "0")
    assert done.returncode == 75
    assert process.address in done.stderr
    assert f"(pid {process.pid})" in done.stderr
    # On the same port too: it is told that it is itself.
    port = process.address.rpartition(":")[2]
    assert program.run("--port", port).returncode == 75
    assert process.call(key_of(program))[0] == 200


def test_a_killed_one_is_followed_by_one_that_works(program: Any) -> None:
    first = program.start()
    key = key_of(program)
    first.kill()
    assert (program.data / "run" / "control.sock").exists()
    second = program.start()
    assert second.call(key)[0] == 200
    assert program.run("health", "--ready").returncode == 0


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_what_it_does_not_need_is_given_up(program: Any) -> None:
    given = "c" * 40
    process = program.start(STOCKYARD_ADMIN_KEY=given, OPENAI_API_KEY="sk-" + "d" * 40)
    status = Path(f"/proc/{process.pid}/status").read_text()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert re.search(r"^Umask:\s+0077$", status, re.MULTILINE)
    core = re.search(r"^Max core file size +(\d+) +(\d+)", limits, re.MULTILINE)
    assert core
    assert core.groups() == ("0", "0")
    files = re.search(r"^Max open files +(\d+) +(\d+)", limits, re.MULTILINE)
    assert files
    assert files[1] == files[2]
    modes = {
        path.relative_to(program.data): stat.S_IMODE(path.stat().st_mode)
        for path in program.data.rglob("*")
    }
    assert all(not mode & 0o077 for mode in modes.values()), modes
    assert modes[Path("run/control.sock")] == 0o600


def test_an_ephemeral_folder_is_gone_in_the_end(program: Any) -> None:
    process = program.start("--ephemeral")
    folder = Path(process.events("ready")[0]["data"])
    assert folder.is_dir()
    assert process.stop() == 0
    assert not folder.exists()
    assert not program.data.exists()


def test_a_config_file_may_be_named_alone(program: Any) -> None:
    (program.home / "mine.toml").write_text(
        '[server]\ndata_dir = "elsewhere"\n[modules.cache]\nenabled = true\n'
    )
    process = program.start("mine.toml")
    assert (program.home / "elsewhere" / "stockyard.db").exists()
    listed = program.ask("modules", "list", "--config", "mine.toml")["modules"]
    assert [one["set_at"] for one in listed if one["name"] == "cache"] == ["file"]
    assert os.path.samefile(program.home / "elsewhere", Path(process.events("ready")[0]["data"]))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes are Linux's")
def test_rows_that_a_full_disk_keeps_out_are_told_at_the_end(program: Any) -> None:
    process = program.start()
    key = key_of(program)
    log = program.data / "stockyard.db-wal"
    no_more = (log.stat().st_size, resource.RLIM_INFINITY)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, no_more)
    assert process.call(key)[0] == 200
    process.wait_for("could not be written")
    assert process.call(key)[0] == 200
    assert process.stop() == 0
    assert "1 rows of traces were not written in time" in process.said


def test_it_ends_well_even_if_its_control_socket_cannot_be_taken_away(program: Any) -> None:
    process = program.start()
    folder = program.data / FOLDER
    folder.rename(folder.with_name("elsewhere"))
    folder.touch()
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
