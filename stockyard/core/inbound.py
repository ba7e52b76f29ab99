"""What arrived: the request as it came, and its parsed control headers."""

from typing import Protocol

from msgspec import Struct


class Headers(Protocol):
    """The client's header fields, for codecs and dispatch; modules never read them raw."""

    def field(self, name: bytes) -> bytes | None:
        """The value of one field, by its lower-case name."""

    def forward(self, format: str) -> bytes:
        """The fields to forward to a provider that speaks `format`, as header lines."""

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        """The fields to forward to a provider on its native path."""


class Inbound(Struct, frozen=True):
    """The request as it arrived, kept for lossless forwarding."""

    format: str
    """The format of the path, which the client speaks and expects."""
    method: str
    path: str
    query: str
    body: bytes
    headers: Headers
    native: str | None = None
    """On a native route: the provider."""
    native_path: str = ""
    """The path at that provider."""
    native_origin: str = ""
    """Scheme, host and port for that path; a few paths are on another host than the others."""
    native_auth: tuple[str, ...] = ()
    """Authorization schemes of that path, in order of preference."""


class ControlHeaders(Struct, frozen=True, kw_only=True):
    """The control headers, parsed (`modules.md` 1.3). Modules never read raw headers."""

    tags: tuple[tuple[str, str], ...] = ()
    cache: str = ""
    cache_control: str = ""
    provider: str = ""
    fallback: str = ""
    trace: str = ""
    trace_state: str = ""
    explain: bool = False
    capture: str = ""
    session: str = ""
    conversation: str = ""
    idempotency: str = ""
    request_id: str = ""
    """The caller's own id of this request, which answers repeat."""
    project: str = ""
    user: str = ""
    customer: str = ""
    ignored: tuple[str, ...] = ()
    """Names of control headers that no module here uses."""


NO_CONTROL_HEADERS = ControlHeaders()
