"""What is masked in a prompt, and put back into an answer, wherever a format lets text stand."""

import json
from typing import Any

import pytest

from stockyard.testing.yard import Yard

ADDRESS = "rosa.klein@mail.example.org"
TOKEN = "ghp_aZ3kQ9wL7mN2pR5tV8xB1cD4fG6hJ0sYuEoI"

SCHEMA = {"type": "object", "properties": {"to": {"type": "string", "description": "as @@"}}}
ASKED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "chat": (
        "openai",
        "/v1/chat/completions",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "u @@"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
            "prediction": {"type": "content", "content": "pred @@"},
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "description": "d @@", "schema": SCHEMA},
            },
        },
    ),
    "messages": (
        "anthropic",
        "/v1/messages",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 9,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "source": {"type": "text", "media_type": "text/plain", "data": "d @@"},
                            "title": "t @@",
                            "context": "c @@",
                        },
                        {
                            "type": "document",
                            "source": {
                                "type": "content",
                                "content": [{"type": "text", "text": "dc @@"}],
                            },
                        },
                        {
                            "type": "search_result",
                            "source": "shelf @@",
                            "title": "s @@",
                            "content": [{"type": "text", "text": "sr @@"}],
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [
                                {
                                    "type": "search_result",
                                    "source": "shelf",
                                    "title": "rs @@",
                                    "content": [{"type": "text", "text": "rsr @@"}],
                                }
                            ],
                        }
                    ],
                },
            ],
            "tools": [{"name": "f", "input_schema": SCHEMA}],
        },
    ),
    "responses": (
        "openai",
        "/v1/responses",
        {
            "model": "gpt-4o",
            "store": False,
            "input": [
                {"role": "user", "content": "u @@"},
                {
                    "type": "local_shell_call",
                    "id": "lsh_1",
                    "call_id": "c1",
                    "status": "completed",
                    "action": {"type": "exec", "command": ["echo", "c @@"], "env": {"A": "e @@"}},
                },
                {"type": "local_shell_call_output", "id": "c1", "call_id": "c1", "output": "o @@"},
                {
                    "type": "shell_call",
                    "call_id": "c2",
                    "action": {"commands": ["echo @@"], "timeout_ms": 100},
                },
                {
                    "type": "shell_call_output",
                    "call_id": "c2",
                    "output": [
                        {
                            "stdout": "so @@",
                            "stderr": "se @@",
                            "outcome": {"type": "exit", "exit_code": 0},
                        }
                    ],
                },
                {
                    "type": "mcp_call",
                    "id": "m1",
                    "server_label": "s",
                    "name": "f",
                    "arguments": '{"to":"@@"}',
                    "output": "mo @@",
                },
                {"role": "user", "content": "last @@"},
            ],
        },
    ),
    "gemini": (
        "gemini",
        "/v1beta/models/gemini-2.5-flash:generateContent",
        {
            "contents": [
                {
                    "role": "model",
                    "parts": [
                        {"executableCode": {"language": "PYTHON", "code": "c @@"}},
                        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "o @@"}},
                    ],
                },
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "f", "response": {"deep": [{"x": "r @@"}]}}},
                        {"text": "u @@"},
                    ],
                },
            ],
            "tools": [
                {"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]},
            ],
        },
    ),
}


def filled(value: object, text: str) -> Any:
    return json.loads(json.dumps(value).replace("@@", text))


@pytest.mark.parametrize("dialect", ASKED)
@pytest.mark.parametrize(
    ("module", "config", "value"),
    [
        ("promptguard", {"roles": ["system", "user", "assistant", "tool", "context"]}, ADDRESS),
        ("secretscan", {}, TOKEN),
    ],
    ids=["promptguard", "secretscan"],
)
async def test_nothing_leaves_from_any_place_that_a_model_reads(
    yard: Yard, dialect: str, module: str, config: dict[str, Any], value: str
) -> None:
    provider, path, body = ASKED[dialect]
    yard.provider(provider).says("fine")
    yard.enable(module, **config)

    heard = await yard.call(path, filled(body, value))

    assert heard.status == 200, heard.body
    sent = yard.provider(provider).last.body.decode()
    assert value not in sent
    places = json.dumps(body).count("@@")
    assert sent.count("[EMAIL_1]") + sent.count("[SECRET_1]") == places


CALLS: list[dict[str, Any]] = [
    {
        "type": "shell_call",
        "id": "sh_1",
        "call_id": "c1",
        "status": "completed",
        "action": {"commands": ["mail @@"], "timeout_ms": 1},
    },
    {
        "type": "apply_patch_call",
        "id": "ap_1",
        "call_id": "c2",
        "status": "completed",
        "operation": {"type": "create_file", "path": "a", "diff": "+to @@"},
    },
    {
        "type": "mcp_call",
        "id": "m1",
        "server_label": "s",
        "name": "f",
        "arguments": '{"to":"@@"}',
        "output": None,
    },
]


def a_response() -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-4o",
        "output": CALLS,
        "usage": {"input_tokens": 5, "output_tokens": 5, "total_tokens": 10},
    }


def streamed(response: dict[str, Any]) -> bytes:
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(response["output"]):
        place = {"output_index": index, "item": item}
        events += [
            {"type": "response.output_item.added", **place},
            {"type": "response.output_item.done", **place},
        ]
    events.append({"type": "response.completed", "response": response})
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n"
        for number, event in enumerate(events)
    ).encode()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_commands_that_a_model_gives_have_the_real_values(yard: Yard, stream: bool) -> None:
    provider = yard.provider("openai")
    answer = filled(a_response(), "[EMAIL_1]")
    if stream:
        provider.plays(streamed(answer))
    else:
        said = json.dumps(answer).encode()
        provider.sends(200, {"content-type": "application/json"}, said)
    yard.enable("promptguard")
    body = {"model": "gpt-4o", "store": False, "input": f"mail {ADDRESS}", "stream": stream}

    heard = await yard.call("/v1/responses", body)

    said = heard.events[-1].json["response"] if stream else heard.json
    assert said["output"] == filled(CALLS, ADDRESS)
    assert b"EMAIL_1" not in heard.body


async def test_secrets_in_commands_do_not_get_out(yard: Yard) -> None:
    said = json.dumps(filled(a_response(), TOKEN)).encode()
    yard.provider("openai").sends(200, {"content-type": "application/json"}, said)
    yard.enable("secretscan")

    heard = await yard.call("/v1/responses", {"model": "gpt-4o", "store": False, "input": "hi"})

    assert heard.json["output"] == filled(CALLS, "[SECRET_1]")


async def test_what_a_citation_quotes_has_the_real_values(yard: Yard) -> None:
    cited = {
        "type": "char_location",
        "cited_text": "by [EMAIL_1]",
        "document_index": 0,
        "document_title": "of [EMAIL_1]",
        "start_char_index": 0,
        "end_char_index": 3,
    }
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "by [EMAIL_1]", "citations": [cited]}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 5},
    }
    yard.provider("anthropic").sends(
        200, {"content-type": "application/json"}, json.dumps(said).encode()
    )
    yard.enable("promptguard")

    heard = await yard.messages(f"who is {ADDRESS}?", model="claude-sonnet-4-5")

    (block,) = heard.json["content"]
    assert block["text"] == f"by {ADDRESS}"
    assert block["citations"][0]["cited_text"] == f"by {ADDRESS}"
    assert block["citations"][0]["document_title"] == f"of {ADDRESS}"
