"""Every row of `wire.md` 7.2 and 7.4: what a provider's counts mean, and what clients are told.

The traits are those of the provider's own row in the catalog, which is so held to the table.
"""

import json
from typing import Any

import pytest

from stockyard.core.folding import fold
from stockyard.core.messages import Message, Text
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output, Response
from stockyard.providers.row import shipped_rows
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.stray_usage import stray_usage, usage_in_fields

Json = dict[str, Any]
ROWS = shipped_rows()


def chat(prompt: int, completion: int, total: int, **more: Any) -> Json:
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return counts | more


def of_prompt(**counts: int) -> Json:
    return {"prompt_tokens_details": counts}


def of_completion(**counts: int) -> Json:
    return {"completion_tokens_details": counts}


ODD = {"flags": ("usage_inconsistent",)}

# Row of the catalog, format, what the provider counts, and what that is in the normal form.
READ: list[tuple[str, str, Json, Json]] = [
    (
        "openai",
        "openai.chat",
        chat(100, 50, 150)
        | of_prompt(cached_tokens=40, cache_write_tokens=10)
        | of_completion(reasoning_tokens=20),
        {"in_fresh": 50, "in_cached": 40, "in_written_other": 10}
        | {"out_text": 30, "out_reasoning": 20},
    ),
    (
        "azure",
        "openai.chat",
        chat(100, 50, 150) | of_prompt(cached_tokens=40) | of_completion(reasoning_tokens=20),
        {"in_fresh": 60, "in_cached": 40, "out_text": 30, "out_reasoning": 20},
    ),
    (
        "openai",
        "openai.responses",
        {
            "input_tokens": 100,
            "input_tokens_details": {
                "cached_tokens": 40,
                "cache_write_tokens": 30,
                "cache_write_tokens_details": {"ttl_30m_tokens": 10, "ttl_12h_tokens": 20},
            },
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 150,
        },
        {"in_fresh": 30, "in_cached": 40, "in_written_30m": 10, "in_written_12h": 20}
        | {"out_text": 30, "out_reasoning": 20},
    ),
    (
        "anthropic",
        "anthropic.messages",
        {
            "input_tokens": 10,
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 20},
        },
        {"in_fresh": 10, "in_cached": 40, "in_written_5m": 10, "in_written_1h": 20}
        | {"out_text": 30, "out_reasoning": 20},
    ),
    (
        "anthropic",
        "anthropic.messages",
        {"input_tokens": 10, "cache_creation_input_tokens": 30, "output_tokens": 5},
        {"in_fresh": 10, "in_written_5m": 30, "out_text": 5},
    ),
    (
        "bedrock",
        "bedrock.converse",
        {
            "inputTokens": 10,
            "cacheReadInputTokens": 40,
            "cacheWriteInputTokens": 30,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}],
            "outputTokens": 5,
            "totalTokens": 85,
        },
        {"in_fresh": 10, "in_cached": 40, "in_written_5m": 10, "in_written_1h": 20, "out_text": 5},
    ),
    (
        "gemini",
        "gemini",
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "toolUsePromptTokenCount": 7,
            "candidatesTokenCount": 30,
            "thoughtsTokenCount": 20,
            "totalTokenCount": 157,
        },
        {"in_fresh": 60, "in_cached": 40, "in_tool": 7, "out_text": 30, "out_reasoning": 20},
    ),
    (
        "vertex",
        "gemini",
        {"promptTokenCount": 9, "totalTokenCount": 9, "trafficType": "ON_DEMAND"},
        {"in_fresh": 9},
    ),
    (
        "cohere",
        "cohere.chat",
        {
            "billed_units": {"input_tokens": 7.0, "output_tokens": 12.0},
            "tokens": {"input_tokens": 502.0, "output_tokens": 12.0, "reasoning_tokens": 5},
            "cached_tokens": 448.0,
        },
        {"in_fresh": 54, "in_cached": 448, "out_text": 7, "out_reasoning": 5}
        | {"billed_in": 7, "billed_out": 12},
    ),
    (
        "deepseek",
        "openai.chat",
        chat(10, 5, 15, prompt_cache_hit_tokens=7, prompt_cache_miss_tokens=3)
        | of_prompt(cached_tokens=7)
        | of_completion(reasoning_tokens=2),
        {"in_fresh": 3, "in_cached": 7, "out_text": 3, "out_reasoning": 2},
    ),
    (
        "xai",
        "openai.chat",
        chat(468, 82, 870, cost_in_usd_ticks=37_000_000) | of_completion(reasoning_tokens=320),
        {"in_fresh": 468, "out_text": 82, "out_reasoning": 320, "provider_cost_micros": 3_700},
    ),
    (
        "xai",
        "openai.responses",
        {
            "input_tokens": 10,
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 60,
        },
        {"in_fresh": 10, "out_text": 30, "out_reasoning": 20},
    ),
    (
        "vercel",
        "openai.chat",
        chat(10, 5, 15, cost=0.0015) | of_completion(reasoning_tokens=3),
        {"in_fresh": 10, "out_text": 5, "out_reasoning": 3, "provider_cost_micros": 1_500},
    ),
    (
        "azure-foundry",
        "openai.chat",
        chat(7, 5, 12) | of_prompt(cached_tokens=161),
        {"in_cached": 7, "out_text": 5, **ODD},
    ),
    (
        "mistral",
        "openai.chat",
        chat(9, 248, 632) | of_prompt(audio_tokens=375),
        {"in_fresh": 384, "in_audio": 375, "out_text": 248},
    ),
    (
        "openrouter",
        "openai.chat",
        chat(100, 50, 150, cost=0.25)
        | of_prompt(cached_tokens=40, cache_write_tokens=10)
        | of_completion(reasoning_tokens=20),
        {"in_fresh": 50, "in_cached": 40, "in_written_other": 10, "out_text": 30}
        | {"out_reasoning": 20, "provider_cost_micros": 250_000},
    ),
    (
        "together",
        "openai.chat",
        chat(10, 5, 15, cached_tokens=4),
        {"in_fresh": 6, "in_cached": 4, "out_text": 5},
    ),
    (
        "github-copilot",
        "openai.chat",
        chat(10, 5, 15, reasoning_tokens=3),
        {"in_fresh": 10, "out_text": 2, "out_reasoning": 3},
    ),
    (
        "ollama",
        "ollama.chat",
        {"prompt_eval_count": 9, "eval_count": 2},
        {"in_fresh": 9, "out_text": 2},
    ),
    (
        "ollama",
        "ollama.chat",
        {"eval_count": 2},
        {"out_text": 2, "flags": ("prompt_missing",)},
    ),
    (
        "perplexity",
        "openai.chat",
        chat(11, 62, 73, num_search_queries=3, cost={"total_cost": 0.00507}),
        {"in_fresh": 11, "out_text": 62, "server_tools": {"web_search": 3}}
        | {"provider_cost_micros": 5_070},
    ),
    (
        "deepinfra",
        "openai.chat",
        chat(10, 5, 15, estimated_cost=0.00002),
        {"in_fresh": 10, "out_text": 5, "provider_cost_micros": 20},
    ),
    *(
        (name, "openai.chat", chat(10, 5, 15), {"in_fresh": 10, "out_text": 5})
        for name in ("zai", "vllm", "llamacpp", "groq", "fireworks")
    ),
    (
        "voyage",
        "voyage.embed",
        {"total_tokens": 9},
        {"in_fresh": 9},
    ),
]


