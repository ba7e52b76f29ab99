"""`wire.md` 2.3: the model is used as sent, after alias lookup."""

import pytest

from stockyard.testing.yard import Yard
from tests.gateway.native_calls import CHAT, JSON


@pytest.fixture(autouse=True, params=["setting", "module"])
def named(yard: Yard, request: pytest.FixtureRequest) -> None:
    meant = {"smart": "openai/gpt-4o", "quick": "gemini/gemini-2.5-flash"}
    if request.param == "module":
        rows = [{"alias": alias, "model": model} for alias, model in meant.items()]
        yard.enable("modelalias", aliases=rows)
        return
    for alias, model in meant.items():
        yard.set(f"aliases.{alias}", model)


async def test_an_alias_in_a_body_is_replaced(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    body = {"x": 1, **yard.body("hi", model="smart")}
    assert (await yard.call(CHAT, body)).status == 200
    assert openai.last.json == {**body, "model": "gpt-4o"}


@pytest.mark.parametrize("verb", ["generateContent", "countTokens"])
async def test_an_alias_in_a_path_is_replaced(yard: Yard, verb: str) -> None:
    gemini = yard.provider("gemini").sends(200, JSON, b'{"totalTokens": 7}')
    asked = {"contents": [{"parts": [{"text": "hi"}]}]}
    await yard.call(f"/gemini/v1beta/models/quick:{verb}", asked)
    assert gemini.last.target == f"/v1beta/models/gemini-2.5-flash:{verb}"


async def test_an_alias_of_another_providers_model_is_sent_as_it_is(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    assert (await yard.call(CHAT, yard.body("hi", model="quick"))).status == 200
    assert openai.last.json["model"] == "quick"
