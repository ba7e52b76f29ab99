"""What is peculiar to the providers of the catalog, as their callers see it: whole and streamed.

Each case names a quirk that its row must list (`wire.md` 12.2). What quirks do to a request is in
`tests/providers/test_quirks*.py`, byte by byte; here are answers, counts, errors and headers.
"""

import json
from typing import Any

import pytest

from stockyard.providers.row import shipped_rows
from stockyard.testing.script import Script
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
ROWS = shipped_rows()
COUNTS = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
SETTINGS = {
    "azure-foundry": {"host": "x.services.ai.azure.com"},
    "cloudflare": {"account_id": "acme"},
    "databricks": {"host": "x.cloud.databricks.com"},
    "snowflake": {"account": "acme"},
}

both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def scripted(yard: Yard, quirk: str, provider: str) -> Script:
    """The provider, whose row has the quirk."""
    assert quirk in {name.partition(":")[0] for name in ROWS[provider].quirks}
    yard.disable("retrypilot")
    settings = SETTINGS.get(provider)
    return yard.provider(provider, settings=settings) if settings else yard.provider(provider)


def whole(script: Script, usage: Any = None, **beside: Any) -> None:
    message = {"role": "assistant", "content": "hello"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    said = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    body = {**said, "choices": [choice], **({"usage": usage} if usage else {}), **beside}
    script.sends(200, JSON, json.dumps(body).encode())


def chunk(text: str = "", finish: str | None = None, **beside: Any) -> dict[str, Any]:
    delta = {"content": text} if text else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    said = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return {**said, "choices": [choice], **beside}


def events(*said: Any, end: str = "data: [DONE]\n\n", gap: str = "\n\n") -> bytes:
    lines = (one if isinstance(one, str) else f"data: {json.dumps(one)}{gap}" for one in said)
    return ("".join(lines) + end).encode()


HELLO, STOP, LAST = chunk("hello"), chunk("", "stop"), chunk("", "stop", usage=COUNTS)


def counting(usage: Any) -> dict[str, Any]:
    """The last piece of a stream, beside which nothing is said."""
    return {**chunk(), "choices": [], "usage": usage}


# Counts

COUNTED: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("cached_tokens_top_level", "together", {"cached_tokens": 6}, {"in_fresh": 4, "in_cached": 6}),
    (
        "usage_deepseek_cache",
        "deepseek",
        {"prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4},
        {"in_fresh": 4, "in_cached": 6},
    ),
    (
        "reasoning_outside_completion",
        "xai",
        {"total_tokens": 34, "completion_tokens_details": {"reasoning_tokens": 20}},
        {"out_text": 4, "out_reasoning": 20},
    ),
    ("cost_in_usage", "openrouter", {"cost": 0.00123}, {"provider_cost_micros": 1230}),
    ("cost_string", "vercel", {"cost": "0.00123"}, {"provider_cost_micros": 1230}),
    ("service_timing_in_usage", "azure-foundry", {"queue_time": 0.5}, {"in_fresh": 10}),
]


@both
@pytest.mark.parametrize(("quirk", "provider", "told", "counted"), COUNTED)
async def test_counts_are_understood(
    yard: Yard,
    quirk: str,
    provider: str,
    told: dict[str, Any],
    counted: dict[str, Any],
    stream: bool,
) -> None:
    script, usage = scripted(yard, quirk, provider), COUNTS | told
    if stream:
        script.plays(events(HELLO, STOP, counting(usage)))
    else:
        whole(script, usage)
    heard = await yard.chat(model=f"{provider}/m", stream=stream)
    assert heard.text == "hello"
    assert await yard.ended(1)
    known = yard.last.usage
    assert known is not None
    assert known.source == "reported"
    assert {name: getattr(known, name) for name in counted} == counted


def in_choice(last: dict[str, Any]) -> dict[str, Any]:
    (choice,) = last["choices"]
    return {**last, "choices": [{**choice, "usage": COUNTS}]}


FIRST = COUNTS | {"completion_tokens": 1, "total_tokens": 11}
TWICE = events(chunk("hel", usage=FIRST), chunk("lo", "stop", usage=COUNTS))
TOLD_SOMEWHERE: list[tuple[str, str, bytes]] = [
    ("usage_on_finish", "deepseek", events(HELLO, LAST)),
    ("usage_every_chunk", "perplexity", TWICE),
    ("usage_x_groq", "groq", events(HELLO, chunk("", "stop", x_groq={"usage": COUNTS}))),
    ("usage_in_choice_old", "moonshot", events(HELLO, in_choice(STOP))),
    ("no_done", "perplexity", events(HELLO, LAST, end="")),
    ("crlf", "perplexity", events(HELLO, LAST, gap="\r\n\r\n")),
    ("finish_twice", "openrouter", events(HELLO, STOP, LAST)),
    ("comment_keepalive", "openrouter", events(": WAIT\n\n", HELLO, LAST)),
    ("empty_choices_chunks", "snowflake", events(HELLO, STOP, counting(COUNTS))),
    ("data_without_space", "tgi", events(HELLO, LAST).replace(b"data: ", b"data:")),
]


@pytest.mark.parametrize(("quirk", "provider", "said"), TOLD_SOMEWHERE)
async def test_streams_are_read_wherever_they_count(
    yard: Yard, quirk: str, provider: str, said: bytes
) -> None:
    scripted(yard, quirk, provider).plays(said)
    heard = await yard.stream(model=f"{provider}/m")
    assert (heard.text, heard.ended) == ("hello", True)
    assert await yard.ended(1)
    assert yard.last.usage is not None
    usage = yard.last.usage
    assert (usage.prompt, usage.completion, usage.source) == (10, 4, "reported")


# Errors

NO = {"message": "No."}
BAD_KEY = {"code": "Bad", "error": "Incorrect API key provided: xa***"}
BASE_RESP = {"base_resp": {"status_code": 1002, "status_msg": "No."}}
PROBLEM = {"type": "about:blank", "title": "x", "status": 404, "detail": "No."}
ERRORS: list[tuple[str, str, int, Any, int, str]] = [
    ("error_plain_string", "xai", 422, {"code": "Bad", "error": "No."}, 400, "No."),
    ("bad_key_is_400", "xai", 400, BAD_KEY, 502, "xai refused the gateway's Credential"),
    ("error_detail", "mistral", 422, {"detail": [{"loc": ["a"], "msg": "No."}]}, 400, "No."),
    ("error_problem_json", "nvidia", 404, PROBLEM, 404, "No."),
    ("error_code_int", "llamacpp", 503, {"error": NO | {"code": 503}}, 503, "No."),
    ("error_code_string", "zai", 429, {"error": NO | {"code": "1302"}}, 429, "No."),
    ("error_code_dotted", "volcengine", 404, {"error": NO | {"code": "A.NotFound"}}, 404, "No."),
    ("error_code_message", "databricks", 429, NO | {"error_code": "LIMIT"}, 429, "No."),
    ("error_array", "gemini", 400, [{"error": NO | {"code": 400}}], 400, "No."),
    ("error_in_200", "openrouter", 200, {"error": NO | {"code": 429}}, 429, "No."),
    ("error_in_200_base_resp", "minimax", 200, BASE_RESP, 429, "No."),
]


@both
@pytest.mark.parametrize(("quirk", "provider", "status", "said", "told", "message"), ERRORS)
async def test_errors_are_understood(
    yard: Yard,
    quirk: str,
    provider: str,
    status: int,
    said: Any,
    told: int,
    message: str,
    stream: bool,
) -> None:
    scripted(yard, quirk, provider).sends(status, JSON, json.dumps(said).encode())
    heard = await yard.chat(model=f"{provider}/m", stream=stream)
    assert heard.error is not None
    assert heard.status == told
    assert heard.error["message"].startswith(message)


BROKEN: list[tuple[str, str, str]] = [
    (
        "error_in_chunk",
        "openrouter",
        'data: {"error":{"message":"No."},"choices":[]}\n\n',
    ),
    ("error_event_in_stream", "groq", 'event: error\ndata: {"error":{"message":"No."}}\n\n'),
    ("bare_error_line", "llamacpp", 'error: {"code":500,"message":"No."}\n\n'),
]


@pytest.mark.parametrize(("quirk", "provider", "error"), BROKEN)
async def test_a_stream_that_breaks_does_not_end_well(
    yard: Yard, quirk: str, provider: str, error: str
) -> None:
    scripted(yard, quirk, provider).plays(events(chunk("hel"), error, end=""))
    heard = await yard.stream(model=f"{provider}/m")
    assert (heard.text, heard.ended) == ("hel", False)
    assert heard.error is not None
    assert heard.error["message"] == "No."


@both
@pytest.mark.parametrize(
    ("quirk", "provider", "fields", "said"),
    [
        (
            "retry_delay_in_body",
            "gemini",
            {},
            {"error": {"code": 429, "message": "No.", "details": [{"retryDelay": "7s"}]}},
        ),
        ("ratelimit_draft_header", "huggingface", {"ratelimit": '"api";r=0;t=7'}, {"error": "No."}),
    ],
)
async def test_a_time_to_wait_is_handed_on_to_the_caller(
    yard: Yard, quirk: str, provider: str, fields: dict[str, str], said: Any, stream: bool
) -> None:
    scripted(yard, quirk, provider).sends(429, JSON | fields, json.dumps(said).encode())
    heard = await yard.chat(model=f"{provider}/m", stream=stream)
    assert (heard.status, heard.headers["retry-after"]) == (429, "7")


# Heads

HEADS: list[tuple[str, str, str, str]] = [
    ("openrouter_headers", "openrouter", "x-title", "Stockyard"),
    ("github_api_version", "github-models", "x-github-api-version", "2022-11-28"),
    (
        "snowflake_token_type",
        "snowflake",
        "x-snowflake-authorization-token-type",
        "PROGRAMMATIC_ACCESS_TOKEN",
    ),
]


@both
@pytest.mark.parametrize(("quirk", "provider", "name", "value"), HEADS)
async def test_heads_say_what_a_provider_wants(
    yard: Yard, quirk: str, provider: str, name: str, value: str, stream: bool
) -> None:
    scripted(yard, quirk, provider).says("hello")
    await yard.chat(model=f"{provider}/m", stream=stream)
    assert yard.provider(provider).last.headers[name] == value


@both
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, {"x-title": "Stockyard"}),
        ({"X-Title": "My App"}, {"x-title": "My App"}),
        ({"HTTP-Referer": "https://app.example"}, {"http-referer": "https://app.example"}),
        (
            {"X-Title": "My App", "HTTP-Referer": "https://app.example"},
            {"x-title": "My App", "http-referer": "https://app.example"},
        ),
    ],
)
async def test_apps_tell_a_provider_who_they_are_if_it_wants_to_know(
    yard: Yard, said: dict[str, str], told: dict[str, str], stream: bool
) -> None:
    for name in ("openrouter", "openai"):
        yard.provider(name).says("hello")
    for name in ("openrouter", "openai"):
        await yard.chat(model=f"{name}/m", stream=stream, headers=said)
    heard = yard.provider("openrouter").last.headers
    assert {name: heard[name] for name in ("x-title", "http-referer") if name in heard} == told
    assert not {"x-title", "http-referer"} & {*yard.provider("openai").last.headers}


@both
async def test_a_version_is_asked_for_in_the_query(yard: Yard, stream: bool) -> None:
    scripted(yard, "api_version_query", "azure-foundry").says("hello")
    await yard.chat(model="azure-foundry/m", stream=stream)
    assert yard.provider("azure-foundry").last.query == "api-version=2024-05-01-preview"


@both
async def test_openai_hears_of_no_id_that_is_too_long_for_it(yard: Yard, stream: bool) -> None:
    scripted(yard, "tool_id_40", "openai").says("hello")
    openai = yard.provider("openai")
    long = "chatcmpl-tool-" + "0123456789abcdef" * 2
    call = {"id": long, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": long, "content": "1"},
    ]
    answer = await yard.chat(model="gpt-x", messages=messages, stream=stream)
    assert answer.text == "hello"
    sent = openai.last.json["messages"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]
    assert len(sent[2]["tool_call_id"]) <= 40
    assert "x-stockyard-dropped" not in answer.headers
