"""The interface of what carries calls to a provider: the HTTP client, or the mock provider."""

from typing import Protocol

from stockyard.upstream.outgoing import Outgoing, Receiver


class Handle(Protocol):
    """A call that was sent."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def cancel(self) -> None: ...


class Transport(Protocol):
    def start(self, outgoing: Outgoing, receiver: Receiver) -> Handle:
        """Send a call. Never raises: failures are reported to the Receiver."""
