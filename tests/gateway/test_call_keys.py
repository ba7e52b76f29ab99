"""Keys at the door: how they may be shown, and what is said when there is none."""

import asyncio
from collections.abc import Mapping

import pytest

from stockyard.apps.teams.keys import now_ms
from stockyard.testing.yard import CHAT, MESSAGES, Yard
from tests.gateway.endings import assert_in_dialect

UNKNOWN_KEY = "sk-sy-" + "x" * 40
UNKNOWN_ADMIN = "sya-" + "x" * 49
HAS_NO_KEY: list[Mapping[str, str]] = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer "},
    {"authorization": f"Bearer {UNKNOWN_KEY}"},
    {"authorization": "Basic abc"},
    {"authorization": "Basic abc", "x-api-key": UNKNOWN_KEY},
    {"authorization": "Bearer nonsense", "x-api-key": "$KEY"},
    {"x-api-key": UNKNOWN_KEY},
    {"authorization": "Bearer nonsense"},
    {"x-stockyard-key": "nonsense", "authorization": "Bearer $KEY"},
    {"authorization": "Bearer sk-proj-a b"},
]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer $KEY"},
        {"authorization": "bearer  $KEY"},
        {"x-api-key": "$KEY"},
        {"api-key": "$KEY"},
        {"x-goog-api-key": "$KEY"},
        {"x-stockyard-key": "$KEY"},
        {"x-stockyard-key": "$KEY", "authorization": "Bearer sk-ant-somebody"},
        {"authorization": "Bearer $KEY", "x-api-key": "sk-ant-somebody"},
        {"authorization": "Basic abc", "x-api-key": "$KEY"},
        {"authorization": "", "api-key": "$KEY"},
    ],
)
async def test_a_key_may_be_shown_in_many_ways(yard: Yard, headers: Mapping[str, str]) -> None:
    openai = yard.provider("openai").says("hello")
    await yard.open()
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=with_key(yard, headers))
        assert (await client.answer()).status == 200
    assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
    assert yard.key not in str(openai.last.raw_headers)
    assert yard.last.exchange.caller.key_name == "first-key"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("headers", HAS_NO_KEY)
async def test_a_call_without_a_key_is_a_401(
    yard: Yard, path: str, headers: Mapping[str, str]
) -> None:
    openai = yard.provider("openai").says("never")
    await yard.open()
    async with yard.raw() as client:
        client.ask(path, yard.body("hi"), headers=with_key(yard, headers))
        reply = await client.answer()
    assert reply.status == 401
    assert_in_dialect(path, reply.body, "authentication_error", "invalid_api_key")
    assert b"x" * 40 not in reply.body
    assert not openai.requests
    assert not yard.calls


@pytest.mark.parametrize(
    ("authorization", "hint"),
    [
        ("", "Make one: `stockyard keys create my-app`"),
        ("Bearer ", "(Your bearer was empty.)"),
        ("Basic abc", "does not begin with `Bearer `"),
        ("$KEY", "does not begin with `Bearer `"),
        ('Bearer "$KEY"', "one begins with `sk-sy-`, without quotes"),
        ("Bearer Bearer $KEY", "one begins with `sk-sy-`, without quotes"),
        ("Bearer sya-abc", "This is an admin credential. Calls take a Key (`sk-sy-...`)."),
        ("Bearer undefined", "This is not a Key of this gateway."),
    ],
)
async def test_a_refusal_says_what_is_wrong_with_the_key(
    yard: Yard, authorization: str, hint: str
) -> None:
    await yard.open()
    sent = {"authorization": authorization.replace("$KEY", yard.key)}
    answer = await yard.chat("hi", headers=sent)
    assert answer.status == 401
    assert answer.error is not None
    assert hint in answer.error["message"]
    assert yard.key not in answer.body.decode()


async def test_two_authorizations_are_taken_for_none(yard: Yard) -> None:
    await yard.open()
    line = f"authorization: Bearer {yard.key}\r\n"
    async with yard.raw() as client:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{line}{line}"
        client.send(f"{head}content-length: 2\r\n\r\n{{}}".encode())
        assert (await client.answer()).status == 401


async def test_a_revoked_key_is_refused_on_a_connection_that_used_it(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    async with yard.raw() as client:
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        assert (await client.answer()).status == 200
        keys = yard.stockyard.keys
        await keys.revoke(keys.list()[0].id)
        client.ask(CHAT, yard.body("hi"), headers=yard.headers)
        assert (await client.answer()).status == 401


async def test_a_key_whose_time_is_over_is_refused_on_a_connection_that_used_it(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    _, secret = await yard.stockyard.keys.create("short", expires_at=now_ms() + 500)
    headers = {"authorization": f"Bearer {secret}"}
    statuses: list[int] = []
    async with yard.raw() as client, asyncio.timeout(10):
        while 401 not in statuses:
            client.ask(CHAT, yard.body("hi"), headers=headers)
            statuses.append((await client.answer()).status)
            await asyncio.sleep(0.1)
    assert statuses[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        f"{CHAT}?key={UNKNOWN_KEY}",
        f"{CHAT}?a=b&key={UNKNOWN_KEY.replace('-', '%2D')}",
        f"{CHAT}?k%65y={UNKNOWN_KEY}",
        f"/openai/v1/{UNKNOWN_KEY}",
        f"/openai/v1/models/{UNKNOWN_KEY.replace('s', '%73')}",
        f"/v1beta/models/{UNKNOWN_KEY}:generateContent",
        f"/v1beta/models/m:generateContent?k%65y={UNKNOWN_KEY}",
        f"/gemini/v1beta/models/m:generateContent?access_token={UNKNOWN_KEY}",
        f"{CHAT}?token={UNKNOWN_ADMIN}",
        f"/openai/v1/odd?token={UNKNOWN_ADMIN.replace('-', '%2D')}",
    ],
)
async def test_a_key_does_not_belong_into_a_url(yard: Yard, path: str) -> None:
    openai = yard.provider("openai")
    answer = await yard.call(path, b"{}")
    assert answer.status == 400
    assert "secret_in_url" in answer.body.decode()
    assert UNKNOWN_KEY not in answer.body.decode()
    assert not openai.requests


def with_key(yard: Yard, headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value.replace("$KEY", yard.key) for name, value in headers.items()}
