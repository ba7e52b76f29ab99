"""Read the head of a call: secrets, control headers, and how its body is encoded."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from stockyard.core.inbound import NO_CONTROL_HEADERS, ControlHeaders
from stockyard.errors import Refused
from stockyard.gateway.http import Head

_CREDENTIAL_FIELDS = (
    b"x-stockyard-key",
    b"authorization",
    b"x-api-key",
    b"api-key",
    b"x-goog-api-key",
)
_CONTROL = re.compile(
    rb"\n(?:x-stockyard-|traceparent|idempotency-key|cache-control|x-provider|x-session"
    rb"|x-request-id|x-project|x-user-id|x-customer-id)",
    re.I,
)
_TAG = re.compile(r"([A-Za-z0-9_-]{1,50})=([A-Za-z0-9_. -]{1,100})")
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,128}")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")

_CHARSET = re.compile(rb"charset[ \t]*=[ \t]*\"?([^\";, \t]*)")
_ASCII_OR_UTF8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})

MAX_TAGS = 10
OURS = "sk-sy-"
"""The prefix of every Key."""
OUR_PREFIX = b"x-stockyard-"
OBEYED = frozenset(
    OUR_PREFIX + name for name in b"key tags cache provider fallback capture user customer".split()
)
MAX_IGNORED = 10
ADMIN = "sya-"
"""The prefix of admin credentials, which open the control plane and no calls."""
_SECRETS_OF_OURS = re.compile(rf"{OURS}|\b{ADMIN}[\w-]{{20}}")


def secret_of(head: Head) -> str | None:
    """The secret that the caller sent; None if there is none, "" if it is empty.

    `X-Stockyard-Key` wins over `Authorization`, which wins over the providers' own headers, so
    that a client may send a provider's secret besides our Key (`wire.md` 2.5). An Authorization
    with another scheme than Bearer is meant for a proxy on the way.
    """
    found: str | None = None
    for name in _CREDENTIAL_FIELDS:
        value = head.field(name)
        if value is None:
            continue
        text = value.decode("latin-1").strip()
        if name == b"authorization":
            scheme, _, secret = text.partition(" ")
            if scheme.lower() != "bearer":
                found = ""
                continue
            text = secret.strip()
        return text
    return found


def shows_secret(head: Head, *, key_in_query: bool) -> bool:
    """Whether the URL contains a secret of ours, except as `key=` where clients have to do that."""
    query = head.query
    if key_in_query:
        query = "&".join(f for f in query.split("&") if not f.startswith("key="))
    return _SECRETS_OF_OURS.search(unquote(f"{head.path}?{query}")) is not None


def check_coding(head: Head) -> None:
    """Refuse a body that a provider might decode differently than we do. Raises Refused."""
    coding = head.field(b"content-encoding")
    if coding is not None and coding.lower() != b"identity":
        raise Refused(415, "unsupported_encoding", "The body must not be compressed.")
    if head.repeats(b"content-type") or head.repeats(b"content-encoding"):
        raise Refused(400, "invalid_request", "What the body is must be said in one field.")
    kind = (head.field(b"content-type") or b"").lower()
    charset = _CHARSET.search(kind) if b"charset" in kind else None
    if charset is None or charset[1] in _ASCII_OR_UTF8:
        return
    if b"json" in kind or b"urlencoded" in kind:
        raise Refused(415, "unsupported_encoding", "The body must be in UTF-8.")


def key_in(query: str) -> str | None:
    """The secret that a query carries as `key`, decoded like one in a header; None if there is
    none."""
    fields = (field.partition("=") for field in query.split("&"))
    found = next((value for name, _, value in fields if name == "key" and value), None)
    return None if found is None else unquote(found, encoding="latin-1")


def control_headers_of(head: Head) -> ControlHeaders:
    """The control headers, parsed. Raises Refused (400 `invalid_control_header`)."""
    if _CONTROL.search(head.raw) is None:
        return NO_CONTROL_HEADERS
    values: dict[str, Any] = {}
    for name, (field, parse) in _CONTROLS.items():
        value = head.field(name)
        if value is not None:
            values[field] = parse(name.decode(), value.decode("latin-1").strip())
    return ControlHeaders(**values, ignored=_ignored(head))


def _ignored(head: Head) -> tuple[str, ...]:
    """Names of control headers that no module of this installation knows."""
    names = (name for name, _ in head.fields() if name.startswith(OUR_PREFIX))
    unknown = dict.fromkeys(name for name in names if name not in OBEYED)
    return tuple(name.decode("latin-1")[:64] for name in unknown)[:MAX_IGNORED]


def request_id_of(head: Head) -> str:
    """The caller's own id of the request; empty if it sent none that is safe to repeat."""
    given = head.field(b"x-request-id")
    return _request_id("", given.decode("latin-1").strip()) if given is not None else ""


