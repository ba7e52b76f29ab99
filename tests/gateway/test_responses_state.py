"""Responses that outlive their call: kept by us, kept by their provider, and whose they are."""

import asyncio
import json
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.gateway.responses_calls import RESPONSES, answered
from tests.teams import another_team

JSON = {"content-type": "application/json"}
OPENAI_MODEL = "gpt-scripted"


async def respond(yard: Yard, prompt: Any = "hi", **fields: Any) -> Heard:
    return await yard.call(RESPONSES, {"model": yard.body()["model"], "input": prompt, **fields})


def stored_by_provider(number: int) -> bytes:
    """An answer with an id of its provider's."""
    return json.dumps(
        {"id": f"resp_theirs_{number}", "object": "response", "status": "completed", "output": []}
    ).encode()


# Kept by us


@pytest.mark.parametrize("provider", ["deepinfra", "anthropic"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_stored_answer_is_gone_on_from_and_read(
    yard: Yard, provider: str, stream: bool
) -> None:
    upstream = yard.provider(provider).says("Bonjour, Ann.").says("Ann.")
    first = await respond(
        yard, "I am Ann.", store=True, stream=stream, instructions="Speak French."
    )
    told = answered(first)
    assert told["store"] is True

    read = await yard.get(f"{RESPONSES}/{told['id']}")
    assert (read.status, read.json) == (200, told)

    second = await respond(yard, "Who am I?", previous_response_id=told["id"], stream=stream)
    assert answered(second)["previous_response_id"] == told["id"]
    assert answered(second)["store"] is False
    sent = upstream.last.body.decode()
    assert sent.index("I am Ann.") < sent.index("Bonjour, Ann.") < sent.index("Who am I?")
    assert "Speak French." not in sent
    again = await yard.get(f"{RESPONSES}/{answered(second)['id']}")
    assert again.status == 404


async def test_turns_add_up_over_several_stored_answers(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").says("two").says("four").says("six")
    previous: dict[str, Any] = {}
    for prompt in ("one", "three", "five"):
        told = answered(await respond(yard, prompt, store=True, **previous))
        previous = {"previous_response_id": told["id"]}
    said = [message["content"] for message in upstream.last.fields["messages"]]
    assert said == ["one", "two", "three", "four", "five"]
    listed = await yard.get(f"{RESPONSES}/{told['id']}/input_items?order=asc")
    assert [item["role"] for item in listed.json["data"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]


async def test_kept_turns_go_to_any_provider_also_to_one_that_forwards(yard: Yard) -> None:
    yard.provider("deepinfra").says("Bonjour.")
    forwards = yard.provider("openai").sends(200, JSON, stored_by_provider(1))
    told = answered(await respond(yard, "hello", store=True))
    body = {"model": OPENAI_MODEL, "input": "more", "previous_response_id": told["id"]}
    assert (await yard.call(RESPONSES, body)).status == 200
    sent = forwards.last.fields
    assert "previous_response_id" not in sent
    assert [item.get("role") for item in sent["input"]] == ["user", "assistant", "user"]
    assert not any("id" in item for item in sent["input"])


async def test_calls_and_their_results_are_gone_on_with(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").calls_tool("weather", {"city": "Köln"}).says("Rain.")
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    told = answered(await respond(yard, "weather?", store=True, tools=tools))
    (call,) = told["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    await respond(yard, [result], previous_response_id=told["id"], tools=tools)
    roles = [message["role"] for message in upstream.last.fields["messages"]]
    assert roles == ["user", "assistant", "tool"]


@pytest.mark.parametrize("stream", [False, True])
async def test_signed_thinking_goes_back_to_who_signed_it(yard: Yard, stream: bool) -> None:
    upstream = yard.provider("anthropic").calls_tool("weather", {"city": "Köln"})
    upstream.thinks("Let me", " look.").says("Rain.")
    tools = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
    asked: dict[str, Any] = {"tools": tools, "reasoning": {"effort": "low"}, "store": True}
    told = answered(await respond(yard, "weather?", stream=stream, **asked))
    (call,) = [item for item in told["output"] if item["type"] == "function_call"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    await respond(yard, [result], previous_response_id=told["id"], stream=stream, **asked)
    thought = upstream.last.fields["messages"][1]["content"][0]
    assert (thought["type"], thought["thinking"]) == ("thinking", "Let me look.")
    assert thought["signature"]


async def test_an_item_that_we_keep_may_be_pointed_at(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").says("Bonjour.").says("ok").says("ok")
    told = answered(await respond(yard, "hello", store=True))
    reference = {"type": "item_reference", "id": told["output"][0]["id"]}
    more = {"role": "user", "content": "more"}
    await respond(yard, [reference, more])
    assert [m["content"] for m in upstream.last.fields["messages"]] == ["Bonjour.", "more"]
    await respond(yard, [reference, more], previous_response_id=told["id"])
    said = [m["content"] for m in upstream.last.fields["messages"]]
    assert said == ["hello", "Bonjour.", "more"]


@pytest.mark.parametrize("store", [{}, {"store": False}, {"store": None}])
async def test_only_an_explicit_wish_keeps_an_answer(yard: Yard, store: dict[str, Any]) -> None:
    yard.provider("deepinfra").says("hello")
    told = answered(await respond(yard, **store))
    assert told["store"] is False
    assert (await yard.get(f"{RESPONSES}/{told['id']}")).status == 404
    lost = await respond(yard, previous_response_id=told["id"])
    assert (lost.status, lost.json["error"]["code"]) == (400, "previous_response_not_found")


async def test_an_answer_that_broke_off_is_not_kept(yard: Yard) -> None:
    yard.provider("deepinfra").streams("one", "two").cuts_after("first_content")
    heard = await respond(yard, store=True, stream=True)
    told = answered(heard)
    assert told["status"] == "failed"
    assert (await yard.get(f"{RESPONSES}/{told['id']}")).status == 404


async def test_a_chat_that_is_called_like_a_response_is_kept_under_our_name(yard: Yard) -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "hi"},
        "finish_reason": "stop",
    }
    chat = {"id": "resp_of_a_chat", "object": "chat.completion", "model": "m", "choices": [choice]}
    yard.provider("deepinfra").sends(200, JSON, json.dumps(chat).encode())
    told = answered(await respond(yard, store=True))
    assert told["id"] != "resp_of_a_chat"
    assert (await yard.get(f"{RESPONSES}/{told['id']}")).json == told


async def test_a_request_too_large_to_be_kept_is_answered_and_says_that_it_is_not(
    yard: Yard,
) -> None:
    yard.provider("deepinfra").says("long")
    told = answered(await respond(yard, "x" * (4 * 1024 * 1024), store=True))
    assert told["store"] is False
    assert (await yard.get(f"{RESPONSES}/{told['id']}")).status == 404


async def test_a_kept_answer_is_deleted_once(yard: Yard) -> None:
    yard.provider("deepinfra").says("hello")
    path = f"{RESPONSES}/{answered(await respond(yard, store=True))['id']}"
    gone = await yard.get(path, method="DELETE")
    assert gone.json == {"id": path.rpartition("/")[2], "object": "response", "deleted": True}
    assert (await yard.get(path)).status == 404
    assert (await yard.get(path, method="DELETE")).status == 404


async def test_a_connection_goes_on_after_an_answer_was_kept_and_deleted(yard: Yard) -> None:
    yard.provider("deepinfra").says("one").says("two")
    body = {"model": yard.body()["model"], "input": "hi", "store": True}
    async with yard.raw() as client:
        client.ask(RESPONSES, body, headers=yard.headers)
        await client.answer()
        path = f"{RESPONSES}/{json.loads(client.reply.body)['id']}"
        lines = [f"DELETE {path} HTTP/1.1", "host: localhost"]
        lines += [f"{name}: {value}" for name, value in yard.headers.items()]
        client.send("\r\n".join([*lines, "", ""]).encode())
        await client.answer()
        assert json.loads(client.reply.body)["deleted"] is True
        client.ask(RESPONSES, body, headers=yard.headers)
        await client.answer()
        assert client.reply.status == 200


async def test_a_kept_answer_is_complete_and_cannot_be_stopped_or_streamed(yard: Yard) -> None:
    yard.provider("deepinfra").says("hello")
    path = f"{RESPONSES}/{answered(await respond(yard, store=True))['id']}"
    assert (await yard.call(f"{path}/cancel")).status == 400
    streamed = await yard.get(f"{path}?stream=true")
    assert (streamed.status, streamed.json["error"]["param"]) == (400, "stream")


async def test_input_items_come_in_pages(yard: Yard) -> None:
    yard.provider("deepinfra").says("hello")
    items = [{"role": "user", "content": f"{number}"} for number in range(5)]
    path = f"{RESPONSES}/{answered(await respond(yard, items, store=True))['id']}/input_items"

    def texts(heard: Heard) -> list[str]:
        return [item["content"][0]["text"] for item in heard.json["data"]]

    newest = await yard.get(f"{path}?limit=2")
    assert texts(newest) == ["4", "3"]
    assert newest.json["has_more"] is True
    rest = await yard.get(f"{path}?after={newest.json['last_id']}")
    assert (texts(rest), rest.json["has_more"]) == (["2", "1", "0"], False)
    assert texts(await yard.get(f"{path}?order=asc&limit=1")) == ["0"]
    for wrong in ("limit=0", "limit=101", "limit=x", "order=up", "after=nothing"):
        assert (await yard.get(f"{path}?{wrong}")).status == 400


async def test_answers_that_one_team_keeps_are_not_there_for_another(yard: Yard) -> None:
    yard.provider("deepinfra").says("secret").says("ok")
    blue = await another_team(yard)
    told = answered(await respond(yard, store=True))
    path = f"{RESPONSES}/{told['id']}"
    for method, part in (("GET", ""), ("GET", "/input_items"), ("DELETE", "")):
        heard = await yard.get(path + part, method=method, headers=blue)
        assert (heard.status, heard.json["error"]["code"]) == (404, "not_found")
    assert (await yard.call(f"{path}/cancel", headers=blue)).status == 404
    body = {"model": yard.body()["model"], "input": "?", "previous_response_id": told["id"]}
    lost = await yard.call(RESPONSES, body, headers=blue)
    assert (lost.status, lost.json["error"]["code"]) == (400, "previous_response_not_found")
    reference = [{"type": "item_reference", "id": told["output"][0]["id"]}]
    heard = await yard.call(RESPONSES, {**body, "input": reference}, headers=blue)
    assert heard.status == 400
    assert (await yard.get(path)).status == 200


async def test_counting_counts_the_kept_turns(yard: Yard) -> None:
    yard.provider("deepinfra").says("word " * 200)
    told = answered(await respond(yard, store=True))
    body = {"model": yard.body()["model"], "input": "hi"}
    alone = await yard.call(f"{RESPONSES}/input_tokens", body)
    after = {**body, "previous_response_id": told["id"]}
    heard = await yard.call(f"{RESPONSES}/input_tokens", after)
    assert heard.json["input_tokens"] > alone.json["input_tokens"] + 100


async def test_stored_answers_survive_a_caller_who_hangs_up_meanwhile(yard: Yard) -> None:
    yard.provider("deepinfra").says("one").says("two")
    body = {"model": yard.body()["model"], "input": "hi", "store": True}
    async with yard.raw() as client:
        client.ask(RESPONSES, body, headers=yard.headers)
    await asyncio.sleep(0.05)
    assert (await respond(yard, store=True)).status == 200
    assert await yard.quiet()


async def test_an_answer_that_cannot_be_stored_is_given_all_the_same(yard: Yard) -> None:
    yard.provider("deepinfra").says("hello")
    await yard.open()
    yard.stockyard.database.writer.disk_full = True
    for stream in (False, True):
        told = answered(await respond(yard, store=True, stream=stream))
        assert told["output"][0]["content"][0]["text"] == "hello"
        assert (await yard.get(f"{RESPONSES}/{told['id']}")).status == 404


async def test_clients_in_a_clouds_mode_find_their_answers(yard: Yard) -> None:
    yard.provider("deepinfra").says("hello")
    body = {"model": yard.body()["model"], "input": "hi", "store": True}
    told = answered(await yard.call("/openai/responses?api-version=2025-03-01", body))
    for path in ("/openai/responses", "/openai/v1/responses"):
        heard = await yard.get(f"{path}/{told['id']}?api-version=2025-03-01")
        assert heard.json == told


# Kept by the provider


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
