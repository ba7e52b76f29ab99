"""What clients of Messages send and wait for, through the whole gateway (`wire.md` 4.4, 5.4)."""

import pytest

from stockyard.testing.yard import MESSAGES, Yard


@pytest.mark.parametrize("provider", ["openai", "gemini"])
async def test_a_stream_begins_with_an_estimate_of_what_was_asked(
    yard: Yard, provider: str
) -> None:
    """4.4, writer rules: our input estimate, not 0."""
    yard.provider(provider).says("hello").counts(100, 20)
    asked = yard.body("word " * 400, model=f"{provider}/m", stream=True, max_tokens=9)
    answer = await yard.call(MESSAGES, asked)
    begun = next(e.json for e in answer.events if e.name == "message_start")
    ended = next(e.json for e in answer.events if e.name == "message_delta")
    assert 300 < begun["message"]["usage"]["input_tokens"] < 700
    assert ended["usage"]["input_tokens"] == 100
