"""Answers that a module keeps back after the provider has begun them."""

import asyncio
from collections import deque
from typing import ClassVar

from stockyard.core.exchange import Exchange
from stockyard.core.module import Call, Module, ModuleConfig, Stage
from stockyard.core.stream import Answer
from stockyard.testing.yard import Yard, becomes
from stockyard.upstream.relayed_answer import HOLD_BYTES, RelayedAnswer
from tests.realtime_sessions import LARGEST_READ, a_realtime_provider, a_session, closed

LARGE = bytes(range(256)) * (64 << 10)
"""16 MiB, more than sockets hold."""


class Ponders(Module[ModuleConfig]):
    """Calls, and thinks about what it got until it is let go."""

    name = "ponders"
    category = "observe"
    stage = Stage.CALL
    got: ClassVar[deque[Answer]] = deque(maxlen=1)
    goes_on: asyncio.Event

    async def around(self, x: Exchange, call: Call) -> Answer:
        answer = await call(x)
        self.got.append(answer)
        await type(self).goes_on.wait()
        return answer


class Twice(Module[ModuleConfig]):
    """Is not content with the first answer."""

    name = "twice"
    category = "observe"
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Call) -> Answer:
        await call(x)
        return await call(x)


async def test_only_so_much_of_an_answer_is_read_while_a_module_keeps_it(yard: Yard) -> None:
    kind = {"content-type": "application/octet-stream"}
    openai = yard.provider("openai").sends(200, kind, LARGE)
    Ponders.got.clear()
    Ponders.goes_on = asyncio.Event()
    yard.add(Ponders)
    asked = asyncio.create_task(yard.get("/openai/v1/evals"))
    assert await becomes(lambda: bool(Ponders.got), within=10)
    [answer] = Ponders.got
    assert isinstance(answer, RelayedAnswer)
    assert await becomes(lambda: held(answer) > HOLD_BYTES, within=10)
    await asyncio.sleep(0.1)
    assert held(answer) < HOLD_BYTES + LARGEST_READ
    Ponders.goes_on.set()
    heard = await asked
    assert heard.body == LARGE
    assert openai.requests


def held(answer: RelayedAnswer) -> int:
    return sum(map(len, answer._held))


async def test_the_session_that_a_module_was_not_content_with_is_closed(yard: Yard) -> None:
    yard.add(Twice)
    async with a_realtime_provider(yard) as provider, a_session(yard) as client:
        first, second = await provider.next(), await provider.next()
        assert (await closed(first))[0] == 1006
        await client.send("hi")
        assert await second.recv() == "hi"
