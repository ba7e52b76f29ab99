"""A gateway that is supervised or restarted: calls run on, nothing is refused, crashes mended."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stockyard.storage.datafolder import holder_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals")

CALLERS = 4
FOREVER = 15.0


@pytest.fixture(autouse=True)
def nobody_is_left(program: Any) -> Iterator[None]:
    """A child outlives a supervisor that is killed, as one is whose test fails."""
    yield
    pid, _ = holder_of(program.data)
    program.end()
    if pid and Path(f"/proc/{pid}").exists():
        os.kill(int(pid), signal.SIGKILL)


class Crowd:
    """Callers who call as fast as they are answered; half of them on connections that they keep."""

    def __init__(self, address: str, key: str) -> None:
        self._place = urlsplit(address)
        self._fields = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._done = threading.Event()
        self.answered = 0
        self.failed: list[str] = []
        self._callers = [
            threading.Thread(target=self._call, args=(number % 2 == 0,))
            for number in range(CALLERS)
        ]

    def __enter__(self) -> "Crowd":
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for caller in self._callers:
            caller.join(FOREVER)

    def wait_for(self, more: int) -> None:
        wanted, until = self.answered + more, time.monotonic() + FOREVER
        while self.answered < wanted and time.monotonic() < until:
            time.sleep(0.01)
        assert self.answered >= wanted

    def _call(self, keep: bool) -> None:
        connection = self._connection()
        while not self._done.is_set():
            if not keep:
                connection.close()
                connection = self._connection()
            try:
                self._one(connection)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
            time.sleep(0.01)
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            str(self._place.hostname), self._place.port, timeout=FOREVER
        )

    def _one(self, connection: http.client.HTTPConnection) -> None:
        body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "hello"}]})
        connection.request("POST", "/v1/chat/completions", body, self._fields)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 200 and json.loads(text)["choices"]:
            self.answered += 1
        else:
            self.failed.append(f"{answer.status} {text!r}")


def a_key(program: Any) -> str:
    secret: str = program.ask("keys", "create", "crowd")["key"]
    return secret


def serving(program: Any) -> int:
    """The process that serves now, as it says itself in the lock."""
    return int(holder_of(program.data)[0])


def becomes(true: Callable[[], bool], within: float = FOREVER) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


@contextmanager
def a_stream(process: Any, key: str, model: str) -> Iterator[http.client.HTTPResponse]:
    place = urlsplit(process.address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=FOREVER)
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    fields = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), fields)
    try:
        yield connection.getresponse()
    finally:
        connection.close()


class TestSupervised:
    def test_a_restart_fails_no_call_and_refuses_no_connection(self, program: Any) -> None:
        process = program.start("--supervise")
        key = a_key(program)
        with Crowd(process.address, key) as crowd:
            crowd.wait_for(20)
            for _ in range(2):
                before = serving(program)
                done = program.ask("restart")
                assert done["pid"] == serving(program) != before
                crowd.wait_for(20)
        assert crowd.failed == []
        assert becomes(lambda: traces(process) == crowd.answered)
        assert process.stop() == 0

    @pytest.mark.slow
    def test_a_stream_goes_on_in_the_process_that_leaves(self, program: Any) -> None:
        process = program.start("--supervise")
        key = a_key(program)
        before = serving(program)
        with a_stream(process, key, "mock/slow") as stream:
            program.ask("restart")
            text = stream.read().decode()
        assert text.rstrip().endswith("data: [DONE]") or ": stockyard" in text
        assert "server_shutdown" not in text
        assert becomes(lambda: not alive(before))
        assert becomes(lambda: traces(process) == 1)
        assert process.stop() == 0

    @pytest.mark.slow
    def test_what_limits_have_counted_is_not_forgotten(self, program: Any) -> None:
        process = program.start("--supervise")
        made = program.ask("keys", "create", "few", "--limit", "calls=2,per=1h")
        assert process.call(made["key"])[0] == 200
        assert process.call(made["key"])[0] == 200
        program.ask("restart")
        assert process.call(made["key"])[0] == 429
        assert process.stop() == 0

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param("unknown = 1\n", id="before it asks for the folder"),
            pytest.param(
                'modules_dir = "nowhere"\n', id="when it has the folder", marks=pytest.mark.slow
            ),
        ],
    )
    def test_one_that_cannot_take_over_leaves_all_as_it_was(self, program: Any, fault: str) -> None:
        config = program.home / "stockyard.toml"
        config.write_text("")
        process = program.start("--supervise")
        key = a_key(program)
        before = serving(program)
        config.write_text(fault)
        with Crowd(process.address, key) as crowd:
            failed = program.run("restart", "--data", str(program.data))
            crowd.wait_for(20)
        assert failed.returncode == 1
        assert "the old one goes on" in failed.stderr
        assert crowd.failed == []
        assert serving(program) == before
        config.write_text("")
        assert program.ask("restart")["pid"] != before
        assert process.stop() == 0

    @pytest.mark.parametrize(
        "number", [signal.SIGKILL, pytest.param(signal.SIGSEGV, marks=pytest.mark.slow)]
    )
    def test_a_crash_is_followed_by_another_process(self, program: Any, number: int) -> None:
        process = program.start("--supervise")
        key = a_key(program)
        for _ in range(2):
            before = serving(program)
            os.kill(before, number)
            assert becomes(lambda was=before: serving(program) != was)  # type: ignore[misc]  # a default keeps the value of this turn
            assert process.call(key)[0] == 200
        assert process.stop() == 0

    def test_it_ends_when_it_is_stopped_from_the_command_line(self, program: Any) -> None:
        process = program.start("--supervise")
        assert program.run("stop").returncode == 0
        assert process.wait() == 0

    def test_what_cannot_start_is_not_tried_again(self, program: Any) -> None:
        process = program.begin("--supervise", "--port", "0", STOCKYARD_ADMIN_KEY="short")
        assert process.wait() == 78
        assert process.errors().count("STOCKYARD_ADMIN_KEY") == 1

    @pytest.mark.slow
    def test_a_hang_up_reaches_the_one_that_serves(self, program: Any) -> None:
        process = program.start("--supervise")
        process.signal(signal.SIGHUP)
        process.wait_for("SIGHUP")
        assert process.stop() == 0


class TestAlone:
    @pytest.mark.slow
    def test_a_restart_keeps_the_port_and_ends_calls_first(self, program: Any) -> None:
        process = program.start()
        key = a_key(program)
        with a_stream(process, key, "mock/slow") as stream:
            done = program.ask("restart")
            assert "server_shutdown" not in stream.read().decode()
        assert done["pid"] == process.pid
        assert process.call(key)[0] == 200
        assert process.stop() == 0

    def test_connections_wait_while_it_restarts(self, program: Any) -> None:
        process = program.start()
        key = a_key(program)
        with Crowd(process.address, key) as crowd:
            crowd.wait_for(10)
            program.ask("restart")
            crowd.wait_for(10)
        assert crowd.failed == []
        assert process.stop() == 0

    @pytest.mark.slow
    def test_data_for_one_run_goes_with_it(self, program: Any) -> None:
        process = program.start("--ephemeral")
        first = process.events("ready")[0]["data"]
        told = program.run("restart", "--data", first)
        assert (told.returncode, "--ephemeral" in told.stderr) == (1, True)
        assert becomes(lambda: process.read(0.1) and len(process.events("ready")) == 2)
        assert not Path(first).exists()
        second = process.events("ready")[1]
        assert second["address"] == process.address
        assert process.stop() == 0
        assert not Path(second["data"]).exists()

    def test_nothing_is_restarted_where_nothing_runs(self, program: Any) -> None:
        assert program.run("restart").returncode == 4


def traces(process: Any) -> int:
    """How many calls are in the books."""
    _, found = process.request("GET", "/api/lookout/traces?limit=1&with_total=true")
    total: int = found["total"]
    return total


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
