"""Who carries bytes to a provider: the HTTP client, or a provider that is built in."""

from typing import Protocol

from stockyard.upstream.outgoing import Outgoing, Receiver


class Handle(Protocol):
    """A call under way."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cancel(self) -> None: ...


class Transport(Protocol):
    def start(self, outgoing: Outgoing, receiver: Receiver) -> Handle:
        """Send a call. What becomes of it is told to the Receiver, never raised."""
