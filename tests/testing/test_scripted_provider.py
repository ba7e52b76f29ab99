"""The scripted provider does what it is told, on a real socket."""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httptools
import msgspec
import pytest

from stockyard.testing import ScriptedProvider, cut_at, cut_every, cut_randomly
from stockyard.testing.cuts import Cuts
from stockyard.testing.play import Point
from stockyard.testing.script import Script
from stockyard.testing.steps import Farewell

Telling = Callable[[ScriptedProvider], Script]

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


class Client:
    """A plain socket that sends a call and keeps every read apart."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.reads: list[bytes] = []
        self.reset = False

    @property
    def wire(self) -> bytes:
        return b"".join(self.reads)

    @property
    def body(self) -> bytes:
        """What followed the head, without chunk framing, as far as it came."""
        return b"".join(self.pieces)

    @property
    def pieces(self) -> list[bytes]:
        """The body's chunks, or the whole of it."""
        return parsed(self.wire).pieces

    @property
    def status(self) -> int:
        return parsed(self.wire).status

    def ask(self, path: str = CHAT, *, stream: bool = False, **more: object) -> None:
        fields = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
        body = json.dumps(fields | ({"stream": True} if stream else {})).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: p\r\nX-Case: Kept\r\nContent-Length: {len(body)}\r\n"
        self.writer.write(head.encode() + b"Accept-Encoding: gzip\r\n\r\n" + body)

    async def read(self) -> bytes:
        """One read; empty when the provider is done with this connection."""
        try:
            data = await asyncio.wait_for(self.reader.read(65536), 2)
        except ConnectionResetError:
            self.reset, data = True, b""
        self.reads += [data] if data else []
        return data

    async def until(self, what: bytes) -> bytes:
        while what not in self.wire:
            assert await self.read(), f"{what!r} never came; there was {self.wire!r}"
        return self.wire

    async def answer(self) -> "Client":
        """The next answer, read until it is complete."""
        self.reads.clear()
        while not (self.reads and parsed(self.wire).complete):
            assert await self.read(), f"the answer ends early: {self.wire!r}"
        return self

    async def until_quiet(self) -> bytes:
        """Everything that comes before the provider falls silent."""
        while True:
            try:
                data = await asyncio.wait_for(self.reader.read(65536), 0.05)
            except TimeoutError:
                return self.wire
            assert data, "the provider hung up instead"
            self.reads.append(data)

    async def to_the_end(self) -> bytes:
        while await self.read():
            pass
        return self.wire

    async def aclose(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass  # the provider reset it, as it was told to


class Parsed:
    """What an HTTP parser makes of an answer, complete or not; 1xx answers are left out."""

    def __init__(self) -> None:
        self.status = 0
        self.pieces: list[bytes] = []
        self.complete = False

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.complete = True


def parsed(wire: bytes) -> Parsed:
    out = Parsed()
    parser = httptools.HttpResponseParser(out)
    parser.feed_data(wire)
    out.status = parser.get_status_code()
    out.complete = out.complete and out.status >= 200
    return out


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider(patience=5) as provider:
        yield provider


@pytest.fixture
async def client(provider: ScriptedProvider) -> AsyncIterator[Client]:
    client = await connected(provider)
    yield client
    await client.aclose()


async def connected(provider: ScriptedProvider) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", provider.port))


def events(body: bytes) -> list[dict[str, Any]]:
    found = re.findall(rb"^data: (\{.*\})$", body, re.MULTILINE)
    return [json.loads(data) for data in found]


# What it remembers.


async def test_a_request_is_remembered_as_it_came(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.says("hello")
    client.ask(CHAT + "?a=1", temperature=0.5)
    await client.until(b"hello")

    last = provider.last
    assert (last.method, last.target, last.path, last.query) == ("POST", CHAT + "?a=1", CHAT, "a=1")
    assert last.prompt == "hi"
    assert last.json["temperature"] == 0.5
    assert json.loads(last.body) == last.json
    assert (b"X-Case", b"Kept") in last.raw_headers
    assert last.headers["x-case"] == "Kept"
    assert last.answered_at is not None


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        ("plain", "plain"),
        ([{"type": "text", "text": "two "}, {"type": "text", "text": "parts"}], "two parts"),
        ([{"type": "image_url"}, {"type": "text", "text": "seen"}], "seen"),
        (None, ""),
    ],
)
async def test_the_prompt_is_the_last_thing_the_user_said(
    provider: ScriptedProvider, client: Client, content: object, prompt: str
) -> None:
    provider.says("ok")
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": "x"}]
    client.ask(messages=turns)
    await client.until(b"ok")
    assert provider.prompts == [prompt]


