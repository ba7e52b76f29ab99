"""Named corrections: what goes to a provider that does one thing differently."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.providers.catalog import load
from stockyard.providers.provider import Provider
from stockyard.providers.quirks import apply, marks
from stockyard.providers.quirks.names import PLAIN, known, quirk

CHAT = "openai.chat"
MESSAGES = "anthropic.messages"
OLLAMA = "ollama.chat"
PLAIN_TEXT = {"type": "text", "text": "c"}
MARKED = PLAIN_TEXT | {"cache_control": {"type": "ephemeral"}}
PDF = "data:application/pdf;base64,JVBERi0="
HI = [{"role": "user", "content": "hi"}]

SAYS = {"type": "text", "text": "Well."}
USES = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
UNSIGNED = {"type": "thinking", "thinking": "Hm.", "signature": ""}
BUDGET = {"type": "enabled", "budget_tokens": 2000}
ADAPTIVE = {"type": "adaptive"}


def turn(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def answered() -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}


def a_provider(*quirks: str, **fields: Any) -> Provider:
    house = {"kind": CHAT, "base_url": "https://x.example", "quirks": list(quirks), **fields}
    provider = load({"house": house}).get("house")
    assert provider is not None
    return provider


def sent_by(
    provider: Provider, asked: dict[str, Any], format_: str = CHAT
) -> tuple[dict[str, Any], list[str]]:
    """What is sent besides what the test did not mention, and what was noted."""
    body = {"model": "m", "messages": HI} | asked
    changed = apply(provider, body["model"], format_, msgspec.json.encode(body))
    sent = msgspec.json.decode(changed.body)
    unmentioned = ("model", *(() if "messages" in asked else ("messages",)))
    return {k: v for k, v in sent.items() if k not in unmentioned}, list(changed.noted)


@pytest.mark.parametrize(
    ("name", "asked", "sent", "noted"),
    [
        ("drop:n", {"n": 2, "top_p": 1}, {"top_p": 1}, ["n"]),
        ("rename:seed>random_seed", {"seed": 7}, {"random_seed": 7}, []),
        ("rename:seed>random_seed", {"seed": 7, "random_seed": 8}, {"random_seed": 8}, []),
        ("clamp:temperature:0:1", {"temperature": 1.5}, {"temperature": 1.0}, ["temperature"]),
        ("clamp:temperature:0.01:1", {"temperature": 0}, {"temperature": 0.01}, ["temperature"]),
        ("clamp:temperature:0:1", {"temperature": 0.5}, {"temperature": 0.5}, []),
        ("clamp:temperature:0:1", {"temperature": None}, {"temperature": None}, []),
        ("max_tokens_not_completion", {"max_completion_tokens": 5}, {"max_tokens": 5}, []),
        (
            "max_tokens_not_completion",
            {"max_tokens": 4, "max_completion_tokens": 5},
            {"max_tokens": 5},
            [],
        ),
        (
            "max_tokens_not_completion",
            {"max_tokens": 4, "max_completion_tokens": None},
            {"max_tokens": 4},
            [],
        ),
        (
            "max_completion_tokens_only",
            {"max_tokens": 4, "max_completion_tokens": 5},
            {"max_completion_tokens": 5},
            [],
        ),
        (
            "no_reasoning_back",
            {"messages": [{"role": "assistant", "content": "a", "reasoning_content": "hm"}]},
            {"messages": [{"role": "assistant", "content": "a"}]},
            ["messages.reasoning_content"],
        ),
        ("no_reasoning_back", {"messages": HI}, {"messages": HI}, []),
        ("drop:a,b", {"a": 1, "b": 2, "c": 3}, {"c": 3}, ["a", "b"]),
        (
            "reasoning_as:reasoning",
            {
                "messages": [
                    {"role": "assistant", "content": "a", "reasoning_content": "hm"},
                    {"role": "assistant", "reasoning": "own", "reasoning_details": [{}]},
                    {"role": "assistant", "reasoning_content": None},
                ]
            },
            {
                "messages": [
                    {"role": "assistant", "content": "a", "reasoning": "hm"},
                    {"role": "assistant", "reasoning": "own"},
                    {"role": "assistant"},
                ]
            },
            [],
        ),
        (
            "message_fields:role,content,tool_calls",
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": "a",
                        "refusal": None,
                        "annotations": [],
                        "tool_calls": None,
                    },
                    {"role": "assistant", "content": None, "refusal": "No.", "audio": {"id": "a"}},
                    {"role": "user", "content": [{"type": "text", "text": "b"}, MARKED]},
                    {"role": "assistant", "tool_calls": [{"id": "c", "index": 0, "extra": {}}]},
                ]
            },
            {
                "messages": [
                    {"role": "assistant", "content": "a"},
                    {"role": "assistant", "content": "No."},
                    {"role": "user", "content": [{"type": "text", "text": "b"}, PLAIN_TEXT]},
                    {"role": "assistant", "tool_calls": [{"id": "c"}]},
                ]
            },
            ["messages.audio", "cache_control"],
        ),
        ("message_fields:role,content", {"messages": HI}, {"messages": HI}, []),
        (
            "document_url",
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
                            {"type": "file", "file": {"file_data": "JVBERi0="}},
                            {"type": "file", "file": {"file_id": "file_1", "filename": "b"}},
                            {"type": "file", "file": {}},
                            {"type": "file", "file_id": "file_2"},
                            PLAIN_TEXT,
                        ],
                    },
                    *HI,
                ]
            },
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "document_url",
                                "document_url": PDF,
                                "document_name": "a.pdf",
                            },
                            {"type": "document_url", "document_url": PDF},
                            {"type": "file", "file_id": "file_1"},
                            {"type": "file", "file": {}},
                            {"type": "file", "file_id": "file_2"},
                            PLAIN_TEXT,
                        ],
                    },
                    *HI,
                ]
            },
            [],
        ),
        (
            "strict_alternation",
            {
                "messages": [
                    *HI,
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]},
                    {"role": "tool", "tool_call_id": "a", "content": "7"},
                ]
            },
            {"messages": [{"role": "user", "content": "hi\n\n7"}]},
            [],
        ),
        ("max_completion_tokens_only", {"max_tokens": 5}, {"max_completion_tokens": 5}, []),
        ("no_stream_options", {"stream_options": {"include_usage": True}}, {}, []),
        ("tool_choice_any", {"tool_choice": "required"}, {"tool_choice": "any"}, []),
        ("tool_choice_any", {"tool_choice": "auto"}, {"tool_choice": "auto"}, []),
        (
            "name_on_tools_only",
            {"messages": [{"role": "user", "name": "A"}, {"role": "tool", "name": "f"}]},
            {"messages": [{"role": "user"}, {"role": "tool", "name": "f"}]},
            ["messages.name"],
        ),
        ("name_on_tools_only", {"tools": [{"name": "f"}]}, {"tools": [{"name": "f"}]}, []),
        (
            "prefill_prefix",
            {"messages": [{"role": "assistant"}, {"role": "assistant"}]},
            {"messages": [{"role": "assistant"}, {"role": "assistant", "prefix": True}]},
            [],
        ),
        (
            "prefill_prefix",
            {"messages": [{"role": "assistant", "prefix": False}]},
            {"messages": [{"role": "assistant", "prefix": False}]},
            [],
        ),
        (
            "prefill_prefix",
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
            [],
        ),
        ("prefill_prefix", {"messages": []}, {"messages": []}, []),
        (
            "tool_choice_required_unsupported",
            {"tool_choice": "required"},
            {"tool_choice": "auto"},
            ["tool_choice"],
        ),
        ("no_tools", {"tools": [], "tool_choice": "auto"}, {}, ["tools", "tool_choice"]),
        ("reasoning_split", {}, {"reasoning_split": True}, []),
        ("reasoning_split", {"reasoning_split": False}, {"reasoning_split": False}, []),
        (
            "thinking_switch:enable_thinking",
            {"reasoning_effort": "medium"},
            {"enable_thinking": True, "thinking_budget": 2048},
            [],
        ),
        (
            "thinking_switch:enable_thinking",
            {"reasoning_effort": "none"},
            {"enable_thinking": False},
            [],
        ),
        (
            "thinking_switch:enable_thinking",
            {"reasoning_effort": "low", "thinking_budget": 9},
            {"enable_thinking": True, "thinking_budget": 9},
            [],
        ),
        (
            "n_needs_temperature_0.3",
            {"n": 2, "temperature": 0},
            {"n": 2, "temperature": 0.3},
            ["temperature"],
        ),
        ("n_needs_temperature_0.3", {"n": 1, "temperature": 0}, {"n": 1, "temperature": 0}, []),
        ("n_needs_temperature_0.3", {"n": 2}, {"n": 2}, []),
    ],
)
def test_a_field_is_sent_as_the_provider_wants_it(
    name: str, asked: dict[str, Any], sent: dict[str, Any], noted: list[str]
) -> None:
    assert sent_by(a_provider(name), asked) == (sent, noted)


@pytest.mark.parametrize(
    ("name", "traits", "asked", "sent", "noted"),
    [
        ("reasoning_drops:stop,n", ["reasoning"], {"stop": "x", "n": 1}, {}, ["stop", "n"]),
        ("reasoning_drops:stop,n", [], {"stop": "x"}, {"stop": "x"}, []),
        (
            "reasoning_temperature_1",
            ["reasoning"],
            {"temperature": 0},
            {"temperature": 1},
            ["temperature"],
        ),
        ("reasoning_temperature_1", [], {"temperature": 0}, {"temperature": 0}, []),
        (
            "thinking_refuses_forced_tools",
            ["reasoning"],
            {"logprobs": True, "tool_choice": "required"},
            {},
            ["logprobs", "tool_choice"],
        ),
        (
            "thinking_refuses_forced_tools",
            ["reasoning", "thinking_logprobs"],
            {"logprobs": True, "tool_choice": "required"},
            {"logprobs": True},
            ["tool_choice"],
        ),
        (
            "thinking_refuses_forced_tools",
            ["reasoning"],
            {"thinking": {"type": "disabled"}, "tool_choice": "required"},
            {"thinking": {"type": "disabled"}, "tool_choice": "required"},
            [],
        ),
        (
            "thinking_refuses_forced_tools",
            [],
            {"thinking": {"type": "enabled"}, "tool_choice": {"type": "function"}},
            {"thinking": {"type": "enabled"}},
            ["tool_choice"],
        ),
        ("thinking_refuses_forced_tools", [], {"logprobs": True}, {"logprobs": True}, []),
        (
            "strip_schema_strict",
            ["no_schema_strict"],
            {
                "tools": [
                    {
                        "function": {
                            "name": "f",
                            "strict": True,
                            "parameters": {
                                "additionalProperties": False,
                                "properties": {"a": {"additionalProperties": False}},
                            },
                        }
                    }
                ]
            },
            {"tools": [{"function": {"name": "f", "parameters": {"properties": {"a": {}}}}}]},
            ["strict"],
        ),
    ],
)
def test_some_corrections_are_for_some_models_only(
    name: str, traits: list[str], asked: dict[str, Any], sent: dict[str, Any], noted: list[str]
) -> None:
    provider = a_provider(name, model_traits={"m*": traits})

    assert sent_by(provider, asked) == (sent, noted)


@pytest.mark.parametrize(
    ("name", "traits", "asked", "sent", "noted"),
    [
        (
            "sampling_by_model",
            ["no_sampling"],
            {"temperature": 1, "top_k": 5},
            {},
            ["temperature", "top_k"],
        ),
        ("sampling_by_model", [], {"temperature": 1}, {"temperature": 1}, []),
        (
            "thinking_by_model",
            ["adaptive_thinking"],
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"thinking": {"type": "adaptive"}},
            ["thinking.budget_tokens"],
        ),
        (
            "thinking_by_model",
            [],
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            [],
        ),
        (
            "thinking_signed",
            [],
            {"messages": [HI[0], turn(UNSIGNED, SAYS), HI[0], turn(UNSIGNED)]},
            {"messages": [HI[0], turn(SAYS), HI[0]]},
            ["messages.content.thinking"],
        ),
        (
            "thinking_signed",
            [],
            {"thinking": BUDGET, "messages": [HI[0], turn(UNSIGNED, USES), answered()]},
            {"messages": [HI[0], turn(USES), answered()]},
            ["messages.content.thinking", "thinking"],
        ),
        (
            "thinking_signed",
            [],
            {"thinking": BUDGET, "messages": [HI[0], turn(SIGNED, USES), answered()]},
            {"thinking": BUDGET, "messages": [HI[0], turn(SIGNED, USES), answered()]},
            [],
        ),
        (
            "thinking_signed",
            [],
            {"thinking": ADAPTIVE, "messages": [HI[0], turn(USES), answered()]},
            {"thinking": ADAPTIVE, "messages": [HI[0], turn(USES), answered()]},
            [],
        ),
        (
            "thinking_signed",
            [],
            {
                "thinking": BUDGET,
                "messages": [HI[0], turn(USES), answered(), turn(SAYS), HI[0]],
            },
            {
                "thinking": BUDGET,
                "messages": [HI[0], turn(USES), answered(), turn(SAYS), HI[0]],
            },
            [],
        ),
        (
            "forced_tools_by_model",
            ["no_forced_tools"],
            {"tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            ["tool_choice"],
        ),
        (
            "forced_tools_by_model",
            [],
            {"tool_choice": {"type": "any"}},
            {"tool_choice": {"type": "any"}},
            [],
        ),
    ],
)
def test_newer_models_behind_messages_refuse_what_older_ones_took(
    name: str, traits: list[str], asked: dict[str, Any], sent: dict[str, Any], noted: list[str]
) -> None:
    provider = a_provider(name, model_traits={"m*": traits})

    assert sent_by(provider, asked, MESSAGES) == (sent, noted)


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


def test_quirks_are_applied_in_the_order_of_the_row() -> None:
    names = ("max_tokens_not_completion", "clamp:max_tokens:1:100")
    body = {"max_completion_tokens": 5000}

    assert sent_by(a_provider(*names), body)[0] == {"max_tokens": 100}
    assert sent_by(a_provider(*reversed(names)), body)[0] == {"max_tokens": 5000}


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[],  "top_p":1.0}',  # no quirk looks at any of its keys
        b'{"model":"m","messages":[],  "temperature":1.0}',  # one looks, and finds it right
        b'{"model":"m","messages":[{"role":"user","content":"say \\"temperature\\""}]}',
    ],
)
def test_bytes_that_need_no_correction_are_not_touched(body: bytes) -> None:
    assert apply(a_provider("clamp:temperature:0:1"), "m", CHAT, body).body is body


def test_a_quirk_of_one_format_leaves_the_others_alone() -> None:
    body = msgspec.json.encode({"model": "m", "messages": [], "temperature": 5})

    assert apply(a_provider("clamp:temperature:0:1"), "m", MESSAGES, body).body is body


ALL = (
    *PLAIN,
    "drop:n",
    "clamp:temperature:0:1",
    "rename:seed>x",
    "reasoning_drops:stop",
    "thinking_switch:enable_thinking",
)
KEYS = sorted({key for name in ALL for key in getattr(quirk(name), "looks_at", ())})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "content", "role", "text"]), inner, max_size=4)
    ),
    max_leaves=12,
)
EVERYTHING = a_provider(
    *ALL,
    model_traits={
        "*": [
            "reasoning",
            "no_sampling",
            "adaptive_thinking",
            "no_forced_tools",
            "no_schema_strict",
        ]
    },
)


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    st.sampled_from([CHAT, MESSAGES, OLLAMA]),
)
def test_no_request_breaks_a_quirk(body: dict[str, Any], format_: str) -> None:
    raw = msgspec.json.encode(body)

    changed = apply(EVERYTHING, "m", format_, raw)

    assert isinstance(msgspec.json.decode(changed.body), dict)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"temperature"', b'{"temperature":2,"messages":5}', b'{"temperature":2}'],
)
def test_what_is_no_request_is_left_to_the_provider(body: bytes) -> None:
    assert apply(a_provider("clamp:temperature:0:1"), "m", CHAT, body).body is body


def test_deep_nesting_is_left_to_the_provider() -> None:
    body = b'{"messages":[],"temperature":2,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"

    assert apply(a_provider("clamp:temperature:0:1"), "m", CHAT, body).body is body


@pytest.mark.parametrize("name", ["", "drop", "drop:", "nice", "reasoning_field", "crlf:x"])
def test_other_names_mean_nothing(name: str) -> None:
    assert not known(name)


ENVELOPE = {"type": "reasoning", "summary": [], "encrypted_content": "stockyard.1.e30="}
TELLS = {"role": "user", "content": "stockyard.1.x"}
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
