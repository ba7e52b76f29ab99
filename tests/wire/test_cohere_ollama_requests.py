"""What Cohere and Ollama cannot be told is named, and told otherwise where that is possible."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.errors import Refused
from stockyard.wire.codec import Dropped
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
COHERE, OLLAMA = "cohere.chat", "ollama.chat"
HI = [{"role": "user", "content": "hi"}]


def a_tool(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {}, **fields}}


def encoded(target: str, body: dict[str, Any], source: str = "openai.chat") -> Dropped:
    raw = json.dumps({"model": "m", "messages": HI} | body).encode()
    content = FORMATS[source].decode_request(raw)
    request = Request(model="m", content=content)
    return FORMATS[target].encode_request(request, features=NONE, traits=NONE)


def sent(target: str, body: dict[str, Any], source: str = "openai.chat") -> tuple[Any, set[str]]:
    written = encoded(target, body, source)
    return json.loads(written.body), set(written.dropped)


@pytest.mark.parametrize("target", [COHERE, OLLAMA])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("logit_bias", {"1": 1}),
        ("user", "u"),
        ("metadata", {"a": "b"}),
        ("service_tier", "flex"),
        ("prompt_cache_key", "k"),
        ("store", True),
        ("modalities", ["text"]),
        ("parallel_tool_calls", False),
        ("verbosity", "low"),
    ],
)
def test_what_has_no_word_is_named(target: str, field: str, value: Any) -> None:
    body, dropped = sent(target, {field: value, "tools": [a_tool("f")]})
    assert dropped == {field}
    assert field not in body


@pytest.mark.parametrize(
    ("asked", "written", "dropped"),
    [
        ({"n": 1, "parallel_tool_calls": True, "tool_choice": "auto"}, {}, set()),
        ({"temperature": 1.5}, {"temperature": 1}, {"temperature"}),
        ({"stop": list("abcdefg")}, {"stop_sequences": list("abcde")}, {"stop"}),
        ({"top_k": 5, "top_p": 0.5}, {"k": 5, "p": 0.5}, set()),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, set()),
        ({"reasoning_effort": "odd"}, {}, set()),
        ({"top_logprobs": 3, "logprobs": True}, {"logprobs": True}, {"top_logprobs"}),
        (
            {"tools": [a_tool("f", strict=True)]},
            {"tools": [a_tool("f")], "strict_tools": True},
            set(),
        ),
        (
            {"tools": [a_tool("f", strict=True), a_tool("g")]},
            {"tools": [a_tool("f"), a_tool("g")]},
            {"tools.function.strict"},
        ),
    ],
)
def test_cohere_hears_what_it_can(
    asked: dict[str, Any], written: dict[str, Any], dropped: set[str]
) -> None:
    assert sent(COHERE, asked) == ({"model": "m", "messages": HI} | written, dropped)


@pytest.mark.parametrize(
    ("asked", "written", "dropped"),
    [
        ({"reasoning_effort": "none"}, {"think": False}, set()),
        ({"reasoning_effort": "minimal"}, {"think": "low"}, set()),
        ({"reasoning_effort": "xhigh"}, {"think": "high"}, set()),
        ({"tools": [a_tool("f")], "tool_choice": "none"}, {}, set()),
        (
            {"tools": [a_tool("f")], "tool_choice": "required"},
            {"tools": [a_tool("f")]},
            {"tool_choice"},
        ),
        (
            {"tools": [a_tool("f", strict=True)]},
            {"tools": [a_tool("f")]},
            {"tools.function.strict"},
        ),
        ({"top_k": 5, "min_p": 0.1}, {"options": {"top_k": 5, "min_p": 0.1}}, set()),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}, set()),
    ],
)
def test_ollama_hears_what_it_can(
    asked: dict[str, Any], written: dict[str, Any], dropped: set[str]
) -> None:
    expected = {"model": "m", "messages": HI, "stream": False} | written
    assert sent(OLLAMA, asked) == (expected, dropped)


@pytest.mark.parametrize(
    ("source", "thinking"),
    [
        (COHERE, {"thinking": {"type": "enabled"}}),
        (OLLAMA, {"think": True}),
    ],
)
def test_a_wish_to_think_without_a_measure_is_a_medium_one(
    source: str, thinking: dict[str, Any]
) -> None:
    assert sent("openai.chat", thinking, source)[0]["reasoning_effort"] == "medium"
    assert sent(source, thinking, source)[0].items() >= thinking.items()


def test_documents_of_text_stand_beside_the_messages_of_cohere() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "It rains."}
    document = {"type": "document", "source": source, "title": "Weather"}
    message = {"role": "user", "content": [document, {"type": "text", "text": "Well?"}]}
    body, dropped = sent(COHERE, {"messages": [message], "max_tokens": 5}, "anthropic.messages")
    assert body["documents"] == [{"data": {"title": "Weather", "text": "It rains."}}]
    assert body["messages"] == [{"role": "user", "content": "Well?"}]
    assert dropped == set()


@pytest.mark.parametrize("target", [COHERE, OLLAMA])
def test_a_file_is_named(target: str) -> None:
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}
    message = {"role": "user", "content": [{"type": "text", "text": "Well?"}, file]}
    body, dropped = sent(target, {"messages": [message]})
    assert dropped == {"messages.content.document"}
    assert "Well?" in str(body["messages"])


def test_ollama_takes_no_addresses_of_images() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    text = {"type": "text", "text": "What is it?"}
    _, dropped = sent(OLLAMA, {"messages": [{"role": "user", "content": [text, image]}]})
    assert dropped == {"messages.content.image"}


@pytest.mark.parametrize(
    ("thought", "sent_back"), [("reasoning_content", True), ("reasoning_details", False)]
)
def test_thinking_goes_back_unless_it_is_sealed(thought: str, sent_back: bool) -> None:
    sealed = [
        {
            "type": "reasoning.text",
            "text": "Hm.",
            "signature": "c2ln",
            "format": "anthropic-claude-v1",
        }
    ]
    said = "Hm." if thought == "reasoning_content" else sealed
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        *HI,
        {"role": "assistant", "content": "a", thought: said},
        {"role": "assistant", thought: said, "tool_calls": [call]},
    ]
    cohere, dropped = sent(COHERE, {"messages": turns})
    ollama, _ = sent(OLLAMA, {"messages": turns})
    assert ("messages.content.thinking" in dropped) is not sent_back
    assert (cohere["messages"][2].get("tool_plan") == "Hm.") is sent_back
    assert ("Hm." in str(cohere["messages"][1])) is sent_back
    assert (ollama["messages"][1].get("thinking") == "Hm.") is sent_back


@pytest.mark.parametrize(
    ("source", "body", "param"),
    [
        (COHERE, {"tool_choice": "ANY"}, "tool_choice"),
        (COHERE, {"response_format": {"type": "xml"}}, "response_format.type"),
        (COHERE, {"messages": [{"role": "tool", "content": 5}]}, "messages[0].content"),
        (OLLAMA, {"format": "xml"}, "format"),
        (OLLAMA, {"think": 5}, "think"),
        (OLLAMA, {"tools": [{"type": "function"}]}, "tools[0].function"),
        (OLLAMA, {"messages": [{"role": "user", "images": [5]}]}, "messages[0].images"),
        (OLLAMA, {"options": {"stop": "x"}}, "options.stop"),
    ],
)
def test_what_is_wrong_is_named_as_the_client_spells_it(
    source: str, body: dict[str, Any], param: str
) -> None:
    raw = json.dumps({"model": "m", "messages": HI} | body).encode()
    with pytest.raises(Refused) as refused:
        FORMATS[source].decode_request(raw)
    assert refused.value.status == 400
    assert (refused.value.param or "").startswith(param)


@pytest.mark.parametrize(
    ("body", "stream", "limit"),
    [
        ({}, True, None),
        ({"stream": None}, True, None),
        ({"stream": True, "options": {"num_predict": 5}}, True, 5),
        ({"stream": False, "options": {"num_predict": -1}}, False, None),
        ({"stream": False, "options": None}, False, None),
    ],
)
def test_ollama_streams_unless_it_is_told_not_to(
    body: dict[str, Any], stream: bool, limit: int | None
) -> None:
    for name in (OLLAMA, "ollama.generate"):
        head = FORMATS[name].peek(json.dumps({"model": "m"} | body).encode())
        assert (head.model, head.stream, head.max_output) == ("m", stream, limit)
        assert head.wants_usage


def test_a_request_without_messages_loads_the_model() -> None:
    for name in (OLLAMA, "ollama.generate"):
        content = FORMATS[name].decode_request(b'{"model":"m"}')
        request = Request(model="m", content=content)
        written = FORMATS[name].encode_request(request, features=NONE, traits=NONE)
        assert json.loads(written.body).get("prompt") is None


@pytest.mark.parametrize("name", ["", "f", None])
def test_a_result_of_ollama_answers_the_open_call_without_a_name_too(name: str | None) -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    result = {"role": "tool", "content": "4"} | ({} if name is None else {"tool_name": name})
    turns = [*HI, {"role": "assistant", "content": "", "tool_calls": [call]}, result]
    body, _ = sent("openai.chat", {"messages": turns}, OLLAMA)
    asked, answered = body["messages"][1:]
    assert answered["tool_call_id"] == asked["tool_calls"][0]["id"]
    assert sent(OLLAMA, {"messages": turns}, OLLAMA)[0]["messages"][2] == result


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ((None, None), ("x", "y")),
        ((None, None), ("x", None)),
        (("f", "f"), ("x", "y")),
        (("g", "f"), ("x", "y")),
    ],
)
def test_an_id_of_a_result_is_that_of_a_call_without_one(
    named: tuple[str | None, ...], told: tuple[str | None, ...]
) -> None:
    tools = ["f", "g"] if "g" in named else ["f", "f"]
    calls = [{"function": {"name": tool, "arguments": {}}} for tool in tools]
    results = [
        {"role": "tool", "content": str(i)}
        | ({} if name is None else {"tool_name": name})
        | ({} if call_id is None else {"tool_call_id": call_id})
        for i, (name, call_id) in enumerate(zip(named, told, strict=True))
    ]
    turns = [*HI, {"role": "assistant", "content": "", "tool_calls": calls}, *results]
    body, dropped = sent("openai.chat", {"messages": turns}, OLLAMA)
    asked, *answered = body["messages"][1:]
    ids = {call["id"]: call["function"]["name"] for call in asked["tool_calls"]}
    assert len(ids) == 2
    assert [ids[result["tool_call_id"]] for result in answered] == [name or "f" for name in named]
    assert not dropped
    assert sent(OLLAMA, {"messages": turns}, OLLAMA)[0]["messages"][2:] == results
