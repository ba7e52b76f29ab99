"""The gateway as an ASGI app: under uvicorn as it comes, at the root and mounted below a path."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from stockyard.gateway.asgi import App, GatewayApp, Message, Receive, Scope, Send
from stockyard.gateway.spool import MAX_FILES
from stockyard.testing import Point, RawClient
from stockyard.testing.heard import Heard
from stockyard.testing.yard import CHAT, MESSAGES, Yard
from stockyard.wire.large_body import LargeBody


async def control(scope: Scope, receive: Receive, send: Send) -> None:
    """What else the app serves."""
    if scope["type"] == "http":
        fields = [(b"content-length", b"7")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b"console"})


def below(path: str, app: App) -> App:
    """Mount an app as frameworks do: the whole path stays, `root_path` says what is ours."""

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "root_path": path}, receive, send)

    return mounted


@asynccontextmanager
async def served(app: App, http: str) -> AsyncIterator[str]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", http=http)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.002)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


class Mounted:
    """A yard behind another server."""

    def __init__(self, yard: Yard, url: str, path: str) -> None:
        self.yard, self.url, self.path = yard, url, path

    async def call(self, path: str, body: object, **headers: str) -> Heard:
        async with RawClient.to(self.url) as client:
            client.ask(self.path + path, body, headers=self.yard.headers | headers)
            try:
                await client.answer()
            except ConnectionError:
                pass  # cut off: `complete` tells
            return Heard(client.reply)

    async def get(self, path: str, method: str = "GET") -> Heard:
        async with RawClient.to(self.url) as client:
            head = f"{method} {self.path}{path} HTTP/1.1\r\nhost: localhost\r\n"
            fields = f"authorization: Bearer {self.yard.key}\r\nconnection: close\r\n\r\n"
            client.send((head + fields).encode())
            await client.to_the_end()
            return Heard(client.reply)


@pytest.fixture(params=[("", "httptools"), ("/ai", "httptools"), ("", "h11")], ids=str)
async def mounted(yard: Yard, request: pytest.FixtureRequest) -> AsyncIterator[Mounted]:
    path, http = request.param
    yard.provider("openai")
    yard.set("http.max_body", "100KiB")
    await yard.open()
    app: App = GatewayApp(yard.stockyard.plane, yard.stockyard.health, control)
    async with served(below(path, app) if path else app, http) as url:
        yield Mounted(yard, url, path)


async def test_a_call_is_answered(mounted: Mounted) -> None:
    openai = mounted.yard.provider("openai").says("hello")
    answer = await mounted.call(CHAT, mounted.yard.body("hi"))
    assert (answer.status, answer.text) == (200, "hello")
    assert answer.headers["content-length"] == str(len(answer.body))
    assert openai.last.prompt == "hi"
    assert mounted.yard.last.attempts == ["openai 200"]


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_stream_arrives_piece_by_piece(mounted: Mounted, path: str) -> None:
    openai = mounted.yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
    async with RawClient.to(mounted.url) as client:
        body = mounted.yard.body("hi", stream=True)
        client.ask(mounted.path + path, body, headers=mounted.yard.headers)
        await client.until(b"hel")
        openai.goes_on()
        await client.until(b"0\r\n\r\n")
        answer = Heard(client.reply)
    assert answer.pieces == ["hel", "lo"]
    assert answer.ended
    assert answer.complete


async def test_a_broken_stream_says_so(mounted: Mounted) -> None:
    mounted.yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
    answer = await mounted.call(CHAT, mounted.yard.body("hi", stream=True))
    assert answer.error is not None
    assert not answer.ended


async def test_a_broken_stream_of_a_native_route_is_broken_off(mounted: Mounted) -> None:
    mounted.yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
    body = mounted.yard.body("hi", stream=True)
    answer = await mounted.call("/openai/v1/chat/completions", body)
    assert answer.pieces == ["hel"]
    assert not answer.complete


@pytest.mark.parametrize("point", ["nothing", "first_content"])
async def test_s37_a_client_that_leaves_closes_the_provider(mounted: Mounted, point: Point) -> None:
    openai = mounted.yard.provider("openai")
    openai.streams("hel", "lo").stalls_after(point)
    async with RawClient.to(mounted.url) as client:
        body = mounted.yard.body("hi", stream=True)
        client.ask(mounted.path + CHAT, body, headers=mounted.yard.headers)
        assert await openai.called()
        if point != "nothing":
            await client.until(b"hel")
    assert await openai.closed_by_client()
    assert await mounted.yard.ended(1)
    assert mounted.yard.last.abandoned


async def test_errors_are_those_of_the_gateway(mounted: Mounted) -> None:
    mounted.yard.provider("openai").fails(503)
    assert (await mounted.call(CHAT, mounted.yard.body("hi"))).status == 503
    wrong = await mounted.call(CHAT, b"{}", authorization="Bearer sk-sy-wrong")
    assert wrong.status == 401
    too_large = await mounted.call(CHAT, b" " * 200_000)
    assert too_large.status == 413
    assert too_large.error is not None
    assert too_large.error["code"] == "body_too_large"


async def test_large_uploads_wait_in_a_file_here_too(mounted: Mounted) -> None:
    answer = b'{"text":"Good day."}'
    openai = mounted.yard.provider("openai").sends(200, {}, answer)
    form = (
        b'--cut\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n%b\r\n'
        b'--cut\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--cut--\r\n'
    ) % bytes(3 << 20)
    kind = {"content-type": "multipart/form-data; boundary=cut"}
    heard = await mounted.call("/v1/audio/transcriptions", form, **kind)
    assert (heard.status, heard.body) == (200, answer)
    assert openai.last.body == form
    body: object = mounted.yard.last.exchange.inbound.body
    assert isinstance(body, LargeBody)
    spool = mounted.yard.stockyard.plane.spool
    spool.files = MAX_FILES
    heard = await mounted.call("/v1/audio/transcriptions", form, **kind)
    assert heard.status == 503
    assert heard.headers["retry-after"] == "1"


async def test_a_slow_reader_stops_the_provider(mounted: Mounted) -> None:
    openai = mounted.yard.provider("openai").streams(*["x" * 10_000] * 2_000)
    async with RawClient.to(mounted.url) as client:
        client._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound, to read slowly
        body = mounted.yard.body("hi", stream=True)
        client.ask(mounted.path + CHAT, body, headers=mounted.yard.headers)
        await client.until(b"200 OK")
        await asyncio.sleep(0.2)
        assert openai.last.answered_at is None


async def test_probes_and_models_are_answered(mounted: Mounted) -> None:
    assert (await mounted.get("/livez")).status == 200
    models = await mounted.get("/v1/models")
    assert models.json["object"] == "list"
    head = await mounted.get("/v1/models", method="HEAD")
    assert (head.status, head.body) == (200, b"")


async def test_everything_else_is_the_apps(mounted: Mounted) -> None:
    assert (await mounted.get("/ui/page")).body == b"console"


async def test_scopes_other_than_http_are_the_apps(yard: Yard) -> None:
    seen: list[str] = []

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        raise AssertionError

    await yard.open()
    app = GatewayApp(yard.stockyard.plane, yard.stockyard.health, lifespan)
    await app({"type": "lifespan"}, receive, send)
    assert seen == ["lifespan"]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_stored_and_deleted(mounted: Mounted, stream: bool) -> None:
    body = {"model": "mock", "input": "hi", "store": True, "stream": stream}
    heard = await mounted.call("/v1/responses", body)
    made = heard.events[-1].json["response"] if stream else heard.json
    path = f"/v1/responses/{made['id']}"
    assert (await mounted.get(path)).json == made
    assert (await mounted.get(path, "DELETE")).json["deleted"] is True
    assert (await mounted.get(path)).status == 404
