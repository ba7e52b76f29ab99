"""The mock provider can fall silent; a call to it ends at its deadlines as any other does."""

import pytest

from stockyard.testing.yard import Yard


@pytest.mark.parametrize(
    ("model", "timer", "stream"),
    [
        ("mock/stall-after-2", "timeout.idle", False),
        ("mock/stall-after-2", "timeout.idle", True),
        ("mock/stall-after-2", "timeout.total", False),
        ("mock/stall-after-2", "timeout.total", True),
        ("mock/delay-30000ms", "timeout.first_byte", True),
        ("mock/delay-30000ms", "timeout.total", False),
        ("mock/delay-30000ms", "timeout.total", True),
    ],
)
async def test_a_call_that_the_mock_does_not_answer_ends(
    yard: Yard, model: str, timer: str, stream: bool
) -> None:
    yard.set(timer, "100ms")
    heard = await yard.chat(model=model, stream=stream)
    assert heard.error is not None
    assert timer in heard.error["message"]
    assert [attempt.timer for attempt in yard.last.exchange.attempts] == [timer]
    assert await yard.quiet()
