"""Responses that their provider keeps are there, at that provider, for the team that got them."""

from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.gateway.responses_calls import (
    OPENAI_MODEL,
    RESPONSES,
    answered,
    respond,
    stored_by_provider,
)
from tests.held_things import JSON
from tests.teams import another_team


async def test_a_provider_s_answer_is_asked_of_that_provider(yard: Yard) -> None:
    provider = yard.provider("openai")
    provider.sends(200, JSON, stored_by_provider(1))
    told = answered(await respond(yard))
    path = f"{RESPONSES}/{told['id']}"
    asked = [
        ("GET", "", "?include=reasoning.encrypted_content"),
        ("GET", "/input_items", "?limit=3"),
        ("POST", "/cancel", ""),
        ("DELETE", "", ""),
    ]
    for method, part, query in asked:
        provider.sends(200, JSON, b'{"id":"resp_theirs_1","usage":{"input_tokens":9}}')
        heard = await yard.get(path + part + query, method=method)
        assert (heard.status, heard.json["id"]) == (200, "resp_theirs_1")
        assert provider.last.method == method
        assert provider.last.target == f"/v1/responses/resp_theirs_1{part}{query}"
        assert provider.last.headers["authorization"] == "Bearer secret-of-openai"
        assert yard.last.exchange.usage is None


@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_s_answer_is_gone_on_from_at_that_provider(
    yard: Yard, stream: bool
) -> None:
    provider = yard.provider("openai").says("one").says("two")
    told = answered(await respond(yard, stream=stream))
    heard = await respond(yard, previous_response_id=told["id"], stream=stream)
    assert heard.status == 200
    assert provider.last.fields["previous_response_id"] == told["id"]


async def test_the_id_of_a_stream_is_known_before_its_end(yard: Yard) -> None:
    provider = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    provider.sends(200, JSON, b'{"id":"resp_scripted","status":"cancelled"}')
    body = {"model": OPENAI_MODEL, "input": "hi", "stream": True, "background": True}
    async with yard.raw() as client:
        client.ask(RESPONSES, body, headers=yard.headers)
        await client.until(b"output_text.delta")
        stopped = await yard.call(f"{RESPONSES}/resp_scripted/cancel")
        assert stopped.json["status"] == "cancelled"
    provider.goes_on()


async def test_the_id_of_a_large_answer_is_known_as_well(yard: Yard) -> None:
    large = b' {"id" : "resp_large", "output": ["%b"]}' % (b"x" * 3_000_000)
    provider = yard.provider("openai").sends(200, JSON, large)
    assert (await respond(yard)).body == large
    provider.sends(200, JSON, b'{"id":"resp_large"}')
    assert (await yard.get(f"{RESPONSES}/resp_large")).status == 200


async def test_a_conversation_is_gone_on_with_by_the_team_that_began_it(yard: Yard) -> None:
    provider = yard.provider("openai").sends(200, JSON, b'{"id":"conv_1"}')
    blue = await another_team(yard)
    await yard.call("/openai/v1/conversations", {"items": []})
    provider.sends(200, JSON, stored_by_provider(1))
    for conversation in ("conv_1", {"id": "conv_1"}):
        body = {"model": OPENAI_MODEL, "input": "?", "conversation": conversation}
        assert (await yard.call(RESPONSES, body)).status == 200
        assert provider.last.fields["conversation"] == conversation
        assert (await yard.call(RESPONSES, body, headers=blue)).status == 400


async def test_a_provider_s_answer_cannot_be_gone_on_from_elsewhere(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, stored_by_provider(1))
    other = yard.provider("deepinfra").says("no")
    told = answered(await respond(yard))
    body = {"model": "deepinfra/m", "input": "?", "previous_response_id": told["id"]}
    heard = await yard.call(RESPONSES, body)
    assert (heard.status, heard.json["error"]["code"]) == (400, "previous_response_not_found")
    assert heard.json["error"]["param"] == "previous_response_id"
    assert not other.requests


async def test_an_answer_that_was_edited_keeps_the_id_under_which_its_provider_has_it(
    yard: Yard,
) -> None:
    provider = yard.provider("openai").says("Write to ann@acme.org.").says("ok")
    yard.enable("promptguard")
    told = answered(await respond(yard, "I am ann@acme.org", stream=True))
    assert told["id"] == "resp_scripted"
    heard = await respond(yard, previous_response_id=told["id"])
    assert heard.status == 200
    assert provider.last.fields["previous_response_id"] == "resp_scripted"


