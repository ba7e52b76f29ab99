"""The unsent rest of a large request body, in pieces that a transport can send."""

from collections import deque

from stockyard.wire.large_body import views_of


class Unsent:
    """Never empty: after taking the last piece, throw it away."""

    __slots__ = ("_views", "size")

    def __init__(self, body: bytes) -> None:
        self._views = deque(views_of(body))
        self.size = len(body)

    def take(self, most: int) -> memoryview:
        """The next piece, without copying it."""
        view = self._views[0]
        piece = view[:most]
        if len(piece) == len(view):
            self._views.popleft()
        else:
            self._views[0] = view[most:]
        self.size -= len(piece)
        return piece
