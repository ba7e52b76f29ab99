"""Pass the Events of a stream through the modules that edit them, and collect them for others."""

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
"""A whole answer with more characters than this is edited in a thread by slow modules."""
EDIT_SECONDS = 30.0
"""How long that may take, including the wait for a free thread."""


class Editing:
    """The modules that edit one answer, and the Keepers that collect its Events."""

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

        If no module edits, Events need not pass through `edit`: whoever forwards the stream then
        hands them to `keep` before it reports the end.
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
        """Whether some module that edits the stream is slow on long texts."""
        return any(stop.module.reads_closely for stop in self._editors)

    async def edit_elsewhere(self, batch: Sequence[Event]) -> Sequence[Event]:
        """Like `edit`, but slow modules run in a thread. Only one batch at a time."""
        for place, stop in enumerate(self._editors):
            self._keep_at(place, batch)
            if stop.module.reads_closely:
                batch = await self._edit_elsewhere(stop, batch)
            else:
                batch = self._edit(stop, batch)
        self._keep_at(len(self._editors), batch)
        return batch

    async def _edit_elsewhere(self, stop: Stop, batch: Sequence[Event]) -> Sequence[Event]:
        """Like `_edit`, in a thread. A module that does not finish in time has failed."""
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
        """Collect Events that no module edited, for the modules that read the whole response."""
        for keeper in self._keepers:
            keeper.keep(batch)

    def lose(self) -> None:
        """The stream was too long to keep or cannot be decoded: no module gets a response."""
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
        _add_time(x.strip, stop.name, perf_counter_ns() - begun)
        return edited


def _add_time(strip: list[Step], module: str, nanoseconds: int) -> None:
    """Add to the one step of the explain strip that stands for all of a module's chunks."""
    for place, step in enumerate(strip):
        if step.module == module and step.hook == "on_chunk":
            strip[place] = Step(module, "on_chunk", step.nanoseconds + nanoseconds)
            return
    strip.append(Step(module, "on_chunk", nanoseconds))


def text_length(events: Sequence[Event]) -> int:
    return sum(len(event.text) for event in events if isinstance(event, TEXT_EVENTS))
