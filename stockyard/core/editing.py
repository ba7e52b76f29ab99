"""Pass Events, or a whole answer, through one module that edits them."""

import asyncio
from collections.abc import Sequence
from functools import partial
from time import perf_counter_ns

from stockyard.core.events import TEXT_EVENTS, Event
from stockyard.core.exchange import Exchange, Step
from stockyard.core.folding import fold, unfold
from stockyard.core.response import Response
from stockyard.core.stop import Stop

LONG_TEXT = 16 * 1024
"""A whole answer with more characters than this is edited in a thread by slow modules."""
EDIT_SECONDS = 30.0
"""How long that may take, including the wait for a free thread."""


def edited(x: Exchange, stop: Stop, batch: Sequence[Event]) -> list[Event]:
    """The Events that a module makes of these. Raises Refused."""
    assert stop.on_chunk is not None  # noqa: S101  only such stops edit
    begun = perf_counter_ns()
    passed: list[Event] = []
    failures = stop.standing.failures
    for event in batch:
        result = stop.run(x, stop.on_chunk, event)
        if result is event:
            passed.append(event)
        elif result is None:
            if stop.standing.failures != failures or stop.standing.tripped:
                failures = stop.standing.failures
                passed.append(event)  # it broke and fails OPEN: the Event passes as it was
        else:
            some = result if isinstance(result, list | tuple) else (result,)
            passed.extend(some if stop.are_events(x, some) else (event,))
    _add_time(x.strip, stop.name, perf_counter_ns() - begun)
    return passed


async def edited_in_thread(x: Exchange, stop: Stop, batch: Sequence[Event]) -> Sequence[Event]:
    """The same, in a thread. A module that does not finish in time has failed."""
    try:
        async with asyncio.timeout(EDIT_SECONDS):
            return await stop.module.ports.offload(partial(edited, x, stop, batch))
    except TimeoutError as error:
        stop.broke(x, error)
        return batch


async def edited_whole(x: Exchange, stop: Stop, response: Response) -> Response:
    """A whole answer, unfolded for a module that edits Events; the very same if nothing changed."""
    before = unfold(response.output, response.usage)
    if stop.module.reads_closely and text_length(before) > LONG_TEXT:
        after = await edited_in_thread(x, stop, before)
    else:
        after = edited(x, stop, before)
    if len(after) == len(before) and all(a is b for a, b in zip(after, before, strict=True)):
        return response
    output, usage = fold(after)
    if output == response.output and usage == response.usage:
        return response  # cut into other pieces, but nobody changed it
    return Response(output, usage=usage)


def text_length(events: Sequence[Event]) -> int:
    return sum(len(event.text) for event in events if isinstance(event, TEXT_EVENTS))


def _add_time(strip: list[Step], module: str, nanoseconds: int) -> None:
    """Add to the one step of the explain strip that stands for all of a module's chunks."""
    for place, step in enumerate(strip):
        if step.module == module and step.hook == "on_chunk":
            strip[place] = Step(module, "on_chunk", step.nanoseconds + nanoseconds)
            return
    strip.append(Step(module, "on_chunk", nanoseconds))
