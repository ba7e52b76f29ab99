"""Apply the version that a Messages client names, when its request is translated.

Since 2026-10-21 there are no sampling parameters. If a client sends them all the same, it gets the
provider's error if the provider speaks the format; otherwise they are dropped (`wire.md` 4.4, 5.4).
"""

from stockyard.core.exchange import Exchange
from stockyard.core.request import Content, Request
from stockyard.upstream.plans import VERSIONED

WITHOUT_SAMPLING = b"2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")


def without_what_it_lacks(x: Exchange, request: Request) -> tuple[Request, tuple[str, ...]]:
    """The request without fields that the client's version does not have, and their names."""
    if x.inbound.format not in VERSIONED:
        return request, ()
    version, content = x.inbound.headers.field(b"anthropic-version") or b"", request.meaning
    if version < WITHOUT_SAMPLING or not isinstance(content, Content):
        return request, ()
    found = tuple(name for name in _SAMPLING if getattr(content, name) is not None)
    return (request.replace(**dict.fromkeys(found)), found) if found else (request, ())
