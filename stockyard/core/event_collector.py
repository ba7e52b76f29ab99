"""Collect the Events that pass one point of a stream, to fold them at its end."""

from collections.abc import Sequence

from stockyard.core.events import Event
from stockyard.core.folding import Folder
from stockyard.core.response import Response
from stockyard.core.stop import Stop

MAX_CHARACTERS = 1024 * 1024
"""The longest stream that is collected. Modules get no response of a longer one."""
EVENT_CHARACTERS = 32
"""How much an Event adds to the size beyond its text."""


class EventCollector:
    """The Events behind so many editors, for the module that reads them as one response."""

    __slots__ = ("_folder", "_size", "place", "stop")

    def __init__(self, stop: Stop | None, place: int) -> None:
        self.stop = stop
        """The module that reads the response; None when it is collected for `x.kept`."""
        self.place = place
        """The number of editors that come before this point."""
        self._folder: Folder | None = Folder()
        self._size = 0

    def collect(self, batch: Sequence[Event]) -> None:
        if self._folder is None:
            return
        for event in batch:
            self._size += EVENT_CHARACTERS + len(getattr(event, "text", ""))
            self._folder.add(event)
        if self._size > MAX_CHARACTERS:
            self._folder = None

    def give_up(self) -> None:
        """There will be no response: some Events are missing."""
        self._folder = None

    def response(self) -> Response | None:
        """The collected Events, folded; None if they were too many or some are missing."""
        if self._folder is None:
            return None
        output, usage = self._folder.result()
        return Response(output, usage=usage)