async def test_a_body_that_is_not_json_is_kept_too(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.sends(200, {}, b"fine")
    client.writer.write(b"POST /upload HTTP/1.1\r\nhost: p\r\ntransfer-encoding: chunked\r\n\r\n")
    client.writer.write(b"3\r\n\x00\x01\xff\r\n0\r\n\r\n")
    await client.until(b"fine")
    assert provider.last.body == b"\x00\x01\xff"
    assert provider.last.json is None
    assert provider.last.prompt == ""


async def test_a_call_that_expects_100_is_told_to_go_on(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.says("ok")
    head = b"POST /v1/messages HTTP/1.1\r\nhost: p\r\ncontent-length: 2\r\n"
    client.writer.write(head + b"expect: 100-continue\r\n\r\n")
    await client.until(b"100 Continue")
    client.writer.write(b"{}")
    await client.until(b"ok")


async def test_connections_are_kept_and_counted(provider: ScriptedProvider, client: Client) -> None:
    provider.says("one", "two")
    for word in (b"one", b"two"):
        client.ask()
        await client.until(word)
    other = await connected(provider)
    other.ask()
    await other.until(b"two")
    await other.aclose()

    assert [request.connection for request in provider.requests] == [1, 1, 2]
    assert provider.connections == 2


async def test_a_connection_the_client_does_not_keep_is_closed(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.says("bye")
    client.writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: p\r\nconnection: close\r\n\r\n")
    assert b"bye" in await client.to_the_end()
    assert provider.last.closed_at is None, "it was the provider who closed"


async def test_it_tells_when_the_client_hangs_up(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.streams("a", "b").stalls_after("first_content")
    client.ask(stream=True)
    await client.until(b'"a"')
    assert not await provider.closed_by_client(0.01)
    await client.aclose()
    assert await provider.closed_by_client()
    assert provider.last.answered_at is None


async def test_it_tells_whether_it_was_called(provider: ScriptedProvider, client: Client) -> None:
    provider.says("ok")
    assert not await provider.called(within=0.01)
    client.ask()
    assert await provider.called()
    assert not await provider.called(times=2, within=0.01)
    with pytest.raises(LookupError):
        assert ScriptedProvider().last


# The order of a script.


async def test_the_script_is_played_in_order_and_its_last_line_stays(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.fails(503).says("one", "two")
    seen = []
    for _ in range(4):
        client.ask()
        found = re.search(rb"told to fail|one|two", (await client.answer()).body)
        seen.append(found.group() if found else b"?")
    assert seen == [b"told to fail", b"one", b"two", b"two"]


async def test_later_words_change_what_was_said_last(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.says("untouched").says("a", "b").counts(1, 2)
    counts = []
    for _ in range(3):
        client.ask()
        counts.append(json.loads((await client.answer()).body)["usage"]["prompt_tokens"])
    assert counts == [9, 1, 1]


def test_a_word_without_anything_to_change_is_a_mistake() -> None:
    with pytest.raises(RuntimeError):
        Script().counts(1, 2)
    with pytest.raises(TypeError):
        Script().fails(500).thinks("hm")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_provider_without_a_script_says_so(
    provider: ScriptedProvider, client: Client, path: str
) -> None:
    client.ask(path)
    await client.answer()
    assert client.status == 501
    assert b"nothing scripted" in client.body


async def test_a_path_in_no_format_gets_only_raw_answers(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.says("hello").sends(200, {"content-type": "text/csv"}, b"raw")
    client.ask("/v1/other")
    await client.until(b"can answer /v1/other")
    client.ask("/v1/other")
    await client.until(b"\r\n\r\nraw")


async def test_a_script_that_makes_no_sense_fails_the_test() -> None:
    provider = await ScriptedProvider().__aenter__()
    provider.says("plain ascii").stalls_after("half_character")
    client = await connected(provider)
    client.ask(stream=True)
    assert await client.to_the_end() == b""
    await client.aclose()
    with pytest.raises(ValueError, match="character"):
        await provider.aclose()


# Errors.


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
    provider: ScriptedProvider, client: Client, path: str, status: int, kind: str, code: str | None
) -> None:
    provider.fails(status, "No.", retry_after=2)
    client.ask(path)
    assert b"retry-after: 2\r\n" in await client.until(b"}")
    assert client.status == status
    body = json.loads(client.body)
    assert (body["error"]["type"], body["error"].get("code")) == (kind, code)
    assert body["error"]["message"] == "No."


async def test_an_error_may_have_a_kind_and_a_code_of_its_own(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.fails(429, code="insufficient_quota", kind="insufficient_quota", times=2)
    client.ask(CHAT)
    await client.until(b'"code":"insufficient_quota"')
    client.ask(MESSAGES)
    await client.until(b'"details":{"error_code":"insufficient_quota"}')


# Streams.


async def test_a_stream_sends_the_pieces_it_was_given(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.streams("my proj", "ect fal", "con")
    client.ask(stream=True)
    await client.until(b"0\r\n\r\n")
    texts = [e["choices"][0]["delta"].get("content") for e in events(client.body)]
    assert texts == ["", "my proj", "ect fal", "con", None]
    assert client.body.endswith(b"data: [DONE]\n\n")


async def test_usage_comes_only_when_the_client_asked(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.says("hi")
    client.ask(stream=True)
    await client.until(b"0\r\n\r\n")
    assert b"usage" not in client.body

    client.reads.clear()
    client.ask(stream=True, stream_options={"include_usage": True})
    await client.until(b"0\r\n\r\n")
    *earlier, counted = events(client.body)
    assert counted["choices"] == []
    assert counted["usage"]["total_tokens"] == 21
    assert all(chunk["usage"] is None for chunk in earlier)


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (msgspec.Raw(b"1e400"), b'"prompt_tokens":1e400'),
        (msgspec.Raw(b"NaN"), b'"prompt_tokens":NaN'),
        (-1, b'"prompt_tokens":-1'),
        ("12", b'"prompt_tokens":"12"'),
        (None, b'"prompt_tokens":null'),
        ([12], b'"prompt_tokens":[12]'),
        (msgspec.UNSET, b'"usage":{"completion_tokens":12}'),
    ],
)
async def test_a_count_may_be_any_json(
    provider: ScriptedProvider, client: Client, count: object, written: bytes
) -> None:
    provider.says("hi").counts(input=count)
    client.ask()
    await client.until(written)


SHAPES: dict[str, tuple[Telling, str]] = {
    "twice": (lambda s: s.counts_twice(), "open content finish usage usage end"),
    "never": (lambda s: s.counts_nothing(), "open content finish end"),
    "after the end": (lambda s: s.counts_after_the_end(), "open content finish end usage"),
    "no terminator": (lambda s: s.without_terminator(), "open content finish usage"),
    "no finish": (lambda s: s.without_finish(), "open content usage end"),
    "two terminators": (lambda s: s.ends_twice(), "open content finish usage end end"),
    "cut": (lambda s: s.cuts_after(2), "open content"),
    "cut later": (lambda s: s.cuts_after("finish"), "open content finish"),
    "error": (lambda s: s.fails_after("open"), "open error"),
    "comment": (
        lambda s: s.inserts(b": ping\n\n", after="open"),
        "open comment content finish usage end",
    ),
    "junk": (
        lambda s: s.inserts(b": junk\n\n", after="end"),
        "open content finish usage end comment",
    ),
}


def kinds(body: bytes) -> str:
    """The order of a stream's events, in one word each, in either format."""
    names = {
        "open": rb'"role":"assistant"',
        "content": rb'"content":"hi"|text_delta',
        "finish": rb'"finish_reason":"|message_delta',
        "usage": rb'"usage":\{"p',
        "end": rb"\[DONE\]|message_stop",
        "error": rb'"error":',
        "comment": rb"^:",
    }
    found = []
    for event in re.split(rb"(?<=\n\n)", body):
        found += [name for name, pattern in names.items() if re.search(pattern, event)]
    return " ".join(found)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stream_may_lack_repeat_or_misplace_anything(
    provider: ScriptedProvider, client: Client, shape: str
) -> None:
    told, expected = SHAPES[shape]
    told(provider.streams("hi").closes())
    client.ask(stream=True, stream_options={"include_usage": True})
    await client.to_the_end()
    assert kinds(client.body) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (lambda s: s.counts_twice(), "open content finish finish end"),
        (lambda s: s.counts_after_the_end(), "open content end finish"),
        (lambda s: s.fails_after("first_content"), "open content error"),
    ],
)
async def test_where_finish_and_counts_are_one_event_they_move_together(
    provider: ScriptedProvider, client: Client, told: Telling, expected: str
) -> None:
    told(provider.streams("hi").closes())
    client.ask(MESSAGES, stream=True)
    await client.to_the_end()
    assert kinds(client.body) == expected


async def test_counts_may_come_late(provider: ScriptedProvider, client: Client) -> None:
    provider.says("hi").counts_unasked().counts_late(0.2)
    client.ask(stream=True)
    await client.until(b'"finish_reason":"stop"')
    assert b"total_tokens" not in client.wire
    await client.until(b"total_tokens")


async def test_pings_may_go_on_for_ever(provider: ScriptedProvider, client: Client) -> None:
    provider.streams("hi").repeats(b": ping\n\n", after="open", every=0.001)
    client.ask(stream=True)
    while client.wire.count(b": ping") < 5:
        assert await client.read()
    assert b'"hi"' not in client.wire
    await client.aclose()
    assert await provider.closed_by_client()


# Cuts and stalls.

# How the wire ends when a stream of "café" is halted there.
HALTS: dict[Point, bytes] = {
    "nothing": rb"^$",
    "half_status_line": rb"^HTTP/1$",
    "half_header": rb"^HTTP/1\.1 200 OK\r\ncont$",
    "head": rb"chunked\r\n\r\n$",
    0: rb"chunked\r\n\r\n$",
    "open": rb'"content":"".*\n\n\r\n$',
    1: rb'"content":"".*\n\n\r\n$',
    "half_chunk_size": rb"\n\n\r\n[0-9a-f]$",
    "half_chunk_data": rb"\n\n\r\n[0-9a-f]+\r\ndata: [^\n]+$",
    "half_event": rb"\n\n\r\n[0-9a-f]+\r\ndata: [^\n]+\r\n$",
    "half_character": rb"caf\xc3\r\n$",
    "first_content": rb'caf\xc3\xa9".*\n\n\r\n$',
    "content": rb'caf\xc3\xa9".*\n\n\r\n$',
    2: rb'caf\xc3\xa9".*\n\n\r\n$',
    "finish": rb'"finish_reason":"stop".*\n\n\r\n$',
    "end": rb"\[DONE\]\n\n\r\n$",
    99: rb"\[DONE\]\n\n\r\n$",
}


@pytest.mark.parametrize("point", HALTS)
async def test_a_stall_is_exactly_where_it_was_placed_and_ends_when_told(
    provider: ScriptedProvider, client: Client, point: Point
) -> None:
    provider.streams("café").stalls_after(point)
    client.ask(stream=True)
    assert await provider.called()
    assert re.search(HALTS[point], await client.until_quiet())
    provider.goes_on()
    await client.until(b"0\r\n\r\n")
    assert parsed(client.wire).complete
    assert [e["choices"][0]["delta"].get("content") for e in events(client.body)][1] == "café"


@pytest.mark.parametrize("point", HALTS)
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_cut_is_where_a_stall_would_be(
    provider: ScriptedProvider, client: Client, point: Point, how: Farewell
) -> None:
    provider.streams("café").cuts_after(point, how=how)
    client.ask(stream=True)
    assert re.search(HALTS[point], await client.to_the_end())
    assert client.reset == (how == "rst")
    assert provider.last.closed_at is None


@pytest.mark.parametrize("count", [0, 1, 100, 300, -1, -30])
async def test_a_stream_can_be_cut_after_any_byte(
    provider: ScriptedProvider, client: Client, count: int
) -> None:
    stream = b"data: {}\n\n" * 50
    provider.plays(stream).cuts_after_bytes(count)
    client.ask(stream=True)
    await client.to_the_end()
    assert client.body == stream[:count] if count else client.body == b""


async def test_a_whole_answer_can_be_cut_too(provider: ScriptedProvider, client: Client) -> None:
    provider.says("hello").cuts_after_bytes(20)
    client.ask()
    await client.to_the_end()
    assert len(client.body) == 20


async def test_a_stall_does_not_outlast_patience(client: Client) -> None:
    async with ScriptedProvider(patience=0.05) as provider:
        provider.says("hi").stalls_after("head")
        client = await connected(provider)
        client.ask()
        await client.to_the_end()
        assert client.reset
        await client.aclose()


async def test_a_connection_may_be_accepted_and_never_read(provider: ScriptedProvider) -> None:
    provider.says_nothing().says("hello")
    first = await connected(provider)
    first.ask()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(first.reader.read(1), 0.03)
    second = await connected(provider)
    second.ask()
    await second.until(b"hello")
    assert len(provider.requests) == 1
    await first.aclose()
    await second.aclose()


# How bytes travel.

STREAM = b': c\n\ndata: {"a":"\xe2\x82\xac"}\r\n\r\ndata: x\r\rdata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("cuts", "pieces"),
    [
        (None, 4),
        (cut_every(1), len(STREAM)),
        (cut_at(3, -2), 3),
        (cut_at(0, len(STREAM), 5, 5), 2),
        (cut_randomly(7, pieces=9), None),
    ],
    ids=["events", "bytes", "given", "odd offsets", "random"],
)
async def test_raw_streams_are_cut_as_asked_and_lose_nothing(
    provider: ScriptedProvider, client: Client, cuts: Cuts | None, pieces: int | None
) -> None:
    provider.plays(STREAM, cuts=cuts)
    client.ask(stream=True)
    await client.until(b"0\r\n\r\n")
    assert client.body == STREAM
    assert pieces is None or len(client.pieces) == pieces


async def test_each_piece_is_a_read_of_its_own(provider: ScriptedProvider, client: Client) -> None:
    provider.plays(b"data: x\n\n" * 20, delays=0.002)
    client.ask(stream=True)
    await client.until(b"0\r\n\r\n")
    assert len(client.reads) >= 15


def test_random_cuts_are_repeatable() -> None:
    data = bytes(range(200))
    assert cut_randomly(1)(data) == cut_randomly(1)(data)
    assert cut_randomly(1)(data) != cut_randomly(2)(data)
    assert b"".join(cut_randomly(3)(data)) == data


async def test_a_slow_drip_sends_every_byte_alone(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.sends(200, {}, b"drop").drips(1, every=0.0)
    client.ask()
    await client.until(b"drop")
    assert len(client.reads) > 10


async def test_compression_flushes_every_event(provider: ScriptedProvider, client: Client) -> None:
    provider.streams("first", "second").gzips().stalls_after("first_content")
    client.ask(stream=True)
    await client.until(b"content-encoding: gzip")
    opened = zlib.decompressobj(wbits=31)
    seen = 0
    while b"first" not in (text := opened.decompress(client.body[seen:])):
        seen += len(client.body) - seen
        assert await client.read(), text
    provider.goes_on()
    await client.until(b"0\r\n\r\n")
    assert b"second" in gzip.decompress(client.body)


async def test_compression_needs_to_be_accepted_unless_forced(
    provider: ScriptedProvider, client: Client
) -> None:
    bare = b"POST /v1/messages HTTP/1.1\r\nhost: p\r\n\r\n"
    provider.says("plain").says("packed").gzips().says("forced").gzips("always")
    for expected in (b"plain", b"packed", b"content-encoding: gzip"):
        client.writer.write(bare)
        await client.until(expected)


async def test_interim_answers_come_first(provider: ScriptedProvider, client: Client) -> None:
    provider.says("hello").interims(100, 103)
    client.ask()
    wire = await client.until(b"hello")
    assert wire.index(b"100 Continue") < wire.index(b"103 Early Hints") < wire.index(b"200 OK")


@pytest.mark.parametrize(
    ("told", "present", "absent"),
    [
        (lambda s: s.framed("chunked"), b"5\r\nhello\r\n0\r\n\r\n", b"content-length"),
        (lambda s: s.framed("close"), b"connection: close", b"content-length"),
        (lambda s: s.with_headers({"content-length": "99"}), b"content-length: 99", b"5\r\nhello"),
        (lambda s: s.with_headers({"Content-Type": "text/html"}), b"text/html", b"text/plain"),
        (lambda s: s.with_headers({"content-type": None}), b"hello", b"text/plain"),
    ],
)
async def test_heads_and_framing_can_lie(
    provider: ScriptedProvider, client: Client, told: Telling, present: bytes, absent: bytes
) -> None:
    told(provider.sends(200, {"content-type": "text/plain"}, b"hello").closes())
    client.ask()
    wire = await client.to_the_end()
    assert present in wire
    assert absent not in wire


async def test_the_very_bytes_of_an_answer_can_be_given(
    provider: ScriptedProvider, client: Client
) -> None:
    provider.sends_exactly(b"HTTP/1.1 200\nnonsense").closes()
    client.ask()
    assert await client.to_the_end() == b"HTTP/1.1 200\nnonsense"


async def test_nothing_is_left_of_a_provider_that_was_busy() -> None:
    tasks = asyncio.all_tasks()
    async with ScriptedProvider() as provider:
        provider.says("hi").stalls_after("head").says("x").repeats(b":\n\n", after=0)
        clients = [await connected(provider) for _ in range(5)]
        for client in clients:
            client.ask(stream=True)
        assert await provider.called(5)
    assert asyncio.all_tasks() == tasks
    assert provider.open_connections == 0
    for client in clients:
        await client.aclose()
