"""The real program as a process of its own, in a home of its own."""

import http.client
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import stockyard

DEADLINE = 15.0
PASSED_ON = ("PATH", "LANG", "TZ")
SOURCE = str(Path(stockyard.__file__).parents[1])


class Program:
    """`stockyard`, run as a user would. `home` is empty at first."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / ".stockyard"
        self.processes: list[Process] = []
        self.server: Process | None = None

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        # The machine may be busy with other tests.
        patient = {"STOCKYARD__overload__loop_lag": "1h"}
        return {**kept, "HOME": str(self.home), "PYTHONPATH": SOURCE, **patient, **more}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One verb, to its end. Keyword arguments are variables of the environment."""
        return subprocess.run(  # noqa: S603  a program of ours
            [sys.executable, "-m", "stockyard", *arguments],
            env=self.environment(more),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def ask(self, *arguments: str) -> Any:
        """The document that a verb prints with `--json`."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, terminal: bool = False, **more: str) -> "Process":
        """A server on any free port; returns when it says that it is ready."""
        process = self.begin("--port", "0", *arguments, terminal=terminal, **more)
        process.wait_for("ready")
        return process

    def begin(self, *arguments: str, terminal: bool = False, **more: str) -> "Process":
        ours, theirs = pty.openpty() if terminal else os.pipe()
        running = subprocess.Popen(  # noqa: S603  a program of ours
            [sys.executable, "-m", "stockyard", *arguments],
            env=self.environment(more),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        process = Process(running, ours, self.data)
        self.processes.append(process)
        return process

    def secret(self, prefix: str) -> str:
        """The one with this prefix, from the note that the first start left."""
        note = (self.data / "first-run.txt").read_text()
        found = re.search(prefix + r"[A-Za-z0-9_-]+", note)
        assert found
        return found[0]

    def end(self) -> None:
        for process in self.processes:
            process.end()


class Process:
    """A server under way, and what it has said so far."""

    def __init__(self, running: "subprocess.Popen[bytes]", output: int, data: Path) -> None:
        self.running = running
        self.pid = running.pid
        self.output: int | None = output
        self._data = data
        self.said = ""

    @property
    def address(self) -> str:
        found = re.search(r"https?://[0-9.:\[\]]+:\d+", self.said)
        assert found, self.said
        return found[0]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, where it is JSON."""
        return [json.loads(line) for line in self.said.splitlines() if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == name]

    def wait_for(self, text: str) -> None:
        """Read until this was said and its line is complete."""
        until = time.monotonic() + DEADLINE
        while not re.search(re.escape(text) + r".*\n", self.said):
            if not self.read(until - time.monotonic()):
                raise AssertionError(f"never said {text!r}: {self.said!r}; {self.errors()!r}")

    def read(self, seconds: float) -> bool:
        """Read what is there; False at the end, or when nothing comes."""
        if self.output is None or not select.select([self.output], [], [], max(seconds, 0))[0]:
            return False
        try:
            some = os.read(self.output, 65_536)
        except OSError:  # how a terminal ends
            some = b""
        self.said += some.decode().replace("\r\n", "\n")
        return bool(some)

    def errors(self) -> str:
        self.kill()
        assert self.running.stderr is not None
        return self.running.stderr.read().decode()

    def close_output(self) -> None:
        if self.output is not None:
            os.close(self.output)
            self.output = None

    def signal(self, number: int) -> None:
        self.running.send_signal(number)

    def stop(self) -> int:
        """Stop it as a service manager does; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        until = time.monotonic() + DEADLINE
        while self.running.poll() is None and time.monotonic() < until:
            self.read(0.02)
        code = self.running.wait(0.1)
        while self.read(0):
            pass
        return code

    def kill(self) -> None:
        if self.running.poll() is None:
            self.running.kill()
        self.running.wait(DEADLINE)

    def end(self) -> None:
        self.kill()
        self.close_output()
        assert self.running.stderr is not None
        self.running.stderr.close()

    def call(self, key: str, **body: Any) -> tuple[int, Any]:
        """A chat call."""
        asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}], **body}
        return self.request("POST", "/v1/chat/completions", json.dumps(asked), key=key)

    def request(self, method: str, path: str, body: str = "", *, key: str = "") -> tuple[int, Any]:
        place = urlsplit(self.address)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=DEADLINE)
        fields = {"Content-Type": "application/json"}
        if key:
            fields["Authorization"] = f"Bearer {key}"
        try:
            connection.request(method, path, body or None, fields)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def new_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Program]]:
    """Makes programs, each with an empty home, and ends what they started."""
    made: list[Program] = []

    def make() -> Program:
        made.append(Program(tmp_path_factory.mktemp("home")))
        return made[-1]

    yield make
    for program in made:
        program.end()


@pytest.fixture(scope="module")
def served(new_program: Callable[[], Program]) -> Program:
    """A program whose `server` all tests of a file share."""
    program = new_program()
    program.server = program.start()
    return program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    yield program
    program.end()
