"""A Running that goes on although its client has gone: what it is told must be counted.

The results of a batch have been used when they are told, and only once they are complete does
anybody know how much. A client that left before their last line would have them for nothing.
"""

from stockyard.gateway.contract import Running


class ReadingOn:
    """Stands for another Running, which hears of everything but the end of its client."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._paused = False

    def gone(self) -> None:
        """Nothing that is written now goes anywhere, so nothing has to wait."""
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
