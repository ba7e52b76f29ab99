"""What is kept of what was said, and what never is."""

from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from stockyard.apps.lookout import store
from stockyard.apps.lookout.bodies import request_of, response_of
from stockyard.core.messages import Image, Message, Text
from stockyard.core.request import Content, Request
from stockyard.core.target import Attempt, Target
from stockyard.testing.yard import CHAT, MESSAGES, Yard, becomes
from tests.builders import an_answer, an_exchange

ANN = "ann@example.com"
BODIES = "/api/lookout/traces/{}/body?part={}"


def text_in(body: dict[str, Any]) -> str:
    parts = [part for message in body["messages"] for part in message["parts"]]
    return "".join(part.get("text", "") for part in parts)


def answer_in(body: dict[str, Any]) -> str:
    parts = [part for choice in body["choices"] for part in choice["message"]["parts"]]
    return "".join(part.get("text", "") for part in parts)


async def kept(yard: Yard) -> tuple[Any, Any] | None:
    """What is kept of the last call; None when nothing is."""
    database = yard.stockyard.database
    trace_id = yard.last.exchange.trace_id
    assert await becomes(lambda: store.trace(database, trace_id) is not None)
    await becomes(lambda: store.has_body(database, trace_id), within=0.3)
    found = store.body(database, trace_id)
    if found is None:
        return None
    request, response = (msgspec.json.decode(body) if body else None for body in found)
    return request, response


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("masked", [False, True])
async def test_full_is_what_the_caller_sent_and_got(
    yard: Yard, path: str, stream: bool, masked: bool
) -> None:
    yard.provider("openai").streams("dear [EMA", "IL_1]" if masked else "IL_9]", " hello")
    yard.enable("logging", capture="full")
    if masked:
        yard.enable("promptguard")
    heard = await yard.call(path, yard.body(f"I am {ANN}", stream=stream))
    found = await kept(yard)
    assert found is not None
    request, response = found
    assert text_in(request) == f"I am {ANN}"
    assert answer_in(response) == heard.text
    assert (ANN in heard.text) is masked
    assert "cut" not in request


@pytest.mark.parametrize("stream", [False, True])
async def test_redacted_is_what_passed_between_the_masking_modules(
    yard: Yard, stream: bool, tmp_path: Path
) -> None:
    yard.provider("openai").streams("dear [EMA", "IL_1]", " hello")
    yard.enable("logging", capture="redacted")
    yard.enable("promptguard")
    heard = await yard.chat(f"I am {ANN}", stream=stream)
    assert heard.text == f"dear {ANN} hello"
    found = await kept(yard)
    assert found is not None
    assert text_in(found[0]) == "I am [EMAIL_1]"
    assert answer_in(found[1]) == "dear [EMAIL_1] hello"
    written = [file.read_bytes() for file in yard.stockyard.folder.path.rglob("*.db*")]
    assert any(b"[EMAIL_1]" in data for data in written)
    assert not any(ANN.encode() in data for data in written)


