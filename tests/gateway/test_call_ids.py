"""The caller's own request id: kept where it may be, ours otherwise (`api.md` 1.1)."""

import pytest

from stockyard.testing.yard import CHAT, MESSAGES, Yard

KEPT = ["my-request-0001", "0123abcd", "a_b-c" * 25, "x" * 128]
NOT_KEPT = [
    "",
    "short",
    "x" * 129,
    "with space 12",
    "semi;colon;12",
    "req.with.dots",
    "\u00fcberlang",
]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_given_request_id_is_kept(yard: Yard, path: str, stream: bool) -> None:
    yard.provider("openai").says("hello")
    for given in KEPT:
        answer = await yard.call(
            path, yard.body("hi", stream=stream), headers={"x-request-id": given}
        )
        assert answer.headers["x-request-id"] == given
        assert answer.headers["x-stockyard-request-id"] == yard.last.exchange.id != given


@pytest.mark.parametrize("given", NOT_KEPT)
async def test_a_request_id_that_may_not_be_repeated_is_replaced(yard: Yard, given: str) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    async with yard.raw() as client:
        headers = {**yard.headers, "x-request-id": given}
        client.ask(CHAT, yard.body("hi"), headers=headers)
        reply = await client.answer()
    if reply.status == 200:
        assert reply.header("x-request-id") == yard.last.exchange.id
    else:
        assert reply.status == 400  # not even HTTP
    assert given == "" or given.encode() not in client.wire


async def test_errors_name_the_given_request_id(yard: Yard) -> None:
    yard.provider("openai").fails(400)
    given = {"x-request-id": "my-request-0001"}
    answer = await yard.chat("hi", headers=given)
    assert answer.headers["x-request-id"] == "my-request-0001"
    assert answer.error is not None
    assert answer.error["stockyard"]["request_id"] == "my-request-0001"
    said = await yard.call(MESSAGES, yard.body("hi"), headers=given)
    assert said.json["request_id"] == "my-request-0001"


async def test_refusals_before_there_is_a_call_name_the_given_request_id(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    given = {"x-request-id": "my-request-0001", "authorization": "Bearer sk-sy-nobody"}
    answer = await yard.chat("hi", headers=given)
    assert answer.status == 401
    assert answer.headers["x-request-id"] == "my-request-0001"
    assert answer.error is not None
    assert answer.error["stockyard"]["request_id"] == "my-request-0001"


async def test_two_calls_with_one_id_are_two_calls(yard: Yard) -> None:
    openai = yard.provider("openai").says("one").says("two")
    given = {"x-request-id": "my-request-0001"}
    texts = [(await yard.chat("hi", headers=given)).text for _ in range(2)]
    assert texts == ["one", "two"]
    assert len(openai.requests) == 2
    assert len({call.exchange.trace_id for call in yard.calls}) == 2


async def test_the_id_stays_here_and_the_clients_own_goes_on(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    await yard.chat(
        "hi", headers={"x-request-id": "ours-only-1", "x-client-request-id": "theirs-1"}
    )
    assert openai.last.headers.get("x-client-request-id") == "theirs-1"
    assert "x-request-id" not in openai.last.headers
