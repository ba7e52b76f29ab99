"""The server that verbs ask: that of this user by its control socket, or another by its URL."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.cli.asking import Server
from stockyard.cli.failure import VerbError

ASKING = [
    ("stop",),
    ("modules", "on", "cache"),
    ("keys", "list"),
    ("logs",),
    ("models",),
    ("prices", "list"),
    ("reload",),
    ("explain", "tr_x"),
    ("events",),
    ("open",),
    ("logs", "-f"),
]


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_without_a_server_a_verb_says_so_and_ends_with_4(
    new_program: Callable[[], Any], arguments: tuple[str, ...]
) -> None:
    done = new_program().run(*arguments)
    assert done.returncode == 4
    assert re.fullmatch(r"stockyard: Stockyard is not running \(.+\): start it .+\n", done.stderr)
    assert done.stdout == ""


def test_a_server_of_somebody_else_is_not_asked(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Server(served.data).connect().close()
    monkeypatch.setattr(os, "geteuid", lambda: served.data.stat().st_uid + 1)
    with pytest.raises(VerbError, match="another user") as refused:
        Server(served.data).connect()
    assert refused.value.exit_code == 5


def test_the_control_socket_is_for_us_alone(served: Any) -> None:
    path = served.data / "run" / "control.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


AS_NOBODY = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setuid(65534)
asked = socket.socket(socket.AF_UNIX)
asked.connect("control.sock")
try:
    asked.sendall(b"GET /api/team/keys HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    print(asked.recv(100))
except OSError:
    print(b"")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_cut_off_even_where_modes_let_him_in(program: Any) -> None:
    program.start()
    path = program.data / "run" / "control.sock"
    path.parent.chmod(0o711)
    path.chmod(0o666)
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", AS_NOBODY, str(path.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("b''\n", "")
    path.parent.chmod(0o700)
    assert program.run("keys", "list").returncode == 0


def test_a_data_folder_with_a_long_name_can_be_asked_too(new_program: Callable[[], Any]) -> None:
    program = new_program()
    folder = program.home / ("deep" * 20) / ("er" * 40)
    folder.parent.mkdir()
    process = program.start("--data", str(folder))
    assert program.run("health", "--data", str(folder)).returncode == 0
    assert program.run("stop", "--data", str(folder)).returncode == 0
    assert process.wait() == 0


def test_a_server_elsewhere_is_asked_at_its_url(
    served: Any, new_program: Callable[[], Any]
) -> None:
    elsewhere = new_program()
    asked = ("modules", "list", "--url", served.server.address)
    assert elsewhere.ask(*asked, "--key", served.secret("sya-"))["count"] > 5
    assert elsewhere.run(*asked, STOCKYARD_KEY="sya-" + "a" * 49).returncode == 5
    assert elsewhere.run("modules", "off", "cache", *asked[2:]).returncode == 5


def test_health_is_an_exit_code(served: Any, new_program: Callable[[], Any]) -> None:
    assert served.run("health").returncode == 0
    assert served.run("--health").returncode == 0
    assert served.ask("health", "--ready") == {"ok": True, "state": "ok", "reasons": []}
    assert new_program().run("health").returncode == 1


def test_stop_returns_when_the_server_has_ended(program: Any) -> None:
    process = program.start()
    assert program.ask("stop") == {"stopped": True}
    assert process.wait() == 0
    assert not (program.data / "run" / "control.sock").exists()
    again = program.start()
    assert again.stop() == 0
