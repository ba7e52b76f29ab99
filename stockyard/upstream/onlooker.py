"""Watch a stream on a native route without changing it.

On unified routes an error inside a stream ends it with an error event of ours. On native routes the
provider's own error event is forwarded, and so is what follows it.
"""

from stockyard.core.target import Attempt
from stockyard.errors import UpstreamError
from stockyard.upstream.echo import CoveredPieces, covering_of
from stockyard.wire.codec import StreamLook


class Onlooker:
    """Feeds a look. Once content has passed, it never raises."""

    __slots__ = ("_attempt", "_behind", "_held", "_look", "_size", "failure")

    def __init__(self, look: StreamLook, attempt: Attempt) -> None:
        """The secrets of the attempt are removed from errors."""
        self._look = look
        self._attempt = attempt
        self._behind: CoveredPieces | None = None
        """Removes secrets from everything after an error."""
        self._held: list[bytes] = []
        """What was fed and has not passed yet."""
        self._size = 0
        """Its bytes."""
        self.failure: UpstreamError | None = None
        """The error that the provider reported inside its stream."""

    def feed(self, data: bytes) -> bytes:
        """The bytes to forward now, exactly as they came."""
        if self._behind is not None:
            return self._behind.feed(data)
        try:
            passed = self._look.feed(data)
        except UpstreamError as error:
            if not self._look.content:
                raise
            held, self._held = b"".join((*self._held, data)), []
            self.failure = error
            self._behind = CoveredPieces(covering_of(self._attempt))
            return self._behind.feed(held)
        if self._held or len(passed) < len(data):
            self._hold(data, len(passed))
        return passed

    def _hold(self, data: bytes, passed: int) -> None:
        """Hold this, less as many bytes as have passed. One event may come in hundreds of reads, so
        they are joined only when some of them pass."""
        self._held.append(data)
        self._size += len(data) - passed
        if passed:
            held = b"".join(self._held)[passed:] if self._size else b""
            self._held = [held] if held else []

    def rest(self) -> bytes:
        """The last bytes after an error."""
        return b"" if self._behind is None else self._behind.rest()
