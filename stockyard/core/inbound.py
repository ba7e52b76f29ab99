"""What arrived: the request as it came, and what its control headers ask for."""

from typing import Protocol

from msgspec import Struct


class Headers(Protocol):
    """The client's header fields, for codecs and dispatch; modules never read them raw."""

    def field(self, name: bytes) -> bytes | None:
        """The value of one field, by its lower-case name."""

    def forward(self, format: str) -> bytes:  # noqa: A002  the word of the field everywhere
        """The fields that go on to a provider that is spoken to in `format`, as header lines."""

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        """The fields that go on to a provider on its native path."""


class Inbound(Struct, frozen=True):
    """What arrived, kept for lossless forwarding."""

    format: str
    """The format of the path: what the client speaks and wants back."""
    method: str
    path: str
    query: str
    body: bytes
    headers: Headers
    native: str | None = None
    """On a native route: the provider whose own dialect this is."""
    native_path: str = ""
    """The path at that provider."""
    native_origin: str = ""
    """Scheme, host and port of that path; a few paths stand on another host than the others."""
    native_auth: tuple[str, ...] = ()
    """How a secret is shown on that path, in order of preference."""


class Asked(Struct, frozen=True, kw_only=True):
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
    """The caller's own id of this request; answers repeat it."""
    project: str = ""
    user: str = ""
    customer: str = ""
    ignored: tuple[str, ...] = ()
    """Control headers that nobody here obeys."""


NOTHING_ASKED = Asked()
