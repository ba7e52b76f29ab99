"""Which provider, secret and modules a call on a native route has, and how it is refused."""

import pytest

from stockyard.testing.yard import Yard
from tests.gateway.native_calls import CHAT, REQUEST
from tests.yard_modules import Shout


async def test_failover_stays_off(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    anthropic = yard.provider("anthropic").says("never")
    yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
    assert (await yard.call(CHAT, REQUEST)).status == 503
    assert not anthropic.requests


async def test_a_callers_own_secret_goes_to_its_provider(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    own = {"authorization": "Bearer sk-proj-mine"}
    assert (await yard.call(CHAT, REQUEST, headers=own)).status == 200
    assert openai.last.headers["authorization"] == "Bearer sk-proj-mine"


async def test_a_callers_own_secret_goes_to_no_other_provider(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("never")
    own = {"authorization": "Bearer sk-proj-mine"}
    answer = await yard.call("/anthropic/v1/messages", yard.body("hi"), headers=own)
    assert answer.status == 401
    assert answer.json["type"] == "error"
    assert not anthropic.requests


@pytest.mark.parametrize(("path", "name"), [("/v1/messages", "anthropic"), (CHAT, "openai")])
async def test_modules_still_apply(yard: Yard, path: str, name: str) -> None:
    yard.provider(name).streams("hel", "lo")
    yard.add(Shout)
    where = path if name == "openai" else "/anthropic/v1/messages"
    answer = await yard.call(where, yard.body("hi", stream=True))
    assert answer.pieces == ["HEL", "LO"]
    assert answer.ended
    whole = await yard.call(where, yard.body("hi"))
    assert whole.text == "HELLO"


async def test_a_path_that_leads_out_is_not_followed(yard: Yard) -> None:
    openai = yard.provider("openai").says("never")
    for path in ("/openai/v1/../../admin", "/openai//v1/models", "/openai/v1/%2e%2e/x"):
        answer = await yard.get(path)
        assert answer.status in (400, 404)
    assert not openai.requests


async def test_a_provider_without_a_credential_is_not_called(yard: Yard) -> None:
    openai = yard.provider("openai", api_key=None).says("never")
    answer = await yard.call(CHAT, REQUEST)
    assert answer.status == 503
    assert answer.headers["x-should-retry"] == "false"
    assert answer.error is not None
    assert answer.error["code"] == "no_target"
    assert "Set OPENAI_API_KEY" in answer.error["message"]
    assert not openai.requests


@pytest.mark.parametrize(
    ("path", "header", "words"),
    [
        ("/anthropic/v1/nothing", {"anthropic-version": "2023-06-01"}, '{"type":"error"'),
        ("/gemini/v1beta/tunedModels", {"x-goog-api-client": "x"}, '{"error":{"code":503'),
        ("/ollama/api/ps", {}, '{"error":"'),
        ("/openai/v1/assistants", {}, '{"error":{"message":'),
    ],
)
async def test_a_refusal_where_no_codec_reads_is_in_the_words_of_the_client(
    yard: Yard, path: str, header: dict[str, str], words: str
) -> None:
    answer = await yard.get(path, headers=header)
    assert answer.status == 503
    assert answer.body.decode().startswith(words)


async def test_a_provider_that_needs_no_credential_is_called_without(yard: Yard) -> None:
    llamas = yard.provider("llamas", kind="openai.chat", api_key=None).says("hello")
    answer = await yard.call("/llamas/v1/chat/completions", REQUEST)
    assert (answer.status, answer.text) == (200, "hello")
    assert "authorization" not in llamas.last.headers


async def test_a_provider_that_cannot_be_reached_is_told_in_the_words_of_the_path(
    yard: Yard,
) -> None:
    yard.provider("anthropic", base_url="http://127.0.0.1:9")
    answer = await yard.call("/anthropic/v1/messages", yard.body("hi"))
    assert answer.status == 502
    assert answer.json["type"] == "error"
