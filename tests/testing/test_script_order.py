"""Calls use a script up in order; later words change the line said last."""

import json
import re

import pytest

from stockyard.testing import RawClient, Script, ScriptedProvider, a_call

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


async def test_the_script_is_played_in_order_and_its_last_line_stays(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.fails(503).says("one", "two")
    seen = []
    for _ in range(4):
        client.ask(CHAT, a_call())
        found = re.search(rb"told to fail|one|two", (await client.answer()).body)
        seen.append(found.group() if found else b"?")
    assert seen == [b"told to fail", b"one", b"two", b"two"]


async def test_later_words_change_what_was_said_last(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("untouched").says("a", "b").counts(1, 2)
    counts = []
    for _ in range(3):
        client.ask(CHAT, a_call())
        counts.append(json.loads((await client.answer()).body)["usage"]["prompt_tokens"])
    assert counts == [9, 1, 1]


def test_a_word_without_anything_to_change_is_a_mistake() -> None:
    with pytest.raises(RuntimeError):
        Script().counts(1, 2)
    with pytest.raises(TypeError):
        Script().fails(500).thinks("hm")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_provider_without_a_script_says_so(
    provider: ScriptedProvider, client: RawClient, path: str
) -> None:
    client.ask(path, a_call())
    await client.answer()
    assert client.reply.status == 501
    assert b"nothing scripted" in client.reply.body


async def test_a_path_in_no_format_gets_only_raw_answers(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("hello").sends(200, {"content-type": "text/csv"}, b"raw")
    client.ask("/v1/other", a_call())
    await client.until(b"can answer /v1/other")
    client.ask("/v1/other", a_call())
    await client.until(b"\r\n\r\nraw")


async def test_a_script_that_makes_no_sense_fails_the_test() -> None:
    provider = await ScriptedProvider().__aenter__()
    provider.says("plain ascii").stalls_after("half_character")
    async with RawClient.to(provider.url) as client:
        client.ask(CHAT, a_call(stream=True))
        assert await client.to_the_end() == b""
    with pytest.raises(ValueError, match="character"):
        await provider.aclose()


@pytest.mark.parametrize(
    ("path", "status", "kind", "code"),
    [
        (CHAT, 401, "invalid_request_error", "invalid_api_key"),
        (CHAT, 429, "requests", "rate_limit_exceeded"),
        (CHAT, 400, "invalid_request_error", None),
        (CHAT, 503, "server_error", None),
        (MESSAGES, 401, "authentication_error", None),
        (MESSAGES, 429, "rate_limit_error", None),
        (MESSAGES, 500, "api_error", None),
        (MESSAGES, 529, "overloaded_error", None),
    ],
)
async def test_errors_are_spelled_in_the_callers_format(
    provider: ScriptedProvider,
    client: RawClient,
    path: str,
    status: int,
    kind: str,
    code: str | None,
) -> None:
    provider.fails(status, "No.", retry_after=2)
    client.ask(path, a_call())
    assert b"retry-after: 2\r\n" in await client.until(b"}")
    assert client.reply.status == status
    body = json.loads(client.reply.body)
    assert (body["error"]["type"], body["error"].get("code")) == (kind, code)
    assert body["error"]["message"] == "No."


async def test_an_error_may_have_a_kind_and_a_code_of_its_own(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.fails(429, code="insufficient_quota", kind="insufficient_quota", times=2)
    client.ask(CHAT, a_call())
    await client.until(b'"code":"insufficient_quota"')
    client.ask(MESSAGES, a_call())
    await client.until(b'"details":{"error_code":"insufficient_quota"}')
