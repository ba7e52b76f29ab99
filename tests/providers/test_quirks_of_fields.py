"""Quirks of single fields and of the models that a provider has."""

from typing import Any

import pytest

from tests.providers.quirked import HI, MESSAGES, a_provider, sent_by, turn

PLAIN_TEXT = {"type": "text", "text": "c"}
MARKED = PLAIN_TEXT | {"cache_control": {"type": "ephemeral"}}
PDF = "data:application/pdf;base64,JVBERi0="
SAYS = {"type": "text", "text": "Well."}
USES = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
UNSIGNED = {"type": "thinking", "thinking": "Hm.", "signature": ""}
BUDGET = {"type": "enabled", "budget_tokens": 2000}
ADAPTIVE = {"type": "adaptive"}


def answered() -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}


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
