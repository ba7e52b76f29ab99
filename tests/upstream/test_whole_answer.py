"""An answer that comes whole, from the side of the connection that brings it."""

import asyncio

from msgspec.structs import replace

from stockyard.core.target import Attempt, Target
from stockyard.upstream.whole_answer import WholeAnswer
from tests.builders import an_exchange


async def test_a_large_answer_that_nobody_waits_for_any_more_disturbs_nobody() -> None:
    attempt = Attempt(target=Target("openai", "gpt-4o"), started_us=0)
    x = an_exchange("hi")
    x.inbound = replace(x.inbound, format="openai.chat")
    answer = WholeAnswer(x, attempt, asyncio.get_running_loop(), flows_from=4)
    answer.head(200, [(b"content-type", b"application/json")])

    answer.arrived.cancel()  # its caller left, and who waited hears of it in the next turn
    answer.data(b"x" * 10)
    answer.done()

    assert answer.onward is None
    assert answer.arrived.cancelled()
