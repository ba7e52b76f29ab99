"""What header fields carry from side to side: nothing but plain text (HS11, HS30, S11)."""

import json

import pytest

from stockyard.testing.yard import Yard

CHAT = "/v1/chat/completions"
NATIVE = "/openai/v1/chat/completions"
BODY = json.dumps(
    {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}
).encode()
NOT_READ = (b"openai-beta", b"x-client-request-id", b"x-odd", b"user-agent", b"traceparent")
READ = (b"x-stockyard-tags", b"idempotency-key", b"x-request-id", b"content-type", b"accept")


async def ask(yard: Yard, path: str, field: bytes) -> int:
    """The status of a call with this field in its head."""
    lines = (
        b"POST %b HTTP/1.1" % path.encode(),
        b"host: localhost",
        b"connection: close",
        b"authorization: Bearer %b" % yard.key.encode(),
        b"content-length: %d" % len(BODY),
        field,
        b"",
        BODY,
    )
    async with yard.raw() as client:
        client.send(b"\r\n".join(lines))
        await client.to_the_end()
        return client.reply.status


@pytest.mark.parametrize("path", [CHAT, NATIVE])
async def test_hs11_what_is_not_ascii_never_reaches_a_provider(yard: Yard, path: str) -> None:
    openai = yard.provider("openai").says("fine")
    await yard.open()
    for name in NOT_READ:
        assert await ask(yard, path, name + b": \x9b31m\xe9\xff") == 200, name
        assert "\xe9" not in str(openai.last.raw_headers), name
    for name in READ:
        assert await ask(yard, path, name + b": \xe9") == 400, name
    assert len(openai.requests) == len(NOT_READ)


@pytest.mark.parametrize("path", [CHAT, NATIVE])
async def test_hs30_what_is_not_ascii_never_reaches_a_caller(yard: Yard, path: str) -> None:
    odd = {"x-request-id": "\x9b31m\xe9", "x-ratelimit-limit-requests": "\xff", "x-odd": "\xe9"}
    yard.provider("openai").says("fine").with_headers(odd)
    answer = await yard.call(path, BODY)
    assert answer.text == "fine"
    assert str(answer.raw_headers).isascii()


@pytest.mark.parametrize(
    "given", ["short", "x" * 129, "a b c d e f", "../../etc/passwd", "<script>"]
)
async def test_s11_the_callers_own_id_is_repeated_only_if_it_can_harm_nobody(
    yard: Yard, given: str
) -> None:
    yard.provider("openai").says("fine")
    answer = await yard.call(CHAT, BODY, headers={"x-request-id": given})
    assert answer.headers["x-request-id"].startswith("req_")
    refused = await yard.call(CHAT, b"{", headers={"x-request-id": given})
    assert refused.headers["x-request-id"].startswith("req_")
    assert given not in refused.body.decode()
