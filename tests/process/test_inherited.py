"""What a process is left by whoever started it."""

import os
import socket
from collections.abc import Iterator

import pytest

from stockyard.process.inherited import LEFT, Inherited, handed_on, inherited
from stockyard.process.servicemanager import notify_ready


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_a_socket_and_its_supervisor_are_taken_up(listening: socket.socket) -> None:
    given = listening.dup()
    environ = handed_on(given, supervisor=os.getppid(), replaces=True)
    found = inherited(environ)
    given.detach()
    assert found.listening is not None
    with found.listening as ours:
        assert ours.getsockname() == listening.getsockname()
        assert not ours.get_inheritable()
    assert (found.supervisor, found.replaces) == (os.getppid(), True)


def test_a_supervisor_that_has_ended_is_none(listening: socket.socket) -> None:
    given = listening.dup()
    found = inherited(handed_on(given, supervisor=os.getppid() + 1))
    given.detach()
    assert found.listening is not None
    found.listening.close()
    assert (found.supervisor, found.replaces) == (0, False)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {LEFT: ""},
        {LEFT: "nonsense"},
        {LEFT: "987654 1 0"},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
    ],
)
def test_what_is_not_there_or_for_others_is_left_alone(environ: dict[str, str]) -> None:
    assert inherited(environ) == Inherited()


@pytest.mark.parametrize("abstract", [False, True])
def test_a_service_manager_is_told_that_we_serve(
    tmp_path_factory: pytest.TempPathFactory, abstract: bool
) -> None:
    name = f"stockyard-test-{os.getpid()}"
    path = "\0" + name if abstract else str(tmp_path_factory.mktemp("n") / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        notify_ready({"NOTIFY_SOCKET": path.replace("\0", "@")})
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_a_manager_that_does_not_listen_is_not_missed(environ: dict[str, str]) -> None:
    notify_ready(environ)
