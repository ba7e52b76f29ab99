"""Calls whose bodies name what a provider keeps: only for the team whose it is."""

import json
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.teams import another_team

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
UPLOAD = (
    b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--cut--\r\n'
)
CHAT = "/v1/chat/completions"


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


async def test_a_file_that_nobody_uploaded_is_refused_in_the_words_of_the_path(yard: Yard) -> None:
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


async def test_a_file_is_not_there_on_another_providers_route(yard: Yard) -> None:
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


async def test_a_call_that_names_nothing_is_not_held_up(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    heard = await yard.chat('Say "file_id": "x" for \\u0066ile_id.')
    assert (heard.status, heard.text) == (200, "hello")


RAN_CODE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": []},
    ],
}
RAN_CODE_TOO: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-scripted",
    "content": [
        {
            "type": "bash_code_execution_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {
                "type": "bash_code_execution_result",
                "content": [{"type": "bash_code_execution_output", "file_id": "file_out"}],
            },
        }
    ],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
    "container": {"id": "container_1"},
}
CODE_TOOL = {"type": "code_interpreter", "container": {"type": "auto"}}
CODE_TOOL_TOO = {"type": "code_execution_20250825", "name": "code_execution"}


def events(*said: dict[str, Any]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())
        for event in said
    )


def answering(stream: bool, answer: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    if not stream:
        return JSON, json.dumps(answer).encode()
    begun = answer | {"status": "in_progress", "output": []}
    told = events(
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.done", "item": answer["output"][0], "output_index": 0},
        {"type": "response.completed", "response": answer},
    )
    return {"content-type": "text/event-stream"}, told


@pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("store", [{}, {"store": False}])
async def test_a_container_is_its_team_s_once_an_answer_names_it(
    yard: Yard, path: str, stream: bool, store: dict[str, Any]
) -> None:
    openai = yard.provider("openai")
    openai.sends(200, *answering(stream, RAN_CODE))
    asked = {"model": "gpt-scripted", "input": "run", "tools": [CODE_TOOL], "stream": stream}
    assert (await yard.call(path, asked | store)).status == 200
    again = asked | {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]}
    theirs = await another_team(yard)
    assert (await yard.call(path, again, headers=theirs)).status == 404
    inside = "/openai/v1/containers/cntr_1/files/cfile_1/content"
    assert (await yard.get(inside, headers=theirs)).status == 404
    assert len(openai.requests) == 1
    openai.sends(200, {"content-type": "text/plain"}, b"made")
    assert (await yard.get(inside)).body == b"made"
    openai.sends(200, *answering(stream, RAN_CODE))
    assert (await yard.call(path, again)).status == 200
    assert b'"cntr_1"' in openai.last.body


@pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", [{"type": "item_reference"}, {}])
async def test_an_item_may_be_named_by_the_team_that_got_it_only(
    yard: Yard, path: str, stream: bool, kind: dict[str, str]
) -> None:
    openai = yard.provider("openai")
    openai.sends(200, *answering(stream, RAN_CODE))
    asked: dict[str, Any] = {"model": "gpt-scripted", "input": "hi", "stream": stream}
    assert (await yard.call(path, asked)).status == 200
    again = asked | {"input": [{**kind, "id": "msg_1"}, {"role": "user", "content": "more"}]}
    theirs = await another_team(yard)
    refused = await yard.call(path, again, headers=theirs)
    assert refused.status == 404
    assert "msg_1" in refused.json["error"]["message"]
    assert len(openai.requests) == 1
    openai.sends(200, *answering(stream, RAN_CODE))
    assert (await yard.call(path, again)).status == 200
    assert openai.last.fields["input"] == again["input"]


@pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
async def test_a_thought_of_another_team_s_is_not_looked_up(yard: Yard, path: str) -> None:
    openai = yard.provider("openai")
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    openai.sends(200, JSON, json.dumps(RAN_CODE | {"output": [thought]}).encode())
    asked: dict[str, Any] = {"model": "gpt-scripted", "input": "hi"}
    await yard.call(path, asked)
    again = asked | {"input": [thought, {"role": "user", "content": "more"}]}
    theirs = await another_team(yard)
    assert (await yard.call(path, again, headers=theirs)).status == 404
    assert len(openai.requests) == 1
    sealed = asked | {"input": [thought | {"encrypted_content": "gAAA"}]}
    unknown = asked | {"input": [thought | {"id": "rs_of_elsewhere"}]}
    for body, who in ((again, {}), (sealed, theirs), (unknown, theirs)):
        openai.sends(200, JSON, json.dumps(RAN_CODE).encode())
        assert (await yard.call(path, body, headers=who)).status == 200


