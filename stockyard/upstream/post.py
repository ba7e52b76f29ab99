"""Post a document to a place that the operator named, such as a collector of spans."""

from collections.abc import Iterable

from stockyard.upstream.client import Client
from stockyard.upstream.guard import Purpose
from stockyard.upstream.outgoing import Outgoing, Timers, request_head
from stockyard.upstream.proxy import ProxySettings
from stockyard.upstream.url import parse_url

TIMERS = Timers(first_byte_seconds=10.0, idle_seconds=10.0, total_seconds=15.0)
MAX_ANSWER = 64 * 1024


async def post_json(
    client: Client,
    url: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    purpose: Purpose,
    proxy: ProxySettings | None = None,
) -> int:
    """The status of the answer. Raises UpstreamError, and EgressDenied where the guard objects."""
    origin = client.origin(url, purpose=purpose, operator=True, proxy=proxy)
    fields = [(name.lower().encode(), value.encode()) for name, value in headers]
    head = request_head(
        b"POST",
        (parse_url(url).target or "/").encode(),
        origin.host,
        [*fields, (b"content-type", b"application/json")],
        len(body),
    )
    answer = await client.fetch(
        Outgoing(origin=origin, head=head, body=body, timers=TIMERS), MAX_ANSWER
    )
    return answer.status
