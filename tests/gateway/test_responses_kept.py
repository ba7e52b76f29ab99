"""Responses that we keep: gone on from with any provider, read in pages, and deleted once."""

import asyncio
import json
from typing import Any

import pytest

from stockyard.testing.heard import Heard
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
    writer = yard.stockyard.database.writer
    # The second makes the watch of the disk agree, which looks every second.
    writer.disk_full = writer.found_disk_full = True
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