def an_answer(format_: str, counts: Json) -> bytes:
    """The least that an answer of the format says besides its counts."""
    key = "usageMetadata" if format_ == "gemini" else "usage"
    said: dict[str, Json] = {
        "openai.chat": {"choices": []},
        "openai.responses": {"object": "response", "status": "completed", "output": []},
        "anthropic.messages": {"type": "message", "content": []},
        "gemini": {"candidates": []},
        "bedrock.converse": {"output": {"message": {"role": "assistant", "content": []}}},
        "cohere.chat": {"id": "c", "message": {"role": "assistant", "content": []}},
        "ollama.chat": {"message": {"role": "assistant", "content": ""}, "done": True, **counts},
        "voyage.embed": {"data": []},
    }
    told = {} if format_ == "ollama.chat" else {key: counts}
    return json.dumps(said[format_] | told).encode()


@pytest.mark.parametrize(
    ("row", "format_", "said", "expected"),
    READ,
    ids=[f"{r[0]}-{r[1]}-{i}" for i, r in enumerate(READ)],
)
def test_counts_mean_what_the_provider_means(
    row: str, format_: str, said: Json, expected: Json
) -> None:
    traits = frozenset(ROWS[row].quirks)
    assert FORMATS[format_].facts(an_answer(format_, said), traits=traits).usage == Usage(
        **expected
    )


