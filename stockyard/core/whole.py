"""Turn any Answer into a whole Response."""

import asyncio
from collections.abc import Callable, Sequence

from stockyard.core.events import Event
from stockyard.core.folding import Folder
from stockyard.core.response import Response
from stockyard.core.stream import Answer, Stream
from stockyard.errors import Refused, StockyardError

MAX_EVENTS = 1_000_000
MAX_CHARACTERS = 64 * 1024 * 1024

Edit = Callable[[Sequence[Event]], Sequence[Event]]


async def whole(answer: Answer, edit: Edit | None = None) -> Response:
    """The answer as a Response. A stream is consumed to its end and folded.

    Every batch of Events passes through `edit` before it is folded. Raises the error that broke the
    stream, and Refused (502 `limit_exceeded`) when it exceeds the size that may be held in memory.
    """
    if isinstance(answer, Response):
        return answer
    return await _Collector(answer, edit).response


class _Collector:
    """A Sink that folds."""

    def __init__(self, stream: Stream, edit: Edit | None) -> None:
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._stream = stream
        self._edit = edit
        self._folder = Folder()
        self._events = 0
        self._characters = 0
        self.response.add_done_callback(self._ended)
        stream.start(self)

    def _ended(self, response: "asyncio.Future[Response]") -> None:
        if response.cancelled() or response.exception() is not None:
            self._stream.cancel()

    def events(self, batch: Sequence[Event]) -> None:
        if self.response.done():
            return
        self._events += len(batch)
        for event in batch:
            self._characters += len(getattr(event, "text", ""))
        if self._events > MAX_EVENTS or self._characters > MAX_CHARACTERS:
            self.failed(Refused(502, "limit_exceeded", "The answer is too long to be held."))
            return
        try:
            for event in self._edit(batch) if self._edit else batch:
                self._folder.add(event)
        except StockyardError as error:
            self.failed(error)

    def done(self) -> None:
        if not self.response.done():
            output, usage = self._folder.result()
            self.response.set_result(Response(output, usage=usage))

    def failed(self, error: StockyardError) -> None:
        if not self.response.done():
            self.response.set_exception(error)
