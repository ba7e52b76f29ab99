"""Callers who bring a secret of their own for a provider: it goes there, and nowhere else."""

import pytest

from stockyard.testing.yard import CHAT, Yard


async def test_a_callers_own_secret_goes_to_its_provider_and_is_never_kept(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    own = {"authorization": "Bearer sk-proj-mine"}
    answer = await yard.chat("hi", headers=own)
    assert answer.status == 200
    assert openai.last.headers["authorization"] == "Bearer sk-proj-mine"
    caller = yard.last.exchange.caller
    assert caller.key_id.startswith("own:")
    assert "sk-proj-mine" not in repr(yard.last.exchange)


async def test_a_callers_own_secret_goes_nowhere_else(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("never")
    own = {"authorization": "Bearer sk-proj-mine"}
    answer = await yard.messages("hi", headers=own)
    assert answer.status in (404, 503)
    assert not anthropic.requests


async def test_failover_does_not_take_a_callers_own_secret_elsewhere(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    anthropic = yard.provider("anthropic").says("never")
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
    own = {"authorization": "Bearer sk-proj-mine"}
    answer = await yard.chat("hi", headers=own)
    assert answer.status == 503
    assert not anthropic.requests


@pytest.mark.parametrize(("status", "code"), [(401, "invalid_api_key"), (403, "provider_error")])
async def test_a_refusal_of_a_callers_own_secret_is_told_as_it_is(
    yard: Yard, status: int, code: str
) -> None:
    yard.provider("openai").fails(status)
    answer = await yard.chat("hi", headers={"authorization": "Bearer sk-proj-mine"})
    assert answer.status == status
    assert answer.error is not None
    assert answer.error["code"] == code


async def test_a_callers_own_secret_is_looked_for_in_header_fields_only(yard: Yard) -> None:
    openai = yard.provider("openai").says("never")
    await yard.open()
    protocol = "realtime, openai-insecure-api-key.sk-proj-mine"
    async with yard.raw() as client:
        client.ask(f"{CHAT}?key=sk-proj-mine", yard.body("hi"))
        assert (await client.answer()).status == 401
        client.ask(CHAT, yard.body("hi"), headers={"sec-websocket-protocol": protocol})
        assert (await client.answer()).status == 401
    assert not openai.requests


async def test_own_secrets_can_be_switched_off(yard: Yard) -> None:
    openai = yard.provider("openai").says("never")
    yard.set("auth.bring_your_own", "off")
    answer = await yard.chat("hi", headers={"authorization": "Bearer sk-proj-mine"})
    assert answer.status == 401
    assert not openai.requests


async def test_keys_of_ours_are_never_taken_for_own_secrets(yard: Yard) -> None:
    openai = yard.provider("openai").says("never")
    unknown = "sk-sy-" + "x" * 40
    answer = await yard.chat("hi", headers={"authorization": f"Bearer {unknown}"})
    assert answer.status == 401
    assert not openai.requests