def test_counts_of_groq_beside_the_usual_ones_are_the_same_tokens() -> None:
    """`x_groq.usage`: the last one wins, and nothing is added."""
    counts = chat(10, 5, 15)
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "hi"}}]},
        {"choices": [last], "x_groq": {"id": "req_1", "usage": counts}},
        {"choices": [], "usage": counts},
    ]
    stream = b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in chunks)
    stream += b"data: [DONE]\n\n"
    traits = frozenset(ROWS["groq"].quirks)
    reader = FORMATS["openai.chat"].reader(traits=traits)
    look = FORMATS["openai.chat"].look(traits=traits, keep_usage=True, native=False)
    look.feed(stream)
    expected = Usage(in_fresh=10, out_text=5)
    assert fold([*reader.feed(stream), *reader.end()])[1] == expected
    assert look.usage == expected


def test_what_invoke_says_three_times_is_counted_once() -> None:
    """Fields of the head, metrics in the last event, and Claude's own usage: the same tokens."""
    metrics = {"inputTokenCount": 12, "outputTokenCount": 5, "cacheReadInputTokenCount": 3}
    body = an_answer(
        "anthropic.messages",
        {"input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 3},
    )
    said = body[:-1] + b', "amazon-bedrock-invocationMetrics": ' + json.dumps(metrics).encode()
    expected = Usage(in_fresh=12, in_cached=3, out_text=5)
    assert FORMATS["bedrock.invoke"].facts(said + b"}", traits=frozenset()).usage == expected
    assert stray_usage(said + b"}") == expected
    fields = [
        (b"x-amzn-bedrock-input-token-count", b"12"),
        (b"x-amzn-bedrock-cache-read-input-token-count", b"3"),
        (b"x-amzn-bedrock-output-token-count", b"5"),
    ]
    assert usage_in_fields(fields) == expected


ALL = Usage(
    in_fresh=100,
    in_cached=40,
    in_written_5m=20,
    in_written_1h=10,
    in_tool=7,
    out_text=30,
    out_reasoning=20,
)
"""177 tokens asked with, 50 answered with."""

WRITTEN: dict[str, Json] = {
    "openai.chat": {
        "prompt_tokens": 177,
        "completion_tokens": 50,
        "total_tokens": 227,
        "prompt_tokens_details": {
            "cached_tokens": 40,
            "cache_write_tokens": 30,
            "cache_write_tokens_details": {"ttl_5m_tokens": 20, "ttl_1h_tokens": 10},
        },
        "completion_tokens_details": {"reasoning_tokens": 20},
    },
    "openai.responses": {
        "input_tokens": 177,
        "input_tokens_details": {
            "cached_tokens": 40,
            "cache_write_tokens": 30,
            "cache_write_tokens_details": {
                "ttl_5m_tokens": 20,
                "ttl_1h_tokens": 10,
                "ttl_30m_tokens": 0,
                "ttl_12h_tokens": 0,
            },
        },
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 227,
    },
    "anthropic.messages": {
        "input_tokens": 107,
        "cache_read_input_tokens": 40,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
    },
    "gemini": {
        "promptTokenCount": 170,
        "cachedContentTokenCount": 40,
        "toolUsePromptTokenCount": 7,
        "candidatesTokenCount": 30,
        "thoughtsTokenCount": 20,
        "totalTokenCount": 227,
    },
    "bedrock.converse": {
        "inputTokens": 107,
        "cacheReadInputTokens": 40,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 20}, {"ttl": "1h", "inputTokens": 10}],
        "outputTokens": 50,
        "totalTokens": 227,
    },
    "cohere.chat": {
        "billed_units": {"input_tokens": 177, "output_tokens": 50},
        "tokens": {"input_tokens": 177, "output_tokens": 50, "reasoning_tokens": 20},
        "cached_tokens": 40,
    },
    "ollama.chat": {"prompt_eval_count": 177, "eval_count": 50},
}


@pytest.mark.parametrize("format_", WRITTEN)
def test_clients_are_told_in_the_counts_of_their_format(format_: str) -> None:
    message = Message(role="assistant", parts=(Text(text="hi"),))
    output = Output(id="1", choices=(Choice(message=message, finish="stop"),))
    pen = Pen(id="1", model="m", created=1, wants_usage=True)
    body = FORMATS[format_].encode_response(Response(output, usage=ALL), pen)
    answer = json.loads(body)
    told = answer.get("usageMetadata" if format_ == "gemini" else "usage", answer)
    assert {name: told[name] for name in WRITTEN[format_]} == WRITTEN[format_]
    assert told is answer or told.keys() == WRITTEN[format_].keys()
    again = FORMATS[format_].facts(body, traits=frozenset()).usage
    assert again is not None
    assert (again.prompt, again.completion, again.total, again.flags) == (177, 50, 227, ())
