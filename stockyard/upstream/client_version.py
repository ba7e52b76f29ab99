"""What the version that a client of Messages names means for a request that is written anew.

Since 2026-10-21 there are no sampling parameters. A client that sends them all the same gets the
provider's error where the provider speaks the format; elsewhere they are ignored (`wire.md` 4.4,
5.4).
"""

from stockyard.core.exchange import Exchange
from stockyard.core.request import Content, Request
from stockyard.upstream.plans import VERSIONED

WITHOUT_SAMPLING = b"2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")


def without_what_it_lacks(x: Exchange, request: Request) -> tuple[Request, tuple[str, ...]]:
    """The request as the client's version has it, and the names of the fields that it has not."""
    if x.inbound.format not in VERSIONED:
        return request, ()
    version, content = x.inbound.headers.field(b"anthropic-version") or b"", request.meaning
    if version < WITHOUT_SAMPLING or not isinstance(content, Content):
        return request, ()
    found = tuple(name for name in _SAMPLING if getattr(content, name) is not None)
    return (request.replace(**dict.fromkeys(found)), found) if found else (request, ())
