"""Read the head of a WebSocket request: Key, subprotocols, and the fields to forward."""

from stockyard.errors import Refused
from stockyard.gateway import native_head
from stockyard.gateway.http import Head
from stockyard.upstream.frames import is_key
from stockyard.upstream.plans import USER_AGENT

KEY_PROTOCOL = b"openai-insecure-api-key."
"""Prefix of a subprotocol that carries the Key, for browsers, which cannot set header fields."""
PASSED = (b"openai-beta", b"openai-safety-identifier")
"""Header fields that are forwarded from unified routes."""


class SessionFields:
    """The Headers of a session. On native routes most of them are forwarded."""

    def __init__(self, head: Head, *, native: bool) -> None:
        self._head = head
        self._native = native

    def field(self, name: bytes) -> bytes | None:
        return self._head.field(name)

    def forward(self, format: str) -> bytes:
        return b""

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        fields = self._of_its_own() if self._native else self._passed()
        offered = [name for name in protocols_in(self._head) if not name.startswith(KEY_PROTOCOL)]
        if offered:
            fields.append((b"sec-websocket-protocol", b", ".join(offered)))
        return fields

    def _passed(self) -> list[tuple[bytes, bytes]]:
        shown = [(n, v) for n in PASSED if (v := self._head.field(n)) is not None and v.isascii()]
        return [(b"user-agent", USER_AGENT), *shown]

    def _of_its_own(self) -> list[tuple[bytes, bytes]]:
        """All fields but those of the client's own handshake with us."""
        return [
            (name, value)
            for name, value in native_head.kept(self._head)
            if name != b"origin" and not name.startswith(b"sec-websocket-")
        ]


def protocols_in(head: Head) -> list[bytes]:
    """The subprotocols that a client offers."""
    offered = head.field(b"sec-websocket-protocol") or b""
    return [name for part in offered.split(b",") if (name := part.strip())]


def key_in_protocols(head: Head) -> str | None:
    """The secret that a client offers as a subprotocol; browsers can send it in no other way."""
    keys = (p for p in protocols_in(head) if p.startswith(KEY_PROTOCOL))
    found = next(keys, None)
    return None if found is None else found[len(KEY_PROTOCOL) :].decode("latin-1")


def key_of(head: Head) -> bytes:
    """The key of the client's handshake. Raises Refused (400, 426)."""
    if (head.field(b"sec-websocket-version") or b"") != b"13":
        raise Refused(426, "upgrade_refused", "Only version 13 of WebSockets is spoken here.")
    key = head.field(b"sec-websocket-key") or b""
    if not is_key(key):
        raise Refused(400, "invalid_request", "The handshake has no usable key.")
    return key