async def test_what_was_refused_before_it_was_sent_is_not_kept_unmasked(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("logging", capture="redacted")
    yard.enable("promptguard", mode="block")
    assert (await yard.chat(f"I am {ANN}")).status == 400
    assert await kept(yard) == (None, None)


async def test_hits_are_kept_like_answers(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("logging", capture="redacted")
    yard.enable("cache")
    for stream in (False, False, True):
        await yard.chat("hi", stream=stream)
        found = await kept(yard)
        assert found is not None
        assert (text_in(found[0]), answer_in(found[1])) == ("hi", "hello")


async def test_the_caller_can_keep_its_texts_out(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("logging", capture="full")
    await yard.chat("hi", headers={"x-stockyard-capture": "metadata"})
    assert await kept(yard) is None


async def test_as_shipped_no_texts_are_kept(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.chat("hi")
    assert await kept(yard) is None
    assert yard.last.strip == ["tracelink on_request", "logging on_request"]


@pytest.mark.parametrize("capture", ["redacted", "full"])
@pytest.mark.parametrize("edited", [False, True])
async def test_of_a_stream_that_breaks_off_what_came_is_kept(
    yard: Yard, capture: str, edited: bool
) -> None:
    yard.provider("openai").streams("one ", "two ", "three").cuts_after(3)
    yard.enable("logging", capture=capture)
    if edited:
        yard.enable("promptguard")
    heard = await yard.stream()
    assert heard.error is not None
    found = await kept(yard)
    assert found is not None
    assert answer_in(found[1]) == "one two "


async def test_secrets_of_ours_are_taken_out(yard: Yard) -> None:
    yard.provider("openai").says("it is secret-of-openai, no?")
    yard.enable("logging", capture="full")
    await yard.chat(f'"secret-of-openai" and {yard.key or (await yard.open()).key}')
    found = await kept(yard)
    assert found is not None
    assert text_in(found[0]) == '"[secret]" and [secret]'
    assert answer_in(found[1]) == "it is [secret], no?"


async def test_of_other_kinds_the_texts_are_kept(yard: Yard) -> None:
    yard.enable("logging", capture="full")
    await yard.call("/v1/embeddings", {"model": "mock", "input": ["a", "b"]})
    found = await kept(yard)
    assert found is not None
    assert (found[0]["texts"], found[1]) == (["a", "b"], None)


async def test_long_ones_are_cut_at_the_border_of_a_part_and_written_out_in_a_thread(
    yard: Yard,
) -> None:
    yard.provider("openai").says("word " * 30_000)
    yard.enable("logging", capture="full", max_body_bytes=2_000)
    texts = [{"role": "user", "content": "x" * 900} for _ in range(50)]
    await yard.chat(messages=texts)
    found = await kept(yard)
    assert found is not None
    request, response = found
    assert request["cut"] is response["cut"] is True
    assert text_in(request) == "x" * 1800
    assert response["choices"] == []


@pytest.mark.parametrize(
    ("most", "texts", "cut"), [(1000, 3, False), (100, 2, True), (60, 1, True), (1, 0, True)]
)
def test_whole_parts_are_kept_as_long_as_there_is_room(most: int, texts: int, cut: bool) -> None:
    parts = tuple(Text(text="twenty characters ..") for _ in range(3))
    content = Content(messages=(Message(role="user", parts=parts),))
    body = request_of(Request(model="m", content=content), most)
    assert body is not None
    said = msgspec.json.decode(body.json)
    assert text_in(said) == "twenty characters .." * texts
    assert said.get("cut", False) is cut


def test_a_picture_that_has_no_room_ends_what_is_kept() -> None:
    parts = (Text(text="look"), Image(data="A" * 10_000, media_type="image/png"), Text(text="so"))
    content = Content(messages=(Message(role="user", parts=parts),))
    body = request_of(Request(model="m", content=content), 500)
    assert body is not None
    assert text_in(msgspec.json.decode(body.json)) == "look"
    answer = response_of(an_answer("hello"), 500)
    assert answer is not None
    assert answer_in(msgspec.json.decode(answer.json)) == "hello"


async def test_only_who_may_reads_them_and_no_browser_runs_them(yard: Yard) -> None:
    yard.provider("openai").says("<script>hello</script>")
    yard.enable("logging", capture="full")
    yard.set("auth.local_reads", "off")
    await yard.chat("hi")
    await kept(yard)
    trace_id = yard.last.exchange.trace_id
    path = BODIES.format(trace_id, "response")
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    assert (await yard.get(path)).status == 403, "its own Key sees its calls, and no texts"
    heard = await yard.get(path, headers=admin)
    assert heard.status == 200
    assert answer_in(heard.json) == "<script>hello</script>"
    assert heard.headers["content-type"].startswith("text/plain")
    assert heard.headers["content-disposition"] == "attachment"
    assert heard.headers["content-security-policy"].startswith("sandbox")
    assert heard.headers["x-content-type-options"] == "nosniff"
    detail = (await yard.get(f"/api/lookout/traces/{trace_id}", headers=admin)).json
    assert detail["has_body"] is True
    assert "hello" not in msgspec.json.encode(detail).decode()
    listed = (await yard.get("/api/lookout/traces?filter=has:body", headers=admin)).json
    assert [trace["id"] for trace in listed["traces"]] == [trace_id]
    missing = await yard.get(BODIES.format("tr_nothing", "request"), headers=admin)
    assert (missing.status, missing.json["code"]) == (404, "body_not_captured")


async def test_they_go_when_their_time_is_over_and_the_row_stays(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("logging", capture="full", body_days=1)
    await yard.chat("hi")
    await kept(yard)
    database, trace_id = yard.stockyard.database, yard.last.exchange.trace_id
    long_ago = yard.last.exchange.started_at_ms - 2 * 86_400_000
    await database.write(
        lambda transaction: transaction.execute("update bodies set kept_at = :at", {"at": long_ago})
    )
    [job] = [job for job in yard.stockyard.jobs._jobs if job.name == "lookout.retention"]
    await job.run()
    assert not store.has_body(database, trace_id)
    assert store.trace(database, trace_id) is not None


FOUND = [
    ("falcon", "1"),
    ("FALCON", "1"),
    ("falc*", "1"),
    ("falc", ""),
    ('"brown falcon"', "1"),
    ('"falcon brown"', ""),
    ("dear", "12"),
    ("dear -falcon", "2"),
    ("dear model:gpt*", "12"),
    ("secret-of-openai", ""),
    (r'"a \"quoted\" word"', ""),
    ("!!!", ""),
]


async def test_words_are_searched_for_where_they_may(yard: Yard) -> None:
    yard.provider("openai").says("dear customer, a brown falcon", "dear secret-of-openai")
    yard.enable("logging", capture="full", searchable=True)
    yard.set("auth.local_reads", "off")
    ids = {}
    for number in ("1", "2"):
        await yard.chat(f"question {number}")
        await kept(yard)
        ids[yard.last.exchange.trace_id] = number
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    for filter_, found in FOUND:
        path = "/api/lookout/traces?filter=" + quote(filter_)
        assert (await yard.get(path)).status == 403, "a Key may not search for words"
        listed = (await yard.get(path, headers=admin)).json
        assert sorted(ids[trace["id"]] for trace in listed["traces"]) == list(found), filter_


async def test_words_go_with_their_text_and_are_kept_only_where_they_are_wanted(
    yard: Yard,
) -> None:
    yard.provider("openai").says("falcon")
    for searchable in (False, True):
        yard.enable("logging", capture="full", searchable=searchable)
        await yard.chat("hi")
        await kept(yard)
    database = yard.stockyard.database
    words = "select count(*) from body_words where body_words match 'falcon'"
    assert database.read(words) == [(1,)]
    later = yard.last.exchange.started_at_ms + 1_000
    assert await database.write(partial(store.delete_bodies_older, before=later, limit=9)) == 2
    assert database.read(words) == [(0,)]


@pytest.mark.parametrize("length", [1, 20_000])
async def test_what_cannot_be_written_is_dropped_and_nothing_else(yard: Yard, length: int) -> None:
    await yard.open()
    dropped: list[None] = []
    recorder = yard.stockyard.bodies
    recorder._dropped = lambda: dropped.append(None)
    x = an_exchange("\ud800" * length)
    x.capture, x.body_bytes = "full", 1 << 20
    x.attempts.append(Attempt(target=Target("one", "m"), started_us=0, bytes_in=length))
    recorder.record(x)
    assert await becomes(lambda: len(dropped) == 1)
    assert recorder.queue.counts().queued == 0


@pytest.mark.parametrize(("bound", "most"), [("MOST_AT_ONCE", 2), ("MOST_BYTES", 100_000)])
async def test_of_many_long_ones_some_wait_and_when_they_are_written_others_may(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    await yard.open()
    monkeypatch.setattr(f"stockyard.apps.lookout.bodies.{bound}", most)
    dropped: list[None] = []
    recorder = yard.stockyard.bodies
    recorder._dropped = lambda: dropped.append(None)
    for round_ in (1, 2):
        for _ in range(3):
            x = an_exchange("a")
            x.capture, x.body_bytes = "full", 1 << 20
            x.attempts.append(Attempt(target=Target("one", "m"), started_us=0, bytes_in=40_000))
            recorder.record(x)
        assert await becomes(lambda: not recorder._waiting)
        assert len(dropped) == round_
    assert recorder._waiting_bytes == 0


async def test_no_more_waits_than_may(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    await yard.open()
    monkeypatch.setattr("stockyard.apps.lookout.bodies.MOST_BYTES", 30_000)
    recorder = yard.stockyard.bodies
    x = an_exchange("a")
    x.capture, x.body_bytes = "full", 1 << 20
    x.attempts.append(Attempt(target=Target("one", "m"), started_us=0, bytes_in=40_000))
    recorder.record(x)
    assert yard.stockyard.standings.of("logging").decisions["body_dropped"] == 1
