"""Keep the Events that pass one place of a stream, to fold them at its end."""

from collections.abc import Sequence

from stockyard.core.events import Event
from stockyard.core.folding import Folder
from stockyard.core.response import Response
from stockyard.core.stop import Stop

KEPT_CHARACTERS = 1024 * 1024
"""The longest stream that is folded for a module that reads it whole at its end."""
EVENT_CHARACTERS = 32
"""What an Event counts for beyond its text."""


class Keeper:
    __slots__ = ("_folder", "_size", "place", "stop")

    def __init__(self, stop: Stop | None, place: int) -> None:
        self.stop = stop
        """The module that reads it; None is whoever writes down what was called."""
        self.place = place
        """How many editors the Events have passed here."""
        self._folder: Folder | None = Folder()
        self._size = 0

    def keep(self, batch: Sequence[Event]) -> None:
        if self._folder is None:
            return
        for event in batch:
            self._size += EVENT_CHARACTERS + len(getattr(event, "text", ""))
            self._folder.add(event)
        if self._size > KEPT_CHARACTERS:
            self._folder = None

    def lose(self) -> None:
        self._folder = None

    def response(self) -> Response | None:
        """What passed, folded; None when it was too much to keep, or could not be read."""
        if self._folder is None:
            return None
        output, usage = self._folder.result()
        return Response(output, usage=usage)
