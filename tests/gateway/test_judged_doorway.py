"""Calls whose bodies name what a provider keeps: only for the team whose it is."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from stockyard.apps.teams.secret import fingerprint
from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
UPLOAD = (
    b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--cut--\r\n'
)
CHAT = "/v1/chat/completions"


async def another_team(yard: Yard) -> dict[str, str]:
    await yard.open()
    _, secret = await yard.stockyard.keys.create("theirs")
    digest = fingerprint(secret.encode())
    _, caller = yard.stockyard.keys._callers[digest]
    yard.stockyard.keys._callers[digest] = digest, replace(caller, team_id="theirs")
    return {"authorization": f"Bearer {secret}"}


async def uploaded(yard: Yard, provider: str, thing: str = "file-1") -> ScriptedProvider:
    """A file of the first team's at a provider."""
    scripted = yard.provider(provider)
    scripted.sends(200, JSON, json.dumps({"id": thing}).encode())
    assert (await yard.call(f"/{provider}/v1/files", UPLOAD, headers=FORM)).status == 200
    return scripted


def asking(model: str, thing: str = "file-1") -> dict[str, Any]:
    part = {"type": "file", "file": {"file_id": thing}}
    return {"model": model, "messages": [{"role": "user", "content": [part]}]}


def asking_messages(thing: str) -> dict[str, Any]:
    part = {"type": "document", "source": {"type": "file", "file_id": thing}}
    messages = [{"role": "user", "content": [part]}]
    return {"model": "claude-scripted", "max_tokens": 9, "messages": messages}


def asking_responses(thing: str, **fields: object) -> dict[str, Any]:
    content = [{"type": "input_file", "file_id": thing}]
    return {"model": "gpt-scripted", "input": [{"role": "user", "content": content}], **fields}


def code_of(heard: Heard) -> str:
    error = heard.json["error"]
    return str(error.get("code") or error.get("type") or error.get("status"))


@pytest.mark.parametrize(
    ("provider", "path", "body"),
    [
        ("openai", CHAT, asking("gpt-scripted")),
        ("openai", "/openai/v1/chat/completions", asking("gpt-scripted")),
        ("openai", "/v1/responses", asking_responses("file-1")),
        ("openai", "/openai/v1/responses", asking_responses("file-1")),
        ("anthropic", "/v1/messages", asking_messages("file-1")),
        ("anthropic", "/anthropic/v1/messages", asking_messages("file-1")),
        ("openai", "/openai/v1/fine_tuning/jobs", {"training_file": "file-1"}),
    ],
)
async def test_a_file_is_read_for_the_team_that_put_it_there_and_for_no_other(
    yard: Yard, provider: str, path: str, body: dict[str, Any]
) -> None:
    scripted = await uploaded(yard, provider)
    refused = await yard.call(path, body, headers=await another_team(yard))
    assert refused.status == 404
    assert "file-1" in refused.json["error"]["message"]
    assert len(scripted.requests) == 1

    scripted.says("read")
    assert (await yard.call(path, body)).status != 404  # 501 where nothing is scripted
    assert b"file-1" in scripted.last.body


async def test_what_nobody_put_there_is_refused_in_the_words_of_the_path(yard: Yard) -> None:
    yard.provider("openai")
    yard.provider("anthropic")
    chat = await yard.call(CHAT, asking("gpt-scripted"))
    assert (chat.status, chat.json["error"]["type"]) == (404, "invalid_request_error")
    messages = await yard.call("/v1/messages", asking_messages("file_x"))
    assert (messages.status, messages.json["error"]["type"]) == (404, "not_found_error")
    gemini = {"contents": [{"parts": [{"fileData": {"fileUri": "files/x"}}]}]}
    heard = await yard.call("/v1beta/models/gpt-scripted:generateContent", gemini)
    assert (heard.status, heard.json["error"]["status"]) == (404, "NOT_FOUND")


async def test_a_call_goes_to_whoever_has_its_file(yard: Yard) -> None:
    openai = yard.provider("openai")
    await uploaded(yard, "groq")
    groq = yard.provider("groq")
    elsewhere = await yard.call(CHAT, asking("openai/shared-1"))
    assert (elsewhere.status, code_of(elsewhere)) == (400, "invalid_request")
    told = await yard.call(CHAT, asking("groq/llama"), headers={"x-stockyard-provider": "openai"})
    assert told.status == 400
    assert not openai.requests
    groq.says("read")
    assert (await yard.call(CHAT, asking("groq/llama"))).status == 200
    assert b"file-1" in groq.last.body


async def test_on_another_provider_s_route_it_is_not_there(yard: Yard) -> None:
    openai = yard.provider("openai")
    await uploaded(yard, "groq")
    heard = await yard.call("/openai/v1/chat/completions", asking("gpt-scripted"))
    assert heard.status == 404
    assert not openai.requests


async def test_files_of_two_providers_cannot_be_read_together(yard: Yard) -> None:
    yard.provider("groq")
    await uploaded(yard, "openai", "file-o")
    await uploaded(yard, "groq", "file-g")
    body = asking("gpt-scripted", "file-o")
    body["messages"] += asking("", "file-g")["messages"]
    assert (await yard.call(CHAT, body)).status == 400


async def test_a_call_that_names_nothing_goes_where_it_likes(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    heard = await yard.chat('Say "file_id": "x" for \\u0066ile_id.')
    assert (heard.status, heard.text) == (200, "hello")


async def test_a_secret_of_the_caller_s_own_opens_what_it_opens(yard: Yard) -> None:
    openai = yard.provider("openai").says("read")
    own = {"authorization": "Bearer sk-proj-own"}
    heard = await yard.call("/openai/v1/chat/completions", asking("gpt-scripted"), headers=own)
    assert heard.status == 200
    assert b"file-1" in openai.last.body


async def test_the_secret_that_put_it_there_is_the_one_that_reads_it(yard: Yard) -> None:
    openai = await uploaded(yard, "openai")
    held = yard.stockyard.plane.keepers.ids.find("default", "file-1")
    assert held is not None
    assert held.credential_id
    await yard.call(CHAT, asking("gpt-scripted"))
    assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
    assert yard.last.exchange.constraints.credential == held.credential_id
