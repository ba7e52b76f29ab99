"""Callers with a secret of their own, which nobody here can check, share nothing; nor do teams."""

import pytest

from stockyard.testing.yard import Yard
from tests.teams import another_team

BODY = {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


def own(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def test_an_answer_that_is_kept_opens_to_the_secret_that_paid_for_it_only(
    yard: Yard,
) -> None:
    provider = yard.provider("anthropic").says("for the first").says("for the second")
    yard.enable("cache")
    first, made_up = own("sk-ant-one-of-somebody"), own("sk-ant-whatever")
    for caller, told in ((first, "miss"), (made_up, "miss"), (first, "hit"), (made_up, "hit")):
        answer = await yard.call("/v1/messages", BODY, headers=caller)
        assert answer.headers["x-stockyard-cache"] == told
        assert ("first" in answer.text) is (caller is first)
    assert len(provider.requests) == 2


async def test_callers_are_told_apart_by_more_than_is_shown_of_them(yard: Yard) -> None:
    yard.provider("anthropic").says("hello")
    await yard.call("/v1/messages", BODY, headers=own("sk-ant-one-of-somebody"))
    caller = yard.last.exchange.caller
    assert caller.key_id.startswith(caller.key_name)
    assert (len(caller.key_name), len(caller.key_id)) == (4 + 8, 4 + 32)


@pytest.mark.parametrize(
    ("path", "model"),
    [("/v1/chat/completions", "openai/x"), ("/openai/v1/chat/completions", "x")],
)
async def test_no_team_gets_what_another_asked_for_under_the_same_key(
    yard: Yard, path: str, model: str
) -> None:
    openai = yard.provider("openai").says("hello")
    body = {"model": model, "messages": BODY["messages"]}
    theirs, mine = await another_team(yard), own("sk-proj-mine")
    for caller in (yard.headers, yard.headers, theirs, mine):
        await yard.call(path, body, headers={**caller, "idempotency-key": "order-17"})
    ours, again, others, strange = [r.headers["idempotency-key"] for r in openai.requests]
    assert ours == again == strange == "order-17"
    assert others != "order-17"
