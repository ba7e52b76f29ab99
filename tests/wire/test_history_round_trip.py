"""An answer that a client sends back as history reaches its provider as the provider said it.

The history round trip of `wire.md` 13.3, in every format of clients, with every format of
providers. The signatures of `wire.md` 8 come back to whoever made them: in the client's own history
where its format has a place for them, and otherwise from where the gateway keeps them.
"""

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from stockyard.core.messages import Message, Reasoning, Text, ToolCall, ToolResult
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.upstream.signed import Owner, SignedTurns
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)
Json = dict[str, Any]

FUNCTIONS = [
    {"id": "c1", "type": "function", "function": {"name": "a", "arguments": '{"x":1}'}},
    {"id": "c2", "type": "function", "function": {"name": "b", "arguments": "{}"}},
]
ANSWERS: dict[str, Json] = {
    "openai.chat": {
        "id": "c",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Let me see.",
                    "tool_calls": FUNCTIONS,
                },
                "finish_reason": "tool_calls",
            }
        ],
    },
    "openai.responses": {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ZW5j"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}],
            },
            {"type": "function_call", "call_id": "c1", "name": "a", "arguments": '{"x":1}'},
            {"type": "function_call", "call_id": "c2", "name": "b", "arguments": "{}"},
        ],
    },
    "anthropic.messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "c1", "name": "a", "input": {"x": 1}},
            {"type": "tool_use", "id": "c2", "name": "b", "input": {}},
        ],
        "stop_reason": "tool_use",
    },
    "gemini": {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Let me see."},
                        {
                            "functionCall": {"id": "c1", "name": "a", "args": {"x": 1}},
                            "thoughtSignature": "c2ln",
                        },
                        {"functionCall": {"id": "c2", "name": "b", "args": {}}},
                    ],
                },
                "finishReason": "STOP",
            }
        ]
    },
    "bedrock.converse": {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                    {"text": "Let me see."},
                    {"toolUse": {"toolUseId": "c1", "name": "a", "input": {"x": 1}}},
                    {"toolUse": {"toolUseId": "c2", "name": "b", "input": {}}},
                ],
            }
        },
        "stopReason": "tool_use",
    },
    "cohere.chat": {
        "id": "c",
        "message": {
            "role": "assistant",
            "content": [{"type": "text", "text": "Let me see."}],
            "tool_calls": FUNCTIONS,
        },
        "finish_reason": "TOOL_CALL",
    },
    "ollama.chat": {
        "model": "m",
        "message": {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "c1", "function": {"index": 0, "name": "a", "arguments": {"x": 1}}},
                {"id": "c2", "function": {"index": 1, "name": "b", "arguments": {}}},
            ],
        },
        "done": True,
    },
}
NAMED_IN_PATHS = ("gemini", "bedrock.converse")
"""Formats whose requests do not say the model."""
SIGNING = ("anthropic.messages", "bedrock.converse", "gemini", "openai.responses")
IN_BAND = {
    "anthropic.messages": ("anthropic.messages", "openai.chat", "openai.responses"),
    "bedrock.converse": ("bedrock.converse", "openai.responses"),
    "gemini": ("gemini", "openai.chat"),
    "openai.responses": ("openai.responses", "openai.chat"),
}
"""Provider -> clients whose own history has a place for what it signs."""


def _chat(answer: Json) -> Json:
    said = answer["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"result of {call['id']}"}
        for call in said["tool_calls"]
    ]
    return {"messages": [{"role": "user", "content": "?"}, said, *results]}


def _responses(answer: Json) -> Json:
    results = [
        {
            "type": "function_call_output",
            "call_id": item["call_id"],
            "output": f"result of {item['call_id']}",
        }
        for item in answer["output"]
        if item["type"] == "function_call"
    ]
    return {"input": [{"role": "user", "content": "?"}, *answer["output"], *results]}


def _messages(answer: Json) -> Json:
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": f"result of {block['id']}"}
        for block in answer["content"]
        if block["type"] == "tool_use"
    ]
    said = {"role": "assistant", "content": answer["content"]}
    user = [{"role": "user", "content": content} for content in ("?", results)]
    return {"max_tokens": 9, "messages": [user[0], said, user[1]]}


def _gemini(answer: Json) -> Json:
    said = answer["candidates"][0]["content"]
    calls = [part["functionCall"] for part in said["parts"] if "functionCall" in part]
    results = [
        {
            "functionResponse": {
                "id": call["id"],
                "name": call["name"],
                "response": {"output": f"result of {call['id']}"},
            }
        }
        for call in calls
    ]
    asked = {"role": "user", "parts": [{"text": "?"}]}
    return {"contents": [asked, said, {"role": "user", "parts": results}]}


def _converse(answer: Json) -> Json:
    said = answer["output"]["message"]
    ids = [block["toolUse"]["toolUseId"] for block in said["content"] if "toolUse" in block]
    results = [
        {"toolResult": {"toolUseId": each, "content": [{"text": f"result of {each}"}]}}
        for each in ids
    ]
    asked = {"role": "user", "content": [{"text": "?"}]}
    return {"messages": [asked, said, {"role": "user", "content": results}]}


