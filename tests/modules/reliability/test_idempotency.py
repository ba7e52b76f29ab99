"""Repeated requests: one upstream call, and the same bytes for everybody who asks."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.inbound import ControlHeaders
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.core.redelivery import Redelivery
from stockyard.core.target import Target
from stockyard.errors import Refused
from stockyard.modules.reliability.idempotency import AT_ONCE_BYTES, Config, Idempotency
from stockyard.testing import RawClient
from stockyard.testing.heard import Heard
from stockyard.testing.yard import CHAT, MESSAGES, Yard, becomes
from tests.builders import an_exchange, notes, some_ports
from tests.teams import another_team

RESPONSES = "/v1/responses"
NATIVE = "/openai/v1/chat/completions"
GEMINI = "/v1beta/models/gpt-scripted:"
KEY = {"idempotency-key": "order-1"}
JSON = {"content-type": "application/json"}
GEMINI_BODY = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
INPUT_BODY = {"model": "gpt-scripted", "input": "hi"}


def body_for(yard: Yard, path: str, *, stream: bool) -> dict[str, Any]:
    if path.startswith(GEMINI):
        return GEMINI_BODY
    fields = {"stream": True} if stream else {}
    if path == RESPONSES:
        return {**INPUT_BODY, **fields}
    return {**yard.body("hi", max_tokens=9), **fields}


def asked(client: RawClient, yard: Yard, body: object, path: str = CHAT) -> None:
    client.ask(path, body, headers=yard.headers | KEY)


async def repeats(yard: Yard, joined: int) -> bool:
    """Whether so many calls wait for the answer of another one."""

    def waiting() -> int:
        running = yard.stockyard.office.running
        return sum("joined" in notes(call.x) for call in running)

    return await becomes(lambda: waiting() == joined)


def started(heard: Heard) -> bool:
    return heard.headers.get("idempotent-replay") is None


WAYS = [
    (CHAT, True),
    (CHAT, False),
    (MESSAGES, True),
    (MESSAGES, False),
    (RESPONSES, True),
    (RESPONSES, False),
    (NATIVE, True),
    (NATIVE, False),
    (GEMINI + "streamGenerateContent?alt=sse", True),
    (GEMINI + "streamGenerateContent", True),
    (GEMINI + "generateContent", False),
]


@pytest.mark.parametrize(("path", "stream"), WAYS, ids=str)
async def test_s51_two_clients_one_upstream_call_equal_bytes(
    yard: Yard, path: str, stream: bool
) -> None:
    openai = yard.provider("openai").streams("one", " two", " three")
    openai.stalls_after("first_content" if stream else "head")
    yard.enable("idempotency")
    await yard.open()
    body = body_for(yard, path, stream=stream)
    first = asyncio.create_task(yard.call(path, body, headers=KEY))
    assert await openai.called()
    second = asyncio.create_task(yard.call(path, body, headers=KEY))
    assert await repeats(yard, 1)
    openai.goes_on()
    heard, again = await first, await second
    later = await yard.call(path, body, headers=KEY)
    assert b"three" in heard.body
    assert heard.complete
    for other in (again, later):
        assert (other.status, other.body, other.complete) == (200, heard.body, True)
        assert other.headers["content-type"] == heard.headers["content-type"]
        assert other.headers.get("content-length") == heard.headers.get("content-length")
        assert other.headers["idempotent-replay"] == "true"
        assert other.headers["x-request-id"] != heard.headers["x-request-id"]
    assert "idempotent-replay" not in heard.headers
    assert len(openai.requests) == 1


async def test_s51_twenty_who_ask_at_once_share_one_call(yard: Yard) -> None:
    openai = yard.provider("openai").streams(*["word "] * 50).slowly(between=0.002)
    yard.enable("idempotency")
    await yard.open()
    heard = await asyncio.gather(*(yard.stream("hi", headers=KEY) for _ in range(20)))
    assert len({one.body for one in heard}) == 1
    assert heard[0].text == "word " * 50
    assert [started(one) for one in heard].count(True) == 1
    assert len(openai.requests) == 1
    assert await yard.ended(20)
    assert sum(call.usage is not None for call in yard.calls) == 1
    assert sum(call.findings == ["idempotency joined"] for call in yard.calls) == 19


async def test_a_repeat_has_a_trace_of_its_own_that_counts_nothing_twice(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency")
    await yard.chat("hi", headers=KEY)
    await yard.chat("hi", headers=KEY)
    first, again = yard.calls
    assert first.usage is not None
    assert (again.usage, again.exchange.stored_usage) == (None, first.usage)
    assert (again.attempts, again.status, again.streamed) == ([], 200, False)
    assert again.exchange.target == Target("openai", "gpt-scripted")
    assert again.exchange.id != first.exchange.id
    [finding] = again.exchange.findings
    assert (finding.action, finding.detail) == ("replayed", {"of": first.exchange.id})


async def test_repeats_use_up_no_limit(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency")
    yard.enable("ratelimit", limits=[{"calls": 1, "per_seconds": 3600, "by": "key"}])
    statuses = [(await yard.chat("hi", headers=KEY)).status for _ in range(3)]
    assert statuses == [200, 200, 200]
    assert (await yard.chat("hi")).status == 429


# What is the same request


@pytest.mark.parametrize(
    ("path", "prompt"),
    [(CHAT, "ho"), (MESSAGES, "hi"), (NATIVE, "hi"), (CHAT + "?a=1", "hi")],
    ids=["body", "path", "native path", "query"],
)
async def test_another_request_with_the_same_key_is_refused(
    yard: Yard, path: str, prompt: str
) -> None:
    openai = yard.provider("openai").says("hello")
    yard.enable("idempotency")
    await yard.chat("hi", headers=KEY, max_tokens=9)
    heard = await yard.call(path, yard.body(prompt, max_tokens=9), headers=KEY)
    assert heard.status == 422
    assert "Idempotency-Key" in json.dumps(heard.json)
    assert yard.last.refused_by == "idempotency"
    assert yard.last.findings == ["idempotency mismatch"]
    assert len(openai.requests) == 1


async def test_the_same_value_of_two_keys_or_two_teams_is_not_the_same(yard: Yard) -> None:
    openai = yard.provider("openai").says("one", "two", "three")
    yard.enable("idempotency")
    theirs = await another_team(yard)
    _, secret = await yard.stockyard.keys.create("second")
    ours = {"authorization": f"Bearer {secret}"}
    texts = [(await yard.chat("hi", headers=KEY | who)).text for who in ({}, ours, theirs)]
    again = [(await yard.chat("hi", headers=KEY | who)).text for who in ({}, ours, theirs)]
    assert texts == again == ["one", "two", "three"]
    assert len(openai.requests) == 3


async def test_a_large_body_is_told_apart_by_its_last_byte(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency")
    prompt = "x" * AT_ONCE_BYTES
    statuses = [(await yard.chat(prompt + last, headers=KEY)).status for last in ("a", "a", "b")]
    assert statuses == [200, 200, 422]


async def test_too_long_a_key_is_refused(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("idempotency", max_key_chars=6)
    heard = await yard.chat("hi", headers=KEY)
    assert (heard.status, heard.json["error"]["code"]) == (400, "invalid_control_header")


# Calls that are not covered


async def test_calls_without_the_header_do_not_pass_the_module(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.enable("idempotency")
    await yard.chat("hi")
    await yard.chat("hi")
    assert len(openai.requests) == 2
    assert "idempotency on_request" not in yard.last.strip
    line = yard.stockyard.line
    assert not line.pipelines["chat"].waits
    assert line.keyed.pipelines["chat"].is_keyed


async def test_while_it_is_off_both_kinds_of_call_have_the_same_pipelines(yard: Yard) -> None:
    yard.enable("idempotency")
    await yard.open()
    yard.disable("idempotency")
    line = yard.stockyard.line
    assert line.keyed.pipelines is line.pipelines


async def test_things_that_a_provider_stores_are_not_covered(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, b'{"id":"batch_1","object":"batch"}')
    yard.enable("idempotency")
    for path in ("/v1/batches", "/openai/v1/batches"):
        openai.requests.clear()
        for _ in range(2):
            assert (await yard.call(path, {"endpoint": CHAT}, headers=KEY)).status == 200
        assert [request.headers.get("idempotency-key") for request in openai.requests] == [
            "order-1",
            "order-1",
        ]


async def test_paths_without_a_codec_are_covered(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, b'{"id":"ftjob-1"}')
    yard.enable("idempotency")
    path, body = "/openai/v1/fine_tuning/jobs", {"model": "gpt-scripted"}
    first = await yard.call(path, body, headers=KEY)
    again = await yard.call(path, body, headers=KEY)
    assert (again.status, again.body) == (200, first.body)
    assert len(openai.requests) == 1


async def test_what_a_repeat_names_is_not_counted_again(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, b'{"id":"ftjob-1"}')
    yard.enable("idempotency")
    path, body = "/openai/v1/fine_tuning/jobs", {"model": "gpt-scripted"}
    await yard.call(path, body, headers=KEY)
    owed, team = yard.stockyard.reception.keepers.owed, yard.last.exchange.caller.team_id
    assert await becomes(lambda: owed.owes(team, "ftjob-1"))
    await owed.settle(team, "ftjob-1")
    await yard.call(path, body, headers=KEY)
    assert yard.last.findings == ["idempotency replayed"]
    assert not owed.owes(team, "ftjob-1")


# Running calls


async def test_a_repeat_of_a_running_call_is_refused_if_so_set(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency", in_flight="refuse")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        refused = await yard.stream("hi", headers=KEY)
        assert refused.status == 409
        assert refused.json["error"]["code"] == "idempotency_in_flight"
        assert refused.headers["retry-after"] == "1"
        openai.goes_on()
        await first.until(b"[DONE]")
    assert (await yard.stream("hi", headers=KEY)).text == "onetwo"
    assert len(openai.requests) == 1


async def test_when_the_first_leaves_the_call_is_finished_for_a_caller_who_comes_back(
    yard: Yard,
) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
    assert await becomes(lambda: not yard.stockyard.front.lanes)
    openai.goes_on()
    assert await yard.ended(1)
    assert (yard.last.status, yard.last.abandoned) == (200, False)
    assert yard.last.findings == ["idempotency went_on"]
    assert yard.last.usage is not None
    heard = await yard.stream("hi", headers=KEY)
    assert (heard.text, heard.ended) == ("onetwo", True)
    assert len(openai.requests) == 1


async def test_when_the_first_leaves_a_whole_answer_is_kept_as_well(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello").stalls_after("head")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi"))
        assert await openai.called()
    assert await becomes(lambda: not yard.stockyard.front.lanes)
    second = asyncio.create_task(yard.chat("hi", headers=KEY))
    assert await repeats(yard, 1)
    openai.goes_on()
    assert (await second).text == "hello"
    assert len(openai.requests) == 1


@pytest.mark.parametrize("on_abandon", ["finish", "stop"])
async def test_when_the_first_leaves_those_who_joined_get_everything(
    yard: Yard, on_abandon: str
) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency", on_abandon=on_abandon)
    async with yard.raw() as second:
        async with yard.raw() as first:
            asked(first, yard, yard.body("hi", stream=True))
            await first.until(b"one")
            asked(second, yard, yard.body("hi", stream=True))
            await second.until(b"one")
        assert await becomes(lambda: len(yard.stockyard.front.lanes) == 1)
        openai.goes_on()
        await second.until(b"[DONE]")
    assert len(openai.requests) == 1
    assert (await yard.stream("hi", headers=KEY)).text == "onetwo"


async def test_when_all_have_left_the_call_is_stopped_if_so_set(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    openai.streams("again")
    yard.enable("idempotency", on_abandon="stop")
    async with yard.raw() as second, yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        asked(second, yard, yard.body("hi", stream=True))
        await second.until(b"one")
    assert await openai.closed_by_client()
    assert await yard.ended(2)
    assert [call.status for call in yard.calls] == [499, 499]
    assert (await yard.stream("hi", headers=KEY)).text == "again"


async def test_one_who_joined_may_leave(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        async with yard.raw() as second:
            asked(second, yard, yard.body("hi", stream=True))
            await second.until(b"one")
        assert await yard.ended(1)
        assert (yard.last.status, yard.last.abandoned) == (499, True)
        openai.goes_on()
        await first.until(b"[DONE]")
    assert yard.last.status == 200


async def test_one_who_waits_for_the_head_may_leave(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello").stalls_after("nothing")
    yard.enable("idempotency")
    first = asyncio.create_task(yard.chat("hi", headers=KEY))
    assert await openai.called()
    async with yard.raw() as second:
        asked(second, yard, yard.body("hi"))
        assert await repeats(yard, 1)
    assert await yard.ended(1)
    assert yard.last.status == 499
    openai.goes_on()
    assert (await first).text == "hello"


async def test_a_stop_of_the_process_ends_what_nobody_waits_for(tmp_path: Path) -> None:
    async with Yard(tmp_path) as yard:
        openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
        yard.enable("idempotency")
        async with yard.raw() as first:
            asked(first, yard, yard.body("hi", stream=True))
            await first.until(b"one")
        assert await becomes(lambda: not yard.stockyard.front.lanes)
        assert len(yard.stockyard.office.running) == 1
    assert not yard.stockyard.office.running
    assert yard.last.status == 499
    assert len(openai.requests) == 1


# Calls that fail


@pytest.mark.parametrize("path", [CHAT, MESSAGES, NATIVE])
async def test_a_failure_before_content_is_everybodys_and_is_forgotten(
    yard: Yard, path: str
) -> None:
    openai = yard.provider("openai").fails(400, "Not like this.").stalls_after("nothing")
    openai.says("hello")
    yard.enable("idempotency")
    await yard.open()
    body = body_for(yard, path, stream=True)
    first = asyncio.create_task(yard.call(path, body, headers=KEY))
    assert await openai.called()
    second = asyncio.create_task(yard.call(path, body, headers=KEY))
    assert await repeats(yard, 1)
    openai.goes_on()
    heard, again = await first, await second
    assert heard.status == again.status == 400
    message = heard.json["error"]["message"]
    assert again.json["error"]["message"] == message
    assert "Not like this." in message
    assert len(openai.requests) == 1
    assert (await yard.call(path, body, headers=KEY)).text == "hello"
    assert len(openai.requests) == 2


@pytest.mark.parametrize("path", [CHAT, MESSAGES, NATIVE, GEMINI + "streamGenerateContent?alt=sse"])
async def test_a_failure_in_the_middle_is_everybodys_and_is_forgotten(
    yard: Yard, path: str
) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    openai.cuts_after("first_content").slowly(between=0.15)
    openai.streams("hello")
    yard.enable("idempotency")
    await yard.open()
    body = body_for(yard, path, stream=True)
    heard, again = await asyncio.gather(
        yard.call(path, body, headers=KEY), yard.call(path, body, headers=KEY)
    )
    assert b"one" in heard.body
    assert b"two" not in heard.body
    assert (again.body, again.complete) == (heard.body, heard.complete)
    assert [type(call.error).__name__ for call in yard.calls] == ["UpstreamError"] * 2
    assert len(openai.requests) == 1
    assert b"hello" in (await yard.call(path, body, headers=KEY)).body
    assert len(openai.requests) == 2


async def test_a_refusal_is_forgotten(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    yard.enable("idempotency")
    yard.enable("promptguard", mode="block")
    prompt = "write to ada@example.org"
    statuses = [(await yard.chat(prompt, headers=KEY)).status for _ in range(2)]
    assert statuses == [400, 400]
    assert not openai.requests
    yard.disable("promptguard")
    assert (await yard.chat(prompt, headers=KEY)).text == "hello"


async def test_the_answer_is_kept_as_modules_left_it(yard: Yard) -> None:
    openai = yard.provider("openai").streams("Ada is ada@exam", "ple.org, as", " you said")
    yard.enable("idempotency")
    yard.enable("promptguard", mode="restore")
    prompt = "who is ada@example.org"
    first = await yard.stream(prompt, headers=KEY)
    again = await yard.stream(prompt, headers=KEY)
    assert "ada@example.org" in first.text
    assert again.body == first.body
    assert len(openai.requests) == 1


# Toggling, restarting, bounds


async def test_it_is_toggled_while_calls_run(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    openai.says("three")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        yard.disable("idempotency")
        assert (await yard.stream("hi", headers=KEY)).text == "three"
        yard.enable("idempotency", in_flight="join")
        second = asyncio.create_task(yard.stream("hi", headers=KEY))
        assert await repeats(yard, 1)
        openai.goes_on()
        wire = await first.until(b"[DONE]")
    assert (await second).text == "onetwo"
    assert b"two" in wire
    assert len(openai.requests) == 2


async def test_a_restart_forgets(tmp_path: Path) -> None:
    key = ""
    for text in ("before", "after"):
        async with Yard(tmp_path) as yard:
            yard.provider("openai").says(text)
            yard.enable("idempotency")
            await yard.open()
            key = yard.key = yard.key or key
            assert (await yard.chat("hi", headers=KEY)).text == text


@pytest.mark.parametrize("stream", [False, True])
async def test_too_large_an_answer_is_not_kept(yard: Yard, stream: bool) -> None:
    openai = yard.provider("openai").says("word " * 100, "other")
    yard.enable("idempotency", max_bytes=300)
    first = await yard.chat("hi", headers=KEY, stream=stream)
    assert yard.last.findings == ["idempotency not_kept"]
    again = await yard.chat("hi", headers=KEY, stream=stream)
    assert (first.text, again.text) == ("word " * 100, "other")
    assert len(openai.requests) == 2


async def test_one_who_joined_in_time_gets_all_of_a_large_answer(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", *["x" * 1000] * 50)
    openai.stalls_after("first_content").says("made again")
    yard.enable("idempotency", max_bytes=5_000)
    async with yard.raw() as first, yard.raw() as second:
        for client in (first, second):
            asked(client, yard, yard.body("hi", stream=True))
            await client.until(b"one")
        openai.goes_on()
        for client in (first, second):
            await client.until(b"[DONE]")
        assert first.reply.body == second.reply.body
    assert len(openai.requests) == 1
    assert (await yard.stream("hi", headers=KEY)).text == "made again"


PIECES = ["x" * 100_000] * 200
LARGE = 19_000_000
"""Less than all of it, and more than the buffers of two sockets hold."""


def reads_slowly(client: RawClient) -> None:
    client._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound


async def taken(client: RawClient) -> tuple[int, bytes]:
    """How many bytes came until the end of the stream, and the last of them."""
    client._reader._limit = 1 << 20  # type: ignore[attr-defined]  # a stream's own bound
    size, last = 0, b""
    while not last.endswith(b"\r\n0\r\n\r\n") and (data := await client.read()):
        client.reads.clear()
        size += len(data)
        last = last[-100:] + data
    return size, last


@pytest.mark.slow
async def test_one_who_reads_slowly_slows_nobody_and_is_cut_off(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", *PIECES).stalls_after("first_content")
    yard.enable("idempotency", max_bytes=1_000_000)
    async with yard.raw() as slow, yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        reads_slowly(slow)
        asked(slow, yard, yard.body("hi", stream=True))
        await slow.until(b"one")
        openai.goes_on()
        size, last = await taken(first)
        assert size > LARGE
        assert b"[DONE]" in last
        size, last = await taken(slow)
        assert size < LARGE
        assert b"[DONE]" not in last
    assert await yard.ended(2)
    codes = [getattr(call.error, "code", None) for call in yard.calls]
    assert sorted(codes, key=str) == [None, "stream_stalled"]


@pytest.mark.slow
async def test_if_the_first_reads_slowly_the_others_get_on(yard: Yard) -> None:
    """As when its connection is dead, and that is why it asks again."""
    openai = yard.provider("openai").streams("one", *PIECES)
    yard.enable("idempotency", max_bytes=67_108_864)
    async with yard.raw() as slow, yard.raw() as second:
        reads_slowly(slow)
        asked(slow, yard, yard.body("hi", stream=True))
        await slow.until(b"one")
        await asyncio.sleep(0.2)
        assert openai.last.answered_at is None  # held up
        asked(second, yard, yard.body("hi", stream=True))
        size, last = await taken(second)
        assert size > LARGE
        assert b"[DONE]" in last
    assert len(openai.requests) == 1


@pytest.mark.slow
async def test_while_all_read_slowly_the_provider_is_held_up(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", *PIECES)
    yard.enable("idempotency", max_bytes=67_108_864)
    async with yard.raw() as first, yard.raw() as second:
        for client in (first, second):
            reads_slowly(client)
            asked(client, yard, yard.body("hi", stream=True))
            await client.until(b"one")
        await asyncio.sleep(0.2)
        assert openai.last.answered_at is None
        sizes = await asyncio.gather(taken(first), taken(second))
        assert all(size > LARGE and b"[DONE]" in last for size, last in sizes)


# The module alone


def keyed(key: str = "k", *, id: str = "req_1", **caller: Any) -> Exchange:
    return an_exchange(
        asked=ControlHeaders(idempotency=key), id=id, caller=Caller(**{"key_id": "key_1", **caller})
    )


async def test_if_there_is_no_room_the_call_is_made_all_the_same() -> None:
    ports = some_ports()
    ports.claims._max_bytes = 10  # type: ignore[attr-defined]  # a small one
    module, x = Idempotency(Config(), ports), keyed()
    assert await module.on_request(x) is None
    assert x.claim is None
    assert notes(x) == ["not_kept"]


async def test_when_too_many_have_joined_the_next_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stockyard.core.claim.MAX_READERS", 2)
    module = Idempotency(Config(), some_ports())
    assert await module.on_request(keyed()) is None
    for id in ("req_2", "req_3"):
        assert isinstance(await module.on_request(keyed(id=id)), Redelivery)
    with pytest.raises(Refused, match="still running"):
        await module.on_request(keyed(id="req_4"))


class Holder(Module[ModuleConfig]):
    """Wants to read answers whole, outside of everything else."""

    name = "holder"
    category = "observe"
    stage = Stage.OBSERVE
    streaming = Streaming.WHOLE

    def on_response(self, x: Exchange) -> None:
        return


async def test_a_module_outside_that_wants_it_whole_gets_no_repeat(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.add(Holder)
    yard.enable("idempotency")
    assert (await yard.stream("hi", headers=KEY)).text == "hello"
    again = await yard.stream("hi", headers=KEY)
    assert (again.status, again.json["error"]["code"]) == (409, "idempotency_no_result")
