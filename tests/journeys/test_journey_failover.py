"""A provider fails, and the caller does not notice."""

from stockyard.testing.yard import Yard


async def test_a_failing_provider_is_replaced(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    yard.provider("anthropic").says("hello")
    chain = {"targets": [{"provider": "anthropic", "model": "claude-scripted"}]}
    yard.enable("failover", chains=[chain])

    answer = await yard.chat("hi", model="gpt-4o")

    assert answer.text == "hello"
    assert yard.last.attempts == ["openai 503", "anthropic 200"]


async def test_so_is_one_that_fails_before_its_stream_begins(yard: Yard) -> None:
    yard.provider("openai").streams("never", " seen").cuts_after("open")
    yard.provider("anthropic").streams("hel", "lo")
    chain = {"targets": [{"provider": "anthropic", "model": "claude-scripted"}]}
    yard.enable("failover", chains=[chain])

    answer = await yard.stream("hi", model="gpt-4o")

    assert answer.pieces == ["hel", "lo"]
    assert answer.ended
    assert yard.last.attempts == ["openai 200", "anthropic 200"]
    assert yard.last.outcomes == ["failed", "ok"]


async def test_one_that_breaks_off_later_is_not(yard: Yard) -> None:
    yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
    yard.provider("anthropic").says("hello")
    chain = {"targets": [{"provider": "anthropic", "model": "claude-scripted"}]}
    yard.enable("failover", chains=[chain])

    answer = await yard.stream("hi", model="gpt-4o")

    assert answer.pieces == ["hel"]
    assert not answer.ended
    assert answer.error is not None
    assert answer.error["code"] == "stream_interrupted"
    assert yard.last.outcomes == ["partial"]
