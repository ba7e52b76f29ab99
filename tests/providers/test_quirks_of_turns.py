"""Quirks of turns, their content, and the ids of calls."""

import json
from typing import Any

import msgspec
import pytest

from stockyard.providers.quirks import apply, marks
from tests.providers.quirked import HI, OLLAMA, a_provider, sent_by


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


IMAGE = {"type": "image_url", "image_url": {"url": "https://x.example/i.png"}}
CALLS = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


@pytest.mark.parametrize(
    ("name", "asked", "sent", "noted"),
    [
        (
            "content_string",
            [{"role": "user", "content": [text("a"), IMAGE, text("b")]}],
            [{"role": "user", "content": "a\nb"}],
            ["messages.content"],
        ),
        (
            "content_string",
            [{"role": "user", "content": [text("a")]}],
            [{"role": "user", "content": "a"}],
            [],
        ),
        (
            "text_content_string",
            [{"role": "user", "content": [text("a")]}, {"role": "user", "content": [IMAGE]}],
            [{"role": "user", "content": "a"}, {"role": "user", "content": [IMAGE]}],
            [],
        ),
        (
            "tool_content_string",
            [
                {"role": "user", "content": [text("a")]},
                {"role": "tool", "tool_call_id": "c", "content": [text("b"), text("c")]},
            ],
            [
                {"role": "user", "content": [text("a")]},
                {"role": "tool", "tool_call_id": "c", "content": "b\nc"},
            ],
            [],
        ),
        (
            "strict_alternation",
            [
                {"role": "user", "content": "a"},
                {"role": "system", "content": "s"},
                {"role": "user", "content": "b"},
                {"role": "assistant", "content": "c"},
            ],
            [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "a\n\nb"},
                {"role": "assistant", "content": "c"},
                {"role": "user", "content": "Continue."},
            ],
            [],
        ),
        (
            "strict_alternation",
            [
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": "b"},
                {"role": "tool", "content": [text("c")]},
            ],
            [
                {"role": "user", "content": "Continue."},
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": [text("b"), text("c")]},
            ],
            [],
        ),
        (
            "no_empty_text",
            [
                {"role": "user", "content": [text(""), text("a")]},
                {"role": "assistant", "content": "", "tool_calls": CALLS},
                {"role": "tool", "tool_call_id": "c", "content": ""},
            ],
            [
                {"role": "user", "content": [text("a")]},
                {"role": "assistant", "content": None, "tool_calls": CALLS},
                {"role": "tool", "tool_call_id": "c", "content": "(empty)"},
            ],
            [],
        ),
        (
            "reasoning_content_back",
            [
                {"role": "assistant", "reasoning": "why", "tool_calls": CALLS},
                {"role": "assistant", "reasoning": "why", "content": "no call, so not needed"},
                {"role": "assistant", "tool_calls": CALLS},
            ],
            [
                {"role": "assistant", "tool_calls": CALLS, "reasoning_content": "why"},
                {"role": "assistant", "reasoning": "why", "content": "no call, so not needed"},
                {"role": "assistant", "tool_calls": CALLS},
            ],
            [],
        ),
        (
            "reasoning_content_back",
            [{"role": "assistant", "reasoning_content": "", "tool_calls": CALLS}],
            [{"role": "assistant", "reasoning_content": "", "tool_calls": CALLS}],
            [],
        ),
        (
            "audio_data_uri",
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
                        {"type": "input_audio", "input_audio": {"data": "data:;base64,QUJD"}},
                    ],
                }
            ],
            [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "input_audio",
                            "input_audio": {"data": "data:;base64,QUJD", "format": "wav"},
                        },
                        {"type": "input_audio", "input_audio": {"data": "data:;base64,QUJD"}},
                    ],
                }
            ],
            [],
        ),
    ],
)
def test_turns_are_laid_out_as_the_provider_wants_them(
    name: str, asked: list[Any], sent: list[Any], noted: list[str]
) -> None:
    assert sent_by(a_provider(name), {"messages": asked}) == ({"messages": sent}, noted)


LONG = [{"role": "user", "content": "word " * 8_000}]


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({}, None),
        ({"options": {"num_predict": 3_000}}, {"num_predict": 3_000}),
        ({"options": {"num_predict": 5_000}}, {"num_predict": 5_000, "num_ctx": 8_192}),
        ({"options": {"num_predict": -1}}, {"num_predict": -1}),
        ({"messages": LONG}, {"num_ctx": 16_384}),
        ({"messages": LONG, "options": None}, {"num_ctx": 16_384}),
        ({"messages": LONG, "options": {"num_ctx": 2_048}}, {"num_ctx": 2_048}),
        ({"messages": LONG * 50}, {"num_ctx": 131_072}),
        ({"tools": [{"function": {"description": "word " * 8_000}}]}, {"num_ctx": 16_384}),
        ({"messages": [{"role": "user", "content": "", "images": ["x" * 50_000]}]}, None),
    ],
)
def test_a_server_that_cuts_long_prompts_is_asked_for_room(
    asked: dict[str, Any], options: dict[str, Any] | None
) -> None:
    sent, noted = sent_by(a_provider("num_ctx_from_prompt"), asked, OLLAMA)
    assert sent.get("options") == options
    assert noted == []


