"""What the modules that edit a stream make of its Events, and what is kept of them on the way."""

import asyncio
from collections.abc import Sequence
from functools import partial
from time import perf_counter_ns

from stockyard.core.events import TEXT_EVENTS, Event
from stockyard.core.exchange import Exchange, Step
from stockyard.core.folding import fold, unfold
from stockyard.core.keeper import Keeper
from stockyard.core.response import Response
from stockyard.core.stop import Stop

LONG_TEXT = 16 * 1024
"""Characters of a whole answer that a module which reads closely is given in a thread."""
EDIT_SECONDS = 30.0
"""How long it may take there. All threads may be busy with others at first."""


class Editing:
    """The editors of one answer, and those who keep it."""

    __slots__ = ("_editors", "_keepers", "x")

    def __init__(self, x: Exchange) -> None:
        self.x = x
        self._editors: list[Stop] = []
        """Modules that edit the Events of the stream, the innermost first."""
        self._keepers: list[Keeper] = []

    @property
    def edits(self) -> bool:
        """Whether some module edits the Events of the stream."""
        return bool(self._editors)

    @property
    def keeps(self) -> bool:
        """Whether some module reads the whole response when the stream ends.

        Where nobody edits, Events need not pass through `edit`; what they would have been is then
        handed to `keep` before the end is told.
        """
        return bool(self._keepers)

    def edit(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Pass Events of the stream through the modules that edit it. Raises Refused."""
        for place, stop in enumerate(self._editors):
            self._keep_at(place, batch)
            batch = self._edit(stop, batch)
        self._keep_at(len(self._editors), batch)
        return batch

    @property
    def closely(self) -> bool:
        """Whether some module that edits the stream may take long over a long text."""
        return any(stop.module.reads_closely for stop in self._editors)

    async def edit_elsewhere(self, batch: Sequence[Event]) -> Sequence[Event]:
        """As `edit`, but who reads closely does so in a thread. One batch at a time."""
        for place, stop in enumerate(self._editors):
            self._keep_at(place, batch)
            if stop.module.reads_closely:
                batch = await self._edit_elsewhere(stop, batch)
            else:
                batch = self._edit(stop, batch)
        self._keep_at(len(self._editors), batch)
        return batch

    async def _edit_elsewhere(self, stop: Stop, batch: Sequence[Event]) -> Sequence[Event]:
        """As `_edit`, in a thread. A module that comes to no end over it has failed."""
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                return await stop.module.ports.offload(partial(self._edit, stop, batch))
        except TimeoutError as error:
            stop.broke(self.x, error)
            return batch

    async def edit_whole(self, stop: Stop, response: Response) -> Response:
        events = unfold(response.output, response.usage)
        if stop.module.reads_closely and text_length(events) > LONG_TEXT:
            edited = await self._edit_elsewhere(stop, events)
        else:
            edited = self._edit(stop, events)
        if len(edited) == len(events) and all(a is b for a, b in zip(edited, events, strict=True)):
            return response
        output, usage = fold(edited)
        if output == response.output and usage == response.usage:
            return response  # cut into other pieces, but nobody changed it
        return Response(output, usage=usage)

    def _keep_at(self, place: int, batch: Sequence[Event]) -> None:
        for keeper in self._keepers:
            if keeper.place == place:
                keeper.keep(batch)

    def keep(self, batch: Sequence[Event]) -> None:
        """Events of a stream that nobody edited, for the modules that read the whole response."""
        for keeper in self._keepers:
            keeper.keep(batch)

    def lose(self) -> None:
        """What went through cannot be read again, so no module gets it as a response."""
        for keeper in self._keepers:
            keeper.lose()

    def _edit(self, stop: Stop, batch: Sequence[Event]) -> list[Event]:
        assert stop.on_chunk is not None  # noqa: S101  only such stops edit
        x = self.x
        begun = perf_counter_ns()
        edited: list[Event] = []
        failures = stop.standing.failures
        for event in batch:
            result = stop.run(x, stop.on_chunk, event)
            if result is event:
                edited.append(event)
            elif result is None:
                if stop.standing.failures != failures or stop.standing.tripped:
                    failures = stop.standing.failures
                    edited.append(event)  # it broke and fails OPEN: the Event passes as it was
            else:
                some = result if isinstance(result, list | tuple) else (result,)
                edited.extend(some if stop.are_events(x, some) else (event,))
        spent = perf_counter_ns() - begun
        for place, step in enumerate(x.strip):
            if step.module == stop.name and step.hook == "on_chunk":
                x.strip[place] = Step(stop.name, "on_chunk", step.nanoseconds + spent)
                return edited
        x.strip.append(Step(stop.name, "on_chunk", spent))
        return edited


def text_length(events: Sequence[Event]) -> int:
    return sum(len(event.text) for event in events if isinstance(event, TEXT_EVENTS))
