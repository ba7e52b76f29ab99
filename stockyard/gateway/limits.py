"""Limits of size, speed and time for what clients send.

The names follow `reliability.md` 5.1 with the unit added; one struct holds for both planes.
"""

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class HttpLimits(Struct, frozen=True, kw_only=True):
    first_byte_timeout_s: float = 10
    head_timeout_s: float = 10
    body_grace_s: float = 10
    """The span over which the rate of the body is measured, repeatedly until it is complete."""
    body_min_rate_bytes_per_s: int = KIB
    body_timeout_s: float = 300
    keepalive_timeout_s: float = 75
    crowded_keepalive_timeout_s: float = 5
    """Applies instead while more than four fifths of `connections` are open."""
    half_close_grace_s: float = 5
    """How long the control plane may take to answer a client that has closed its side, because it
    may have gone."""
    write_stall_s: float = 60
    """The span over which a full write buffer must drain at the minimum rate."""
    write_min_rate_bytes_per_s: int = 256

    connections: int = 10_000
    probe_connections: int = 16
    """Of `connections`, only for loopback and the probe networks."""
    per_address: int = 200
    """Connections of one address (IPv6: of one /64). Loopback and trusted proxies are exempt."""

    max_head_bytes: int = 16 * KIB
    max_line_bytes: int = 8 * KIB
    max_fields: int = 100
    max_control_body_bytes: int = 100 * MIB
    max_control_chunked_bytes: int = 5 * MIB
    """Smaller, because a chunked body for the control plane is collected before it is handed on."""
    pipeline_buffer_bytes: int = 64 * KIB
    """How much may wait behind the current request before we stop reading the socket."""
    drain_bytes: int = 64 * KIB
    """How much of an unread body is discarded after an early answer, so that the answer arrives."""
    drain_timeout_s: float = 1
    write_high_bytes: int = 64 * KIB
    write_low_bytes: int = 16 * KIB
    tick_s: float = 0.25
    """How often the deadlines of all connections are checked."""