def test_ids_of_tool_calls_become_nine_characters_and_still_agree() -> None:
    messages = [
        {"role": "assistant", "tool_calls": [{"id": "call_aaaaaaaaaa"}, {"id": "abcDEF123"}]},
        {"role": "tool", "tool_call_id": "call_aaaaaaaaaa", "content": "1"},
        {"role": "tool", "tool_call_id": "abcDEF123", "content": "2"},
    ]

    (first, _), (second, _) = (
        sent_by(a_provider("tool_id_9"), {"messages": messages}) for _ in range(2)
    )

    calls = [call["id"] for call in first["messages"][0]["tool_calls"]]
    results = [message["tool_call_id"] for message in first["messages"][1:]]
    assert calls == results
    assert calls[1] == "abcDEF123"
    assert [len(id_) for id_ in calls] == [9, 9]
    assert first == second, "the same id must look the same in every later request"


LONG_ID = "chatcmpl-tool-" + "0123456789abcdef" * 2


def test_ids_that_are_too_long_for_openai_become_shorter_and_still_agree() -> None:
    """As servers of vLLM make them; the conversation then goes on elsewhere."""
    messages = [
        {"role": "assistant", "tool_calls": [{"id": LONG_ID}, {"id": "call_1"}]},
        {"role": "tool", "tool_call_id": LONG_ID, "content": "1"},
        {"role": "tool", "tool_call_id": "call_1", "content": "2"},
    ]
    sent = sent_by(a_provider("tool_id_40"), {"messages": messages})[0]["messages"]
    calls = [call["id"] for call in sent[0]["tool_calls"]]
    assert calls == [message["tool_call_id"] for message in sent[1:]]
    assert calls[1] == "call_1"
    assert len(calls[0]) <= 40


@pytest.mark.parametrize(
    "id_", ["call_1", "c" * 40, "functions.weather:0"], ids=["usual", "forty", "another's"]
)
def test_those_that_fit_leave_a_body_as_it_came(id_: str) -> None:
    body = json.dumps({"messages": [{"role": "tool", "tool_call_id": id_, "content": "x" * 50}]})
    provider = a_provider("tool_id_40", features=["developer_role"])
    assert apply(provider, "m", "openai.chat", body.encode()).body == body.encode()
    assert marks(provider, "openai.chat") == (b'"tool_call_id"',)
    assert marks(a_provider("tool_id_40", "no_tools"), "openai.chat") == ()


def test_an_id_that_every_turn_uses_again_is_another_call_each_time() -> None:
    """`wire.md` 14: some ids are unique in their turn only."""
    turn = [
        {"role": "assistant", "tool_calls": [{"id": "functions.weather:0"}]},
        {"role": "tool", "tool_call_id": "functions.weather:0", "content": "1"},
    ]

    messages = sent_by(a_provider("tool_id_9"), {"messages": [*turn, *turn]})[0]["messages"]

    calls = [message["tool_calls"][0]["id"] for message in messages[::2]]
    assert calls == [message["tool_call_id"] for message in messages[1::2]]
    assert len({*calls}) == 2


@pytest.mark.parametrize(("features", "role"), [([], "system"), (["developer_role"], "developer")])
def test_only_some_know_developers(features: list[str], role: str) -> None:
    """`wire.md` 4.1."""
    asked = [{"role": "developer", "content": "developer"}, *HI]

    sent, noted = sent_by(a_provider(features=features), {"messages": asked})

    assert sent["messages"] == [asked[0] | {"role": role}, *HI]
    assert noted == []


ENVELOPE = {"type": "reasoning", "summary": [], "encrypted_content": "stockyard.1.e30="}
SEALED = {"type": "reasoning", "summary": [], "encrypted_content": "Z0FBQQ=="}


@pytest.mark.parametrize(
    ("given", "sent", "noted"),
    [
        ([HI[0], ENVELOPE, SEALED], [HI[0], SEALED], ["input.reasoning"]),
        ([HI[0], SEALED], [HI[0], SEALED], []),
        ('Is it "stockyard.1.x"?', 'Is it "stockyard.1.x"?', []),
        (
            [{"role": "user", "content": "stockyard.1.x"}],
            [{"role": "user", "content": "stockyard.1.x"}],
            [],
        ),
    ],
)
def test_nobody_is_sent_what_another_provider_signed(
    given: object, sent: object, noted: list[str]
) -> None:
    changed = sent_by(a_provider(kind="openai.responses"), {"input": given}, "openai.responses")

    assert changed == ({"input": sent}, noted)


@pytest.mark.parametrize(
    ("wish", "traits", "told"),
    [
        ({}, ["reasoning"], " "),
        ({"thinking": {"type": "enabled"}}, [], " "),
        ({"reasoning_effort": "high"}, [], " "),
        ({}, [], None),
        ({"thinking": {"type": "disabled"}}, ["reasoning"], None),
        ({"reasoning_effort": "none"}, ["reasoning"], None),
    ],
)
def test_a_call_without_its_thought_passes_where_one_is_demanded(
    wish: dict[str, Any], traits: list[str], told: str | None
) -> None:
    provider = a_provider("reasoning_content_back", model_traits={"m*": traits})
    turn = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
    body = msgspec.json.encode({"model": "m1", "messages": [turn], **wish})
    sent = msgspec.json.decode(apply(provider, "m1", "openai.chat", body).body)
    assert sent["messages"][0].get("reasoning_content") == told