def _request_id(_header: str, value: str) -> str:
    return value if _REQUEST_ID.fullmatch(value) else ""


def _tags(header: str, value: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in value.split(","):
        match = _TAG.fullmatch(item.strip())
        if match is None:
            raise _bad(header, "pairs like `team=search`, separated by commas")
        pairs.append((match[1], match[2]))
    if len(pairs) > MAX_TAGS:
        raise _bad(header, f"at most {MAX_TAGS} pairs")
    return tuple(pairs)


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    def parse(header: str, value: str) -> str:
        if value.lower() not in allowed:
            raise _bad(header, "one of " + ", ".join(allowed))
        return value.lower()

    return parse


def _name(header: str, value: str) -> str:
    if _NAME.fullmatch(value) is None:
        raise _bad(header, "a name of lower-case letters, digits and `-`")
    return value


def _visible(header: str, value: str) -> str:
    if _VISIBLE.fullmatch(value) is None:
        raise _bad(header, "1 to 255 visible characters")
    return value


def _flag(header: str, value: str) -> bool:
    if value not in {"0", "1"}:
        raise _bad(header, "0 or 1")
    return value == "1"


def _as_sent(_header: str, value: str) -> str:
    return value[:512]


def _whole(_header: str, value: str) -> str:
    """For values that must not be truncated: empty if too long."""
    return value if len(value) <= 512 else ""


def _bad(header: str, wanted: str) -> Refused:
    return Refused(
        400,
        "invalid_control_header",
        f"The header '{header}' has a value that cannot be used. It takes {wanted}.",
        param=header,
    )


_CONTROLS: Mapping[bytes, tuple[str, Callable[[str, str], object]]] = {
    b"x-stockyard-tags": ("tags", _tags),
    b"x-stockyard-cache": ("cache", _one_of("off", "refresh", "exact", "semantic")),
    b"cache-control": ("cache_control", _as_sent),
    b"x-provider": ("provider", _name),
    b"x-stockyard-provider": ("provider", _name),
    b"x-stockyard-fallback": ("fallback", _one_of("off", "on")),
    b"x-stockyard-explain": ("explain", _flag),
    b"x-stockyard-capture": ("capture", _one_of("off", "metadata")),
    b"x-session-id": ("conversation", _visible),
    b"x-stockyard-conversation": ("conversation", _visible),
    b"x-stockyard-session": ("session", _visible),
    b"idempotency-key": ("idempotency", _visible),
    b"x-request-id": ("request_id", _request_id),
    b"x-project": ("project", _visible),
    b"x-user-id": ("user", _visible),
    b"x-stockyard-user": ("user", _visible),
    b"x-customer-id": ("customer", _visible),
    b"x-stockyard-customer": ("customer", _visible),
    b"traceparent": ("trace", _as_sent),
    b"tracestate": ("trace_state", _whole),
}
"""Header -> field of ControlHeaders and its parser. Of two spellings the later, ours, wins."""
