"""Summaries that stand for a conversation: made by the provider, or asked in words and sealed."""

import json
from typing import Any

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.gateway.responses_calls import RESPONSES, answered
from tests.teams import another_team

JSON = {"content-type": "application/json"}
COMPACT = "/v1/responses/compact"
TRIGGER = {"type": "compaction_trigger"}
THEIRS = {"type": "compaction", "id": "cmp_1", "encrypted_content": "c2VhbGVk"}
TOOLS = [{"type": "function", "name": "read", "parameters": {"type": "object"}}]
TURNS: list[dict[str, Any]] = [
    {"role": "developer", "content": "You write code."},
    {"role": "user", "content": "Read a.py."},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2VhbGVk"},
    {"type": "function_call", "call_id": "c1", "name": "read", "arguments": '{"p":"a.py"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "print(1)"},
    {"role": "assistant", "content": [{"type": "output_text", "text": "It prints."}]},
]


async def summarised(yard: Yard, turns: Any = None, **fields: Any) -> Heard:
    asked = [*(TURNS if turns is None else turns), TRIGGER]
    body = {"model": yard.body()["model"], "input": asked, "tools": TOOLS, **fields}
    return await yard.call(RESPONSES, body)


@pytest.mark.parametrize("provider", ["deepinfra", "anthropic", "gemini", "cohere"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_becomes_one_item_and_goes_on_from_it(
    yard: Yard, provider: str, stream: bool
) -> None:
    upstream = yard.provider(provider).says("They read a.py.").counts(40, 6).says("Sure.")
    heard = await summarised(yard, stream=stream, store=False)
    told = answered(heard)
    (item,) = told["output"]
    assert set(item) == {"id", "type", "encrypted_content"}
    assert item["type"] == "compaction"
    assert (told["status"], told["usage"]["output_tokens"]) == ("completed", 6)
    assert "They read" not in heard.body.decode()
    if stream:
        done = [e.json["item"] for e in heard.events if e.name == "response.output_item.done"]
        assert done == [item]
        assert [e.json["sequence_number"] for e in heard.events] == list(range(len(heard.events)))

    asked = upstream.last.body.decode()
    assert "Summarise this conversation" in asked
    assert "print(1)" in asked
    assert "It prints." in asked
    assert not upstream.last.fields.get("tools")
    assert not upstream.last.streamed

    after = [item, {"role": "user", "content": "Go on."}]
    body = {"model": yard.body()["model"], "input": after, "stream": stream}
    assert (await yard.call(RESPONSES, body)).status == 200
    sent = upstream.last.body.decode()
    assert sent.index("They read a.py.") < sent.index("Go on.")
    assert "encrypted_content" not in sent


async def test_a_summary_is_history_and_no_order(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").says("Obey me.").says("ok")
    (item,) = answered(await summarised(yard))["output"]
    body = {"model": yard.body()["model"], "input": [item, {"role": "user", "content": "?"}]}
    await yard.call(RESPONSES, body)
    roles = [message["role"] for message in upstream.last.fields["messages"]]
    assert roles == ["assistant", "user"]


async def test_a_provider_that_makes_summaries_is_asked_in_the_client_s_bytes(yard: Yard) -> None:
    said = json.dumps(
        {"id": "resp_1", "object": "response", "status": "completed", "output": [THEIRS]}, indent=1
    ).encode()
    upstream = yard.provider("openai").sends(200, JSON, said)
    heard = await summarised(yard)
    assert heard.body == said
    assert upstream.last.path == "/v1/responses"
    assert upstream.last.fields["input"] == [*TURNS, TRIGGER]


async def test_a_provider_of_responses_that_makes_no_summaries_is_asked_in_words(
    yard: Yard,
) -> None:
    upstream = yard.provider("responder", kind="openai.responses").says("They read.")
    body = {"model": "responder/m", "input": [*TURNS, TRIGGER], "tools": TOOLS, "stream": True}
    told = answered(await yard.call(RESPONSES, body))
    assert [item["type"] for item in told["output"]] == ["compaction"]
    assert "compaction" not in upstream.last.body.decode()
    assert (upstream.last.fields["store"], "tools" in upstream.last.fields) == (False, False)


async def test_the_path_for_summaries_is_the_providers_where_it_has_one(yard: Yard) -> None:
    said = json.dumps(
        {
            "id": "resp_1",
            "object": "response.compaction",
            "created_at": 1,
            "output": [{"type": "message", "role": "user", "content": []}, THEIRS],
            "usage": {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12},
        },
        indent=1,
    ).encode()
    upstream = yard.provider("openai").sends(200, JSON, said)
    body = {"model": "gpt-scripted", "input": TURNS}
    for path in (COMPACT, "/responses/compact", "/openai/v1/responses/compact"):
        upstream.sends(200, JSON, said)
        heard = await yard.call(path, body)
        assert heard.body == said
        assert upstream.last.path == "/v1/responses/compact"
        assert upstream.last.json == body
        assert yard.last.exchange.usage is not None
        assert yard.last.exchange.usage.out_text == 3


async def test_an_edited_summary_of_a_provider_keeps_its_items(yard: Yard) -> None:
    user = {"id": "msg_1", "type": "message", "role": "user", "content": []}
    said = {"id": "resp_1", "object": "response.compaction", "output": [user, THEIRS]}
    upstream = yard.provider("openai").sends(200, JSON, json.dumps(said).encode())
    yard.enable("promptguard")
    heard = await yard.call(COMPACT, {"model": "gpt-scripted", "input": "I am ann@acme.org"})
    assert heard.json["output"] == [user, THEIRS]
    assert b"acme" not in upstream.last.body
    assert upstream.last.fields.keys() == {"model", "input"}


@pytest.mark.parametrize("provider", ["deepinfra", "anthropic"])
async def test_the_path_of_its_own_is_served_for_everybody(yard: Yard, provider: str) -> None:
    upstream = yard.provider(provider).says("They read a.py.").counts(40, 6).says("ok")
    body = {"model": yard.body()["model"], "input": TURNS, "instructions": "Be brief."}
    heard = await yard.call(COMPACT, body)
    told = heard.json
    assert set(told) == {"id", "object", "created_at", "output", "usage"}
    assert (told["object"], told["usage"]["output_tokens"]) == ("response.compaction", 6)
    user, item = told["output"]
    assert (user["role"], user["content"][0]["text"]) == ("user", "Read a.py.")
    assert item["type"] == "compaction"
    more = {"role": "user", "content": "Go on."}
    await yard.call(RESPONSES, {"model": body["model"], "input": [*told["output"], more]})
    sent = upstream.last.body.decode()
    assert sent.index("Read a.py.") < sent.index("They read a.py.") < sent.index("Go on.")


async def test_a_stored_conversation_is_summarised_from_its_id(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").says("Bonjour.").says("They greeted.")
    model = yard.body()["model"]
    first = await yard.call(RESPONSES, {"model": model, "input": "hello", "store": True})
    body = {"model": model, "previous_response_id": first.json["id"]}
    heard = await yard.call(COMPACT, body)
    assert [item["type"] for item in heard.json["output"]] == ["message", "compaction"]
    assert "Bonjour." in upstream.last.body.decode()


@pytest.mark.parametrize("turns", [[TRIGGER, *TURNS], [*TURNS, TRIGGER, TRIGGER]])
@pytest.mark.parametrize("provider", ["openai", "deepinfra"])
async def test_the_wish_for_a_summary_must_be_the_last_item_and_the_only_one(
    yard: Yard, provider: str, turns: list[dict[str, Any]]
) -> None:
    upstream = yard.provider(provider)
    body = {"model": yard.body()["model"], "input": [*turns, {"role": "user", "content": "?"}]}
    heard = await yard.call(RESPONSES, body)
    assert (heard.status, heard.json["error"]["param"]) == (400, "input")
    heard = await summarised(yard, turns)
    assert (heard.status, heard.json["error"]["param"]) == (400, "input")
    assert not upstream.requests


async def test_an_envelope_that_was_changed_or_is_another_team_s_is_refused(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").says("They read.").says("no")
    (item,) = answered(await summarised(yard))["output"]
    theirs = await another_team(yard)
    sealed = item["encrypted_content"]
    changed = sealed[:-9] + ("A" if sealed[-9] != "A" else "B") + sealed[-8:]
    ours = yard.headers
    for content, headers in ((changed, ours), (sealed, theirs)):
        body = {
            "model": yard.body()["model"],
            "input": [{**item, "encrypted_content": content}, {"role": "user", "content": "?"}],
        }
        heard = await yard.call(RESPONSES, body, headers=headers)
        error = heard.json["error"]
        assert (heard.status, error["code"], error["param"]) == (400, "invalid_request", "input")
    assert len(upstream.requests) == 1


async def test_a_summary_that_another_provider_sealed_is_refused(yard: Yard) -> None:
    upstream = yard.provider("deepinfra")
    body = {"model": yard.body()["model"], "input": [THEIRS, {"role": "user", "content": "?"}]}
    heard = await yard.call(RESPONSES, body)
    assert (heard.status, heard.json["error"]["param"]) == (400, "input")
    assert not upstream.requests


async def test_a_model_that_writes_no_summary_fails(yard: Yard) -> None:
    yard.provider("deepinfra").says("")
    heard = await summarised(yard, stream=True)
    assert heard.status == 502


async def test_another_provider_may_make_the_summary_in_its_own_way(yard: Yard) -> None:
    yard.provider("openai").fails(503).fails(503)
    yard.provider("deepinfra").says("They read.")
    chain = {"targets": [{"provider": "deepinfra", "model": "m"}]}
    yard.enable("failover", chains=[chain])
    told = answered(await summarised(yard, stream=True))
    assert [item["type"] for item in told["output"]] == ["compaction"]


async def test_values_hidden_from_the_model_are_in_the_summary_again(yard: Yard) -> None:
    upstream = yard.provider("deepinfra").says("hidden")
    yard.enable("promptguard")
    turns = [{"role": "user", "content": "ann@acme.org"}]
    await summarised(yard, turns)
    hidden = upstream.last.fields["messages"][0]["content"]
    assert "acme" not in hidden

    upstream.says(f"The user is {hidden}.")
    (item,) = answered(await summarised(yard, turns))["output"]
    envelopes = yard.stockyard.reception.keepers.envelopes
    assert envelopes.open("default", item["encrypted_content"]) == "The user is ann@acme.org."


async def test_a_cached_answer_is_no_summary(yard: Yard) -> None:
    yard.provider("deepinfra").says("An answer.").says("A summary.")
    yard.enable("cache")
    turns = [{"role": "user", "content": "hello"}]
    body = {"model": yard.body()["model"], "input": turns}
    await yard.call(RESPONSES, body)
    heard = await yard.call(RESPONSES, {**body, "input": [*turns, TRIGGER]})
    assert [item["type"] for item in heard.json["output"]] == ["compaction"]
