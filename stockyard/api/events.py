"""`GET /api/events`: the live feed, and the same under older paths."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, cast

from litestar import Controller, Request, get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from stockyard.api.feed import Feed, Listener, Listeners, event_stream
from stockyard.api.filters import MAX_CHARACTERS
from stockyard.api.identity import LOCAL, Identities, Identity
from stockyard.api.parameters import Given
from stockyard.api.permission import needs
from stockyard.errors import Refused

PATHS = ["/api/events", "/api/lookout/live/stream", "/api/observe/live/stream", "/ui/events"]
MEDIA_TYPE = "text/event-stream"
Topics = Annotated[str, QueryParameter(max_length=200, description="Which one.")]
Filter = Annotated[
    str, QueryParameter(name="filter", max_length=MAX_CHARACTERS, description="As for lists.")
]
LastId = Annotated[
    int | None,
    HeaderParameter(
        name="Last-Event-ID",
        ge=0,
        le=1 << 62,
        description="The id of the last event you received: those after it come first.",
    ),
]


class EventEndpoints(Controller):
    """The live feed."""

    tags = ["System"]  # noqa: RUF012  the framework's own declaration

    @get(PATHS, opt=needs("lookout.read", own_calls=True), media_type=MEDIA_TYPE)
    async def events(
        self,
        request: Request[Any, Any, Any],
        feeds: Given[Mapping[str, Feed]],
        listeners: Given[Listeners],
        identities: Given[Identities],
        identity: Given[Identity],
        last_id: LastId = None,
        topics: Topics = "exchange",
        filter_: Filter = "",
    ) -> Stream:
        """Live events as server-sent events, until you disconnect. A Key sees its own calls
        only."""
        feed = feeds.get(topics)
        if feed is None:
            known = ", ".join(feeds)
            raise Refused(400, "invalid", f'There is no topic "{topics}". There are: {known}.')
        feed.check(filter_)
        listeners.check(identity.name)
        allowed = partial(still_allowed, identities, identity, request)
        listener = Listener(identity, allowed, filter_, last_id)
        return Stream(event_stream(feed, listener, listeners), media_type=MEDIA_TYPE)


async def still_allowed(
    identities: Identities, identity: Identity, request: Request[Any, Any, Any]
) -> bool:
    """Whether the credential is still valid. A local user needs none."""
    if identity is LOCAL:
        return True
    try:
        now = await identities.of(cast(dict[str, Any], request.scope))
    except Refused:
        return False
    return now is not None and now.name == identity.name
