"""What modules do with a stream while it passes: edit it, read it as a whole, wait for its end.

The Passage adds the modules, the innermost first. From then on this belongs to whoever forwards the
stream: if a module edits, every Event passes through `edit`; if not, but one reads the whole, the
Events go to `collect`, or `give_up` says that they cannot. In the end exactly one of `ended` and
`broke` is called.
"""

from collections.abc import Sequence

from stockyard.core.editing import edited, edited_in_thread
from stockyard.core.event_collector import EventCollector
from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.stop import Stop
from stockyard.errors import StockyardError


class StreamModules:
    """The modules that have something to do with one stream."""

    # Every call has one of these, but few need it, so the tuples are shared until then.
    _editors: tuple[Stop, ...] = ()
    _enders: tuple[Stop, ...] = ()
    """Modules that wait for the end."""
    _collectors: tuple[EventCollector, ...] = ()

    def __init__(self, x: Exchange) -> None:
        self._x = x

    def add(self, stop: Stop, *, edits: bool) -> None:
        """The next module outwards. `edits`: it gets the Events of this stream, if it edits any."""
        if stop.module.wants_response and stop.on_response is not None:
            self._collect_for(stop)
        if edits and stop.edits:
            self._editors = (*self._editors, stop)
        if stop.on_response is not None or stop.on_error is not None:
            self._enders = (*self._enders, stop)

    def record(self) -> None:
        """Collect the stream as it is behind the modules so far, for `x.kept`."""
        self._collect_for(None)

    def _collect_for(self, stop: Stop | None) -> None:
        self._collectors = (*self._collectors, EventCollector(stop, len(self._editors)))

    # While it passes

    @property
    def edits(self) -> bool:
        """Whether some module edits the Events."""
        return bool(self._editors)

    @property
    def edits_slowly(self) -> bool:
        """Whether some module that edits is slow on long texts."""
        return any(stop.module.reads_closely for stop in self._editors)

    @property
    def collects(self) -> bool:
        """Whether some module reads the whole response when the stream ends."""
        return bool(self._collectors)

    def edit(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Pass Events through all that edit. Raises Refused."""
        for place, stop in enumerate(self._editors):
            self._collect_at(place, batch)
            batch = edited(self._x, stop, batch)
        self._collect_at(len(self._editors), batch)
        return batch

    async def edit_in_thread(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Like `edit`, but slow modules run in a thread. Only one batch at a time."""
        for place, stop in enumerate(self._editors):
            self._collect_at(place, batch)
            if stop.module.reads_closely:
                batch = await edited_in_thread(self._x, stop, batch)
            else:
                batch = edited(self._x, stop, batch)
        self._collect_at(len(self._editors), batch)
        return batch

    def _collect_at(self, place: int, batch: Sequence[Event]) -> None:
        for collector in self._collectors:
            if collector.place == place:
                collector.collect(batch)

    def collect(self, batch: Sequence[Event]) -> None:
        """Collect Events that no module edits, for the modules that read the whole response."""
        for collector in self._collectors:
            collector.collect(batch)

    def give_up(self) -> None:
        """The stream was too long to collect or cannot be decoded: no module gets a response."""
        for collector in self._collectors:
            collector.give_up()

    # Its end

    @property
    def await_end(self) -> bool:
        """Whether some module waits for the end."""
        return bool(self._enders)

    async def ended(self) -> None:
        """The stream is complete. Raises Refused if a module rejects the whole answer."""
        self._close_the_record()
        x = self._x
        refusal: StockyardError | None = None
        for stop in self._enders:
            if refusal is not None:
                await stop.recover(x, refusal)
            elif stop.on_response is not None:
                self._show(stop)
                try:
                    await stop.respond(x)
                except StockyardError as error:
                    refusal = error
        if refusal is not None:
            raise refusal

    async def broke(self, error: Exception) -> None:
        """The stream broke off, was refused on its way, or was abandoned. No module can recover."""
        self._close_the_record()
        for stop in self._enders:
            try:
                await stop.recover(self._x, error)
            except StockyardError:
                continue  # it is failing already; a second error adds nothing

    def _close_the_record(self) -> None:
        for collector in self._collectors:
            if collector.stop is None:
                self._x.kept = collector.response()

    def _show(self, stop: Stop) -> None:
        """The whole answer, if this module wants to see it."""
        for collector in self._collectors:
            if collector.stop is stop:
                self._x.response = collector.response()