def _cohere(answer: Json) -> Json:
    return _chat({"choices": [{"message": answer["message"]}]})


def _ollama(answer: Json) -> Json:
    said = answer["message"]
    results = [
        {
            "role": "tool",
            "tool_name": call["function"]["name"],
            "tool_call_id": call["id"],
            "content": f"result of {call['id']}",
        }
        for call in said["tool_calls"]
    ]
    return {"messages": [{"role": "user", "content": "?"}, said, *results]}


NEXT_REQUEST: dict[str, Callable[[Json], Json]] = {
    "openai.chat": _chat,
    "openai.responses": _responses,
    "anthropic.messages": _messages,
    "gemini": _gemini,
    "bedrock.converse": _converse,
    "cohere.chat": _cohere,
    "ollama.chat": _ollama,
}
"""What a client asks next: the answer as it came, and a result for each of its calls."""


def read_answer(provider: str) -> Output:
    said = json.dumps(ANSWERS[provider]).encode()
    output = FORMATS[provider].decode_response(said, traits=NONE)
    assert isinstance(output, Output)
    return output


def asked_next(client: str, output: Output) -> Content:
    """The next request of a client who was told this answer, as it is read."""
    told = json.loads(FORMATS[client].encode_response(Response(output), PEN))
    return read_request(client, NEXT_REQUEST[client](told))


def read_request(format_: str, body: Json) -> Content:
    if format_ not in NAMED_IN_PATHS:
        body = {"model": "m", **body}
    content = FORMATS[format_].decode_request(json.dumps(body).encode())
    assert isinstance(content, Content)
    return content


def told_to(provider: str, content: Content) -> Content:
    """What its provider gets, as it reads it, and nothing but thinking is lost on the way."""
    written = FORMATS[provider].encode_request(
        Request(model="m", content=content), features=NONE, traits=NONE
    )
    assert {name.rpartition(".")[2] for name in written.dropped} <= {"reasoning", "thinking"}
    return read_request(provider, json.loads(written.body))


def heard(messages: tuple[Message, ...]) -> list[object]:
    """The turns as they are meant, however a format lays them out."""
    found: list[object] = []
    for message in messages:
        for part in message.parts:
            if isinstance(part, Text):
                found.append((message.role, part.text))
            elif isinstance(part, ToolCall):
                found.append(("call", part.id, part.name, json.loads(part.arguments or "{}")))
            elif isinstance(part, ToolResult):
                result = "".join(p.text for p in part.parts if isinstance(p, Text))
                found.append(("result", part.call_id, result))
    return found


def seals(messages: tuple[Message, ...]) -> list[object]:
    """What was signed or sealed, in order and in its place."""
    return [
        (number, part.signature, getattr(part, "redacted", None), getattr(part, "encrypted", None))
        for message in messages
        for number, part in enumerate(message.parts)
        if isinstance(part, Reasoning | ToolCall) and message.role == "assistant"
    ]


@pytest.mark.parametrize(("provider", "client"), list(product(ANSWERS, NEXT_REQUEST)))
def test_what_was_said_and_called_comes_back(provider: str, client: str) -> None:
    own = read_request(provider, NEXT_REQUEST[provider](ANSWERS[provider]))
    came = told_to(provider, asked_next(client, read_answer(provider)))
    assert heard(came.messages) == heard(own.messages)
    assert heard(own.messages) == [
        ("user", "?"),
        ("assistant", "Let me see."),
        ("call", "c1", "a", {"x": 1}),
        ("call", "c2", "b", {}),
        ("result", "c1", "result of c1"),
        ("result", "c2", "result of c2"),
    ]


@pytest.mark.parametrize(("provider", "client"), list(product(SIGNING, NEXT_REQUEST)))
def test_what_was_signed_comes_back_byte_for_byte(provider: str, client: str) -> None:
    own = read_request(provider, NEXT_REQUEST[provider](ANSWERS[provider]))
    output = read_answer(provider)
    asked = asked_next(client, output)
    if client not in IN_BAND[provider]:
        assert seals(told_to(provider, asked).messages) != seals(own.messages)
        kept, owner = SignedTurns(), Owner("team", provider, provider)
        kept.remember(owner, output)
        asked = kept.returned(owner, asked)
    assert seals(told_to(provider, asked).messages) == seals(own.messages)


@pytest.mark.parametrize(("provider", "client"), list(product(SIGNING, NEXT_REQUEST)))
def test_nobody_else_is_sent_what_one_provider_signed(provider: str, client: str) -> None:
    asked = asked_next(client, read_answer(provider))
    for other in {*SIGNING} - {provider}:
        written = FORMATS[other].encode_request(
            Request(model="m", content=asked), features=NONE, traits=NONE
        )
        assert not any(seal in written.body for seal in (b"c2ln", b"cmVk", b"ZW5j"))