async def test_an_item_of_an_answer_in_the_background_is_pointed_at(yard: Yard) -> None:
    openai = yard.provider("openai")
    begun = RAN_CODE | {"status": "queued", "background": True, "output": []}
    openai.sends(200, JSON, json.dumps(begun).encode())
    asked: dict[str, Any] = {"model": "gpt-scripted", "input": "hi", "background": True}
    await yard.call("/v1/responses", asked)
    again = asked | {"input": [{"type": "item_reference", "id": "msg_1"}]}
    assert (await yard.call("/v1/responses", again)).status == 404
    openai.sends(200, JSON, json.dumps(RAN_CODE).encode())
    assert (await yard.get("/v1/responses/resp_1")).status == 200
    openai.sends(200, JSON, json.dumps(RAN_CODE).encode())
    assert (await yard.call("/v1/responses", again)).status == 200


@pytest.mark.parametrize("path", ["/v1/messages", "/anthropic/v1/messages"])
@pytest.mark.parametrize("stream", [False, True])
async def test_files_that_code_made_belong_to_the_team_that_ran_it(
    yard: Yard, path: str, stream: bool
) -> None:
    anthropic = yard.provider("anthropic")
    if stream:
        begun: dict[str, Any] = RAN_CODE_TOO | {
            "content": [],
            "stop_reason": None,
            "container": None,
        }
        (block,) = RAN_CODE_TOO["content"]
        ended = {"stop_reason": "end_turn", "container": RAN_CODE_TOO["container"]}
        told = events(
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        )
        anthropic.sends(200, {"content-type": "text/event-stream"}, told)
    else:
        anthropic.sends(200, JSON, json.dumps(RAN_CODE_TOO).encode())
    asked: dict[str, Any] = {
        "model": "claude-scripted",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "run"}],
        "tools": [CODE_TOOL_TOO],
        "stream": stream,
    }
    assert (await yard.call(path, asked)).status == 200
    again = asked | {"container": "container_1", "stream": False}
    theirs = await another_team(yard)
    refused = await yard.call(path, again, headers=theirs)
    assert (refused.status, refused.json["error"]["type"]) == (404, "not_found_error")
    file = "/anthropic/v1/files/file_out/content"
    assert (await yard.get(file, headers=theirs)).status == 404
    assert len(anthropic.requests) == 1
    anthropic.sends(200, {"content-type": "text/plain"}, b"made")
    assert (await yard.get(file)).body == b"made"
    anthropic.sends(200, JSON, json.dumps(RAN_CODE_TOO).encode())
    assert (await yard.call(path, again)).status == 200


@pytest.mark.parametrize("path", [CHAT, "/openai/v1/chat/completions"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_chat_that_is_kept_opens_to_the_team_that_had_it(
    yard: Yard, path: str, stream: bool
) -> None:
    openai = yard.provider("openai").says("hello")
    asked = yard.body(store=True, stream=stream)
    heard = await yard.call(path, asked)
    name = heard.events[0].json["id"] if stream else heard.json["id"]
    kept = f"/openai/v1/chat/completions/{name}"
    theirs = await another_team(yard)
    for method in ("GET", "DELETE"):
        assert (await yard.get(kept, method=method, headers=theirs)).status == 404
    assert (await yard.call(kept, {"metadata": {}}, headers=theirs)).status == 404
    assert len(openai.requests) == 1
    openai.sends(200, JSON, json.dumps({"id": name}).encode())
    assert (await yard.get(f"{kept}/messages")).json == {"id": name}
    openai.sends(200, JSON, json.dumps({"id": name}).encode())
    assert (await yard.call(kept, {"metadata": {"a": "b"}})).json == {"id": name}


async def test_a_chat_that_nobody_keeps_is_not_remembered(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    name = (await yard.chat()).json["id"]
    assert yard.stockyard.reception.keepers.ids.find("default", name) is None


async def test_a_caller_with_its_own_secret_names_what_it_likes(yard: Yard) -> None:
    openai = yard.provider("openai").says("read")
    own = {"authorization": "Bearer sk-proj-own"}
    heard = await yard.call("/openai/v1/chat/completions", asking("gpt-scripted"), headers=own)
    assert heard.status == 200
    assert b"file-1" in openai.last.body


async def test_a_file_is_read_with_the_credential_that_uploaded_it(yard: Yard) -> None:
    openai = await uploaded(yard, "openai")
    held = yard.stockyard.reception.keepers.ids.find("default", "file-1")
    assert held is not None
    assert held.credential_id
    await yard.call(CHAT, asking("gpt-scripted"))
    assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
    assert yard.last.exchange.constraints.credential == held.credential_id
