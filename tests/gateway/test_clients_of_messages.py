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


async def test_thoughts_of_another_provider_do_not_go_to_one_that_checks_signatures(
    yard: Yard,
) -> None:
    """8, signatures 3: we show it unsigned, and clients send it back as they got it."""
    yard.provider("openai").calls_tool("look", {}).thinks("hm")
    signing = yard.provider("anthropic").says("hello")
    asked = yard.body(model="openai/m", max_tokens=9)
    first = await yard.call(MESSAGES, asked)
    thought, call = first.json["content"]
    assert (thought["type"], thought["signature"]) == ("thinking", "")
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": "42"}
    turns = [
        {"role": "assistant", "content": [thought, call]},
        {"role": "user", "content": [result]},
    ]
    thinking = {"type": "enabled", "budget_tokens": 1024}
    messages = [{"role": "user", "content": "hi"}, *turns]
    again = {"model": "anthropic/claude-sonnet-4-5", "max_tokens": 2048, "thinking": thinking}
    answer = await yard.call(MESSAGES, {**again, "messages": messages})
    sent = signing.last.fields
    assert answer.text == "hello"
    assert sent["messages"][1] == {"role": "assistant", "content": [call]}
    assert "thinking" not in sent
    assert answer.headers["x-stockyard-dropped"] == "messages.content.thinking,thinking"


@pytest.mark.parametrize(
    ("path", "version"),
    [(MESSAGES, "2026-10-21"), ("/v1/chat/completions", "2023-06-01")],
)
async def test_the_version_is_told_once_and_is_that_of_the_body(
    yard: Yard, path: str, version: str
) -> None:
    """2.5, 4.4: what we write is of 2023-06-01; what a client wrote is of the version it says."""
    provider = yard.provider("anthropic").says("hello")
    told = {"anthropic-version": "2026-10-21", "anthropic-beta": "a,b"}
    asked = yard.body(model="claude-scripted", max_tokens=9)
    await yard.call(path, asked, headers=told)
    assert provider.last.headers["anthropic-version"] == version
    assert provider.last.headers["anthropic-beta"] == "a,b"


@pytest.mark.parametrize(
    ("version", "model", "heard"),
    [
        ("2026-10-21", "openai/m", None),
        ("2026-10-21", "anthropic/m", 0.5),
        ("2023-06-01", "openai/m", 0.5),
        (None, "openai/m", 0.5),
    ],
)
async def test_sampling_is_ignored_elsewhere_in_the_version_that_has_none(
    yard: Yard, version: str | None, model: str, heard: float | None
) -> None:
    """4.4, 5.4: a provider of the format says itself what it thinks of it."""
    provider = yard.provider(model.partition("/")[0]).says("hello")
    told = {"anthropic-version": version} if version else {}
    asked = yard.body(model=model, max_tokens=9, temperature=0.5)
    answer = await yard.call(MESSAGES, asked, headers=told)
    assert provider.last.fields.get("temperature") == heard
    assert ("temperature" in answer.headers.get("x-stockyard-dropped", "")) == (heard is None)
