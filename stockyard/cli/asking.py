"""How verbs ask the running server: through the control socket in its data folder.

Nothing else is needed: who may open the socket may do everything, and the database stays the
server's alone.
"""

import http.client
import os
import socket
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from stockyard.cli.failure import CONFLICT, FAILED, REFUSED, UNREACHABLE, WRONG_USE, VerbError
from stockyard.process.socketpath import FOLDER, NAME, short_path

F = TypeVar("F", bound=Callable[..., Any])

EXIT_CODES = {400: WRONG_USE, 401: REFUSED, 403: REFUSED, 409: CONFLICT, 412: CONFLICT}
DEADLINE = 10.0
MAX_ANSWER = 64 << 20


class Server:
    """The server of one data folder. Each request has a deadline."""

    def __init__(self, data_dir: Path, deadline: float = DEADLINE) -> None:
        self.data_dir = data_dir
        self.deadline = deadline
        self._path = data_dir / FOLDER / NAME

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: object) -> Any:
        return self._ask("POST", path, body)

    def put(self, path: str, body: object, *, if_match: str | None = None) -> Any:
        return self._ask("PUT", path, body, {"If-Match": if_match} if if_match else {})

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)

    def probe(self, path: str) -> tuple[int, Any]:
        """Status and body, whatever the status. Raises VerbError (4) if nobody answers."""
        connection = self.connect()
        try:
            return self.exchange(connection, "GET", path)
        finally:
            connection.close()

    def running(self) -> bool:
        try:
            self.connect().close()
        except VerbError:
            return False
        return True

    def _ask(
        self, method: str, path: str, body: object = None, fields: dict[str, str] | None = None
    ) -> Any:
        connection = self.connect()
        try:
            status, answer = self.exchange(connection, method, path, body, fields)
        finally:
            connection.close()
        if status >= 400:
            detail = answer.get("detail") if isinstance(answer, dict) else None
            raise VerbError(EXIT_CODES.get(status, FAILED), detail or f"The server said {status}.")
        return answer

    def exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: object = None,
        fields: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One request and its answer on an open connection, which stays open."""
        sent = None if body is None else msgspec.json.encode(body)
        head = {"Host": "localhost", "Content-Type": "application/json", **(fields or {})}
        try:
            connection.request(method, path, sent, head)
            answer = connection.getresponse()
            text = answer.read(MAX_ANSWER)
            return answer.status, msgspec.json.decode(text) if text else None
        except TimeoutError:
            raise VerbError(
                UNREACHABLE, f"The server did not answer within {self.deadline:g} s: try again."
            ) from None
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            raise VerbError(
                UNREACHABLE, "The server broke off its answer: is it stopping?"
            ) from None

    def connect(self) -> http.client.HTTPConnection:
        """Raises VerbError (4) when no server runs on this data folder."""
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(self.deadline)
        try:
            with short_path(self._path) as path:
                opened.connect(path)
        except PermissionError:
            opened.close()
            raise VerbError(
                REFUSED, f"This server belongs to another user ({self.data_dir})."
            ) from None
        except OSError:
            opened.close()
            raise VerbError(
                UNREACHABLE,
                f"Stockyard is not running ({self.data_dir}): start it with `stockyard`, or name "
                "its folder with --data.",
            ) from None
        connection = http.client.HTTPConnection("localhost", timeout=self.deadline)
        connection.sock = opened
        return connection


def server_options(verb: F) -> F:
    """The options of every verb that asks the server; they arrive as `server` and `as_json`."""

    def with_server(
        *args: Any, data_dir: str | None, config: str | None, deadline: float, **rest: Any
    ) -> Any:
        server = Server(data_folder(data_dir, config), deadline)
        return verb(*args, server=server, **rest)

    options = (
        click.option("--data", "data_dir", metavar="DIR", help="The server's data folder."),
        click.option("--config", metavar="FILE", help="The server's config file."),
        click.option(
            "--timeout",
            "deadline",
            type=click.FloatRange(0.1, 600),
            default=DEADLINE,
            help="Seconds to wait for an answer.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--debug", is_flag=True, expose_value=False, hidden=True),
    )
    command: Any = update_wrapper(with_server, verb)
    for option in reversed(options):
        command = option(command)
    done: F = command
    return done


def data_folder(data_dir: str | None, config: str | None) -> Path:
    """The data folder that `serve` would use with the same flags. Raises CannotStart (78)."""
    if data_dir:
        return Path(data_dir).expanduser().absolute()
    from stockyard.settings import load

    return load({"config": config}, os.environ, Path.cwd()).server.data_dir


def print_json(document: object) -> None:
    click.echo(msgspec.json.encode(document))
