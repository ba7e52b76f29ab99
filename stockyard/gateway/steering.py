"""What the body of one call decides about its way, for the Doorway that takes it."""

from collections.abc import Callable

from msgspec import Struct

from stockyard.core.exchange import Constraints, Exchange
from stockyard.core.ports import Held
from stockyard.gateway.contract import Reply
from stockyard.gateway.watching_reply import WatchingReply
from stockyard.wire.codec import Codec


class Steering(Struct, eq=False):
    needs: str = ""
    """What a provider must offer, if that differs from the endpoint's `needs`."""
    codec: Codec | None = None
    """Replaces the endpoint's codec."""
    as_sent: bytes = b""
    """`Exchange.as_sent`."""
    held: Held | None = None
    """The only provider and Credential that may answer."""
    watching: list[WatchingReply] = []
    """Replies that watch the answer, and need the Exchange."""
    watched: Callable[[Exchange, Reply], Reply] | None = None
    """Wraps the Reply if the provider may create and store something with the answer."""

    def aim(self, x: Exchange) -> None:
        """Set what is decided on a new Exchange."""
        x.as_sent = self.as_sent
        for reply in self.watching:
            reply.x = x
        if self.held is not None:
            x.constraints = Constraints(
                providers=(self.held.provider,), credential=self.held.credential_id
            )