@pytest.mark.parametrize(
    "fields", [{"previous_response_id": "resp_9"}, {"conversation": {"id": "conv_9"}}]
)
async def test_an_answer_that_the_team_did_not_get_is_not_gone_on_from(
    yard: Yard, fields: dict[str, Any]
) -> None:
    provider = yard.provider("openai")
    for path in (RESPONSES, "/openai/v1/responses"):
        heard = await yard.call(path, {"model": OPENAI_MODEL, "input": "?", **fields})
        assert (heard.status, heard.json["error"]["code"]) == (400, "previous_response_not_found")
        assert heard.json["error"]["param"] == next(iter(fields))
    assert not provider.requests


async def test_a_field_said_twice_does_not_hide_one_of_the_two(yard: Yard) -> None:
    provider = yard.provider("openai").sends(200, JSON, stored_by_provider(1))
    await respond(yard)
    body = (
        b'{"model":"gpt-scripted","input":"?","previous_response_id":"resp_9",'
        b'"previous_response_\\u0069d":"resp_theirs_1"}'
    )
    heard = await yard.call(RESPONSES, body)
    assert heard.status == 400
    assert len(provider.requests) == 1


@pytest.mark.parametrize("made_at", [RESPONSES, "/openai/v1/responses"])
async def test_a_provider_s_answer_is_there_for_the_team_that_got_it_only(
    yard: Yard, made_at: str
) -> None:
    provider = yard.provider("openai").sends(200, JSON, stored_by_provider(1))
    blue = await another_team(yard)
    await yard.call(made_at, {"model": OPENAI_MODEL, "input": "hi"})
    for path in ("/v1/responses", "/responses", "/openai/v1/responses", "/openai/responses"):
        for method, part in (
            ("GET", ""),
            ("GET", "/input_items"),
            ("POST", "/cancel"),
            ("DELETE", ""),
        ):
            strange = await yard.get(f"{path}/resp_theirs_1{part}", method=method, headers=blue)
            assert (strange.status, strange.json["error"]["code"]) == (404, "not_found")
    body = {"model": OPENAI_MODEL, "input": "?", "previous_response_id": "resp_theirs_1"}
    for path in ("/v1/responses", "/openai/v1/responses", "/v1/responses/input_tokens"):
        assert (await yard.call(path, body, headers=blue)).status == 400
    assert len(provider.requests) == 1
    provider.sends(200, JSON, b'{"id":"resp_theirs_1"}').sends(200, JSON, b"{}")
    assert (await yard.get("/openai/v1/responses/resp_theirs_1")).status == 200
    assert (await yard.get("/openai/v1/responses/resp_theirs_1/input_items")).status == 200


@pytest.mark.parametrize("odd", ["%72esp_theirs_1", "resp_theirs_1%20", "resp%5Ftheirs_1"])
async def test_another_spelling_of_an_id_opens_nothing_to_others(yard: Yard, odd: str) -> None:
    provider = yard.provider("openai").sends(200, JSON, stored_by_provider(1))
    blue = await another_team(yard)
    await respond(yard)
    for path in ("/openai/v1/responses", "/openai/v1/%72esponses", "/v1/responses"):
        heard = await yard.get(f"{path}/{odd}", headers=blue)
        assert heard.status in (400, 404)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("path", ["/openai/v1/%66iles/file-1", "/openai/v1/thread%73/thread_1"])
async def test_another_spelling_of_a_path_opens_nothing_to_others(yard: Yard, path: str) -> None:
    provider = yard.provider("openai")
    assert (await yard.get(path)).status == 404
    assert not provider.requests


async def test_an_answer_that_was_not_to_be_stored_is_not_remembered(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, stored_by_provider(1))
    told = answered(await respond(yard, store=False))
    assert (await yard.get(f"{RESPONSES}/{told['id']}")).status == 404


async def test_a_caller_with_its_own_secret_asks_its_provider_about_any_answer(yard: Yard) -> None:
    provider = yard.provider("openai").sends(200, JSON, b'{"id":"resp_9"}')
    await yard.open()
    own = {"authorization": "Bearer sk-proj-of-my-own"}
    heard = await yard.get(f"{RESPONSES}/resp_9", headers=own)
    assert heard.status == 200
    assert provider.last.headers["authorization"] == "Bearer sk-proj-of-my-own"
    provider.sends(200, JSON, stored_by_provider(2))
    body = {"model": OPENAI_MODEL, "input": "?", "previous_response_id": "resp_9"}
    assert (await yard.call(RESPONSES, body, headers=own)).status == 200
    assert (await yard.get(f"{RESPONSES}/resp_theirs_2")).status == 404
