"""What clients of Messages send and wait for, through the whole gateway (`wire.md` 4.4, 5.4)."""

from hashlib import sha256

import pytest

from stockyard.testing.yard import MESSAGES, Yard

FORMATS = {"/v1/chat/completions": "openai.chat", "/v1/responses": "openai.responses"}


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


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
async def test_a_name_of_a_user_that_is_too_long_elsewhere_is_told_as_its_hash(
    yard: Yard, path: str
) -> None:
    """4.4: `user_id` holds a JSON text with device, account and session."""
    name = '{"device_id": "%s"}' % ("d" * 64)
    provider = yard.provider("openai", formats=[FORMATS[path]]).says("hello")
    asked = yard.body(model="openai/m", max_tokens=9, metadata={"user_id": name})
    answer = await yard.call(MESSAGES, asked)
    assert answer.text == "hello"
    assert provider.last.path == path
    assert provider.last.fields["user"] == sha256(name.encode()).hexdigest()
