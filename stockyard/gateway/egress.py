"""Turn answers and errors into HTTP: header fields, content types, error answers.

The only place where an error becomes HTTP. `faults.py` decides status and code, the codec of the
client's format encodes them, and this file makes the answer.
"""

from collections.abc import Iterable, Mapping
from functools import partial

from stockyard.core.exchange import Exchange
from stockyard.core.kind import Kind
from stockyard.core.response import Raw
from stockyard.gateway.contract import Whole
from stockyard.gateway.http import field_lines
from stockyard.upstream.reckoning import prompt_of
from stockyard.wire.codec import Codec, Fault, Pen

STREAM_HEAD = b"cache-control: no-cache, no-transform\r\nx-accel-buffering: no\r\n"
JSON_HEAD = b"content-type: application/json\r\n"
TEXT_HEAD = b"content-type: text/plain; charset=utf-8\r\n"
BYTES_HEAD = b"content-type: application/octet-stream\r\n"
TYPED = frozenset({"audio"})
"""Kinds of call whose answers are not always JSON; they keep the provider's content type."""
SHOWN_TYPES = (b"audio/", b"application/json", b"application/x-subrip", b"text/plain", b"text/vtt")
"""Prefixes of content types that are passed on. None is one that a browser would execute."""

_SOUNDS = (
    (b"RIFF", b"wav"),
    (b"OggS", b"ogg"),
    (b"fLaC", b"flac"),
    (b"ID3", b"mpeg"),
    (b"\xff\xf3", b"mpeg"),
    (b"\xff\xfb", b"mpeg"),
    (b"\xff\xf1", b"aac"),
)
"""First bytes of audio files -> subtype of the content type."""

NATIVE_STAYS = frozenset(
    (
        b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
        b"trailers transfer-encoding upgrade content-length set-cookie set-cookie2 server alt-svc "
        b"openai-organization openai-project anthropic-organization-id anthropic-workspace-id "
        b"strict-transport-security content-encoding "
        b"clear-site-data refresh service-worker-allowed nel report-to reporting-endpoints "
        b"x-sendfile x-lighttpd-send-file"
    ).split()
)
NATIVE_STAYS_PREFIXES = (
    b"x-stockyard-",
    b"x-accel-",
    b"access-control-",
    b"content-security-policy",
    b"cross-origin-",
)
"""Header fields of a provider that a native route drops (`wire.md` 2.3, `security.md` 9): with them
a provider could speak in our name, to the proxy in front of us, or to a browser about our origin.
"""

NAMES_OF_CALLS = (b"x-request-id", b"request-id")
"""Header fields with the provider's own id of the request."""

LOOKS_FOR_REQUEST_ID = frozenset({"anthropic.messages", "anthropic.count"})
"""Formats whose clients read the request id from `request-id`, without the `x-`."""

UNIFIED_PASSES: Mapping[bytes, bytes] = {
    **dict.fromkeys(NAMES_OF_CALLS, b"x-upstream-request-id"),
    **{
        f"{family}{spelling}".encode(): f"x-ratelimit-{what}-{unit}".encode()
        for what in ("limit", "remaining", "reset")
        for unit in ("requests", "tokens")
        for family, spelling in (
            ("x-ratelimit-", f"{what}-{unit}"),
            ("anthropic-ratelimit-", f"{unit}-{what}"),
        )
    },
}
"""Header fields of a provider that a unified route passes on -> their names there."""


def type_of(kind: Kind, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The content type of a whole answer, as a header line."""
    if kind not in TYPED:
        return JSON_HEAD
    given = next((value for name, value in fields if name == b"content-type"), b"")
    if not given.isascii() or not given.lower().startswith(SHOWN_TYPES):
        return BYTES_HEAD
    return field_lines([(b"content-type", given)])


def type_written(kind: Kind, body: bytes) -> bytes:
    """The content type of an answer that a codec encoded, guessed from its first bytes."""
    if kind not in TYPED or body.startswith(b"{"):
        return JSON_HEAD
    for opening, sound in _SOUNDS:
        if body.startswith(opening):
            return b"content-type: audio/%b\r\n" % sound
    try:
        body.decode()
    except UnicodeDecodeError:
        return BYTES_HEAD
    return TEXT_HEAD


def own_fields(x: Exchange) -> bytes:
    """The header fields that every answer to a call has, and those that modules added."""
    called = x.asked.request_id or x.id
    lines = f"x-request-id: {called}\r\nx-stockyard-trace-id: {x.trace_id}\r\n"
    if x.inbound.format in LOOKS_FOR_REQUEST_ID and x.inbound.native is None:
        lines += f"request-id: {called}\r\n"
    if x.target is not None:
        lines += f"x-stockyard-provider: {x.target.provider}\r\n"
    lines += x.told_lines
    for name, value in x.told:
        lines += f"{name}: {value}\r\n"
    return lines.encode("ascii")


def refused_fields(x: Exchange) -> bytes:
    """The header fields of an error: ours, and the rate limits and request id that the provider of
    the last try sent."""
    last = x.attempts[-1] if x.attempts else None
    if last is None or x.inbound.native is not None:
        return own_fields(x)
    lines = own_fields(x) + unified_fields(
        f for f in last.error_fields if f[0] not in NAMES_OF_CALLS
    )
    if last.upstream_id is None:
        return lines
    return lines + b"x-upstream-request-id: %b\r\n" % last.upstream_id.encode("ascii")


def unified_fields(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The header fields of a provider that a unified route passes on."""
    passed: dict[bytes, bytes] | None = None
    for name, value in fields:
        if name in UNIFIED_PASSES and value.isascii():
            passed = passed or {}
            passed[UNIFIED_PASSES[name]] = value
    return field_lines(passed.items()) if passed else b""


def native_fields(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The header fields of a provider that a native route passes on."""
    fields = list(fields)
    named = {
        token.strip().lower()
        for name, value in fields
        if name == b"connection"
        for token in value.split(b",")
    }
    return field_lines(
        # Our answers have our own id under this name.
        (b"x-upstream-request-id" if name == b"x-request-id" else name, value)
        for name, value in fields
        if name not in NATIVE_STAYS
        and name not in named
        and not name.startswith(NATIVE_STAYS_PREFIXES)
        and value.isascii()
    )


def pen_of(x: Exchange, model: str, reasoning_field: str) -> Pen:
    """The values that a stream writer needs and cannot know: ids, time, the model's name."""
    return Pen(
        id=x.id[4:],
        input_estimate=partial(prompt_of, x),
        elapsed_us=x.elapsed_us,
        # Not every format's answers name their model.
        model=model or (x.target.model if x.target is not None else x.request.model),
        created=x.started_at_ms // 1000,
        wants_usage=x.received.wants_usage,
        asked=x.as_sent or x.inbound.body,
        reasoning_field=reasoning_field,
    )


def refusal(codec: Codec, fault: Fault, extra: bytes = b"") -> Whole:
    """An error as a whole answer in the client's format."""
    error = codec.encode_error(fault)
    return Whole(error.status, field_lines(error.fields) + extra, error.body)


def handed_on(raw: Raw, extra: bytes) -> Whole:
    """A provider's answer on a native route, unchanged."""
    return Whole(raw.status, native_fields(raw.fields) + extra, raw.body)
