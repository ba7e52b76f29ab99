"""How verbs reach the running server: through the control socket in its data folder.

Whoever may open the socket may do everything, and the database stays the server's alone. A remote
server is reached at its `--url`, with an admin credential.
"""

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click
import msgspec

from stockyard.cli.failure import CONFLICT, FAILED, REFUSED, UNREACHABLE, WRONG_USE, VerbError
from stockyard.process.socketpath import FOLDER, NAME, short_path

EXIT_CODES = {400: WRONG_USE, 401: REFUSED, 403: REFUSED, 409: CONFLICT, 412: CONFLICT}
DEADLINE = 10.0
MAX_ANSWER = 64 << 20
MAX_LINE = 1 << 20
SILENCE = 45.0
"""Seconds without a heartbeat of the live feed, which sends one every 15."""


class Remote(NamedTuple):
    """A remote server and the credential for it."""

    url: str
    key: str


class Server:
    """The server of one data folder, or a remote one. Each request has a deadline."""

    def __init__(
        self, data_dir: Path, deadline: float = DEADLINE, remote: Remote | None = None
    ) -> None:
        self.data_dir = data_dir
        self.deadline = deadline
        self._path = data_dir / FOLDER / NAME
        self._remote = remote

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def post(self, path: str, body: object) -> Any:
        return self._ask("POST", path, body)

    def put(self, path: str, body: object, *, if_match: str | None = None) -> Any:
        return self._ask("PUT", path, body, {"If-Match": if_match} if if_match else {})

    def patch(self, path: str, body: object) -> Any:
        return self._ask("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self._ask("DELETE", path)

    def listen(self, path: str) -> Iterator[tuple[str, Any]]:
        """Events of the live feed with their data, the first one empty: from here on it is heard.

        Raises VerbError (4) when the server stops or goes silent.
        """
        connection = self.connect()
        try:
            connection.request("GET", path, headers=self._fields())
            answer = connection.getresponse()
            if answer.status >= 400:
                text = answer.read(MAX_ANSWER)
                raise refusal(answer.status, msgspec.json.decode(text))
            connection.sock.settimeout(SILENCE)
            yield from events_in(answer)
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            pass
        finally:
            connection.close()
        raise VerbError(UNREACHABLE, "The server broke off: is it stopping?")

    def only_here(self) -> None:
        """Raises UsageError for a remote server."""
        if self._remote is not None:
            raise click.UsageError("This works on the server's own machine only: without --url.")

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

    def serves(self) -> bool:
        """Whether it wants traffic."""
        try:
            status, _ = self.probe("/readyz")
        except VerbError:
            return False
        return status == 200

    def _ask(
        self, method: str, path: str, body: object = None, fields: dict[str, str] | None = None
    ) -> Any:
        connection = self.connect()
        try:
            status, answer = self.exchange(connection, method, path, body, fields)
        finally:
            connection.close()
        if status >= 400:
            raise refusal(status, answer)
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
        head = {**self._fields(), "Content-Type": "application/json", **(fields or {})}
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

    def _fields(self) -> dict[str, str]:
        if self._remote is None:
            return {"Host": "localhost"}
        return {"Authorization": f"Bearer {self._remote.key}"} if self._remote.key else {}

    def connect(self) -> http.client.HTTPConnection:
        """Raises VerbError (4) when no server runs on this data folder, or answers there."""
        if self._remote is not None:
            return connected_to(self._remote.url, self.deadline)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(self.deadline)
        try:
            # A socket that somebody else made is not the server's.
            if os.geteuid() not in (0, self._path.stat().st_uid):
                raise PermissionError
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


def connected_to(url: str, deadline: float) -> http.client.HTTPConnection:
    place = urlsplit(url)
    kinds: dict[str, type[http.client.HTTPConnection]] = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    if place.scheme not in kinds or not place.hostname or place.path not in ("", "/"):
        raise click.UsageError(f'"{url}" is not an address such as https://stockyard.example.com.')
    connection = kinds[place.scheme](place.hostname, place.port, timeout=deadline)
    try:
        connection.connect()
    except OSError as error:
        raise VerbError(
            UNREACHABLE, f"Nobody answers at {url}: {error.strerror or error}."
        ) from None
    return connection


def refusal(status: int, answer: Any) -> VerbError:
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return VerbError(EXIT_CODES.get(status, FAILED), detail or f"The server said {status}.")


def events_in(answer: http.client.HTTPResponse) -> Iterator[tuple[str, Any]]:
    event, data = "", b"null"
    while line := answer.readline(MAX_LINE):
        name, _, value = line.rstrip(b"\n").partition(b": ")
        if name == b"event":
            event = value.decode()
        elif name == b"data":
            data = value
        elif not line.strip():
            yield event, msgspec.json.decode(data)
            event, data = "", b"null"
