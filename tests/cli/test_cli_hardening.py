"""What the program looks up and gives up before it serves."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stockyard.process.certificate import refuse_expired
from stockyard.process.hardening import forget
from stockyard.process.portowner import program_on
from stockyard.process.socketpath import LONGEST, short_path


def test_secrets_are_taken_out_of_the_environment_under_every_name() -> None:
    environ = {
        "A_KEY": " secret ",
        "ALSO": "secret",
        "PATH": "/bin",
        "EMPTY": "",
        "PART": "secret1",
    }
    forget(environ, ["secret", ""])
    assert environ == {"PATH": "/bin", "EMPTY": "", "PART": "secret1"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_program_on_a_port_is_found(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        taken = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"no {host} here")
    with taken:
        port = taken.getsockname()[1]
        found = program_on(port)
    assert found is not None
    assert found.endswith(f"(pid {os.getpid()})")
    assert program_on(port) is None


def test_a_system_that_tells_nothing_has_no_program_on_a_port(tmp_path: Path) -> None:
    assert program_on(4200, proc=tmp_path) is None
    assert program_on(4200, proc=tmp_path / "none") is None


@pytest.mark.parametrize("length", [1, LONGEST + 100])
def test_a_socket_has_a_short_path_wherever_it_is(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("d" * min(length, 200))
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening, short_path(folder / "s") as path:
        listening.bind(path)
        assert (folder / "s").is_socket()


def test_what_is_no_certificate_is_left_to_whoever_loads_it(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("not one")
    refuse_expired(tmp_path / "x.pem", datetime.now(UTC))
    refuse_expired(tmp_path / "none", datetime.now(UTC))
