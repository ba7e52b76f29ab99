"""A look on a native route: whatever it finds, the client hears what the provider said.

Elsewhere an error inside a stream ends it, and the client hears of it in our words. Here the
provider's own words go on, and so does what follows them.
"""

from stockyard.core.target import Credential
from stockyard.errors import UpstreamError
from stockyard.upstream.echo import covering
from stockyard.wire.codec import StreamLook


class Onlooker:
    """Feeds a look. Once content has passed it never raises."""

    __slots__ = ("_credential", "_held", "_look", "failure")

    def __init__(self, look: StreamLook, credential: Credential | None) -> None:
        """The Credential was sent to the provider, and is never repeated to the client."""
        self._look = look
        self._credential = credential
        self._held = b""
        """What was fed and has not passed yet."""
        self.failure: UpstreamError | None = None
        """The error that the provider reported inside its stream."""

    def feed(self, data: bytes) -> bytes:
        """The bytes to forward now, exactly as they came."""
        if self.failure is not None:
            return covering(self._credential)(data)
        held = self._held + data if self._held else data
        try:
            passed = self._look.feed(data)
        except UpstreamError as error:
            if not self._look.content:
                raise
            self.failure, self._held = error, b""
            return covering(self._credential)(held)
        self._held = held[len(passed) :]
        return passed
