"""The targets of load: the provider itself, the bare proxy, or the gateway."""

import os
import re
import shlex
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.job import Job, Outcome
from bench.process import Process

_PYTHON = shlex.quote(sys.executable)
GATEWAY = f"{_PYTHON} -m stockyard serve --port {{port}} --data {{data}}"
BARE = f"{_PYTHON} -m bench.bare_proxy {{port}} {{up}}"

_KEY = re.compile(r"sk-sy-[A-Za-z0-9_-]+")
_PATIENCE = 30.0
"""Seconds a target may take to its first right answer."""
_SETTLING = 0.3
"""Seconds after it until memory is called idle."""
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class NeverAnsweredError(Exception):
    """A target that does not start, or never answers right."""


class Load:
    """The load generator's process."""

    def __init__(self, core: int) -> None:
        self._process = Process.python("bench.load", core=core)

    def run(self, job: Job) -> Outcome:
        self._process.write_line(msgspec.json.encode(job))
        return msgspec.json.decode(self._process.read_line(), type=Outcome)

    def stop(self) -> None:
        self._process.stop()


@dataclass
class Target:
    """Something that answers calls on a port."""

    name: str
    port: int
    key: str = "no-key-yet"
    """Not like a provider's secret: on loopback a gateway may take that as well."""
    process: Process | None = None
    start_s: float = 0.0
    """Seconds from exec to the first right answer."""
    idle_bytes: int = 0
    _folder: Path | None = None

    def job(self, **fields: Any) -> Job:
        return Job(port=self.port, key=self.key, **fields)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def started(name: str, command: str, *, up: int, core: int, load: Load) -> Target:
    """Start a command and wait for its first right answer."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    target = Target(name, _free_port(), _folder=folder)
    log = folder / "log"
    words = shlex.split(command.format(port=target.port, up=up, data=folder / "data"))
    target.process = Process(words, core=core, environment=_environment(folder, up), log=log)
    try:
        _wait_for_an_answer(target, target.process, log, load)
        time.sleep(_SETTLING)
        target.idle_bytes, _ = target.process.memory()
    except BaseException:
        target.stop()
        raise
    return target


def _wait_for_an_answer(target: Target, process: Process, log: Path, load: Load) -> None:
    last: Outcome | None = None
    while time.perf_counter() - process.started < _PATIENCE and not process.ended:
        if found := _KEY.search(log.read_text(errors="replace")):
            target.key = found.group()
        if _listens(target.port):
            last = load.run(target.job(limit=1, seconds=5, warm=0, patience=5))
            if last.right:
                target.start_s = time.perf_counter() - process.started
                return
        time.sleep(0.01)
    said = log.read_text(errors="replace")[-2000:]
    samples = "\n".join(last.samples if last else [])
    raise NeverAnsweredError(f"{target.name} never answered right.\n{samples}\n{said}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(folder: Path, up: int) -> dict[str, str]:
    """A home of its own, and the providers pointed at ours."""
    out = {name: os.environ[name] for name in _KEPT if name in os.environ}
    out |= {"HOME": str(folder), "STOCKYARD_PRINT_SECRETS": "1"}
    for provider, base in (("openai", "/v1"), ("anthropic", "")):
        at = f"STOCKYARD__providers__{provider}__"
        out[f"{provider.upper()}_API_KEY"] = "x"
        out |= {at + "base_url": f"http://127.0.0.1:{up}{base}", at + "allow_private": "true"}
    return out
