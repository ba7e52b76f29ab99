"""A Running that continues after its client has left, because its answer reports usage.

The results of a batch report what the batch used, and the sum is known only at their end. A client
that left before the last line would otherwise get them for free.
"""

from stockyard.gateway.contract import Running


class ReadingOn:
    """Wraps a Running, which learns of everything except that its client has left."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._paused = False

    def gone(self) -> None:
        """Resume, because the answer is now discarded and nothing has to wait for the client."""
        self.resume()

    def pause(self) -> None:
        self._paused = True
        self._running.pause()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._running.resume()

    def shutdown(self) -> None:
        self._running.shutdown()
