"""Recordings and images that are large: they wait in a file, and leave as they came."""

import asyncio
import base64
import hashlib
import io
import json
import tracemalloc
import wave

import pytest

from stockyard.gateway.spool import IN_MEMORY, MAX_FILES, Spool
from stockyard.testing.yard import Yard, becomes
from stockyard.wire.large_body import LargeBody
from stockyard.wire.xai_image_edits.codec import MAX_INLINE

FORM = {"content-type": "multipart/form-data; boundary=cut"}
JSON = {"content-type": "application/json"}
TRANSCRIPT = b'{"text":"Good day.","usage":{"type":"duration","seconds":4}}'
IMAGES = b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}]}'
SOUND = bytes(range(256)) * (3 * IN_MEMORY // 256)
"""Three MiB."""


def field(name: str, value: str) -> bytes:
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return f"{head}{value}\r\n".encode()


def file(name: str, data: bytes = SOUND) -> bytes:
    head = f'--cut\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'
    return head.encode() + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--cut--\r\n"


def recording(model: str = "whisper-1") -> bytes:
    """The model stands behind the file."""
    return form(file("file"), field("model", model), field("prompt", "about jane@example.com"))


EDIT = form(file("image[]"), file("image[]"), field("model", "gpt-image-1"), field("prompt", "x"))
CALLS = [
    ("/audio/transcriptions", recording(), TRANSCRIPT),
    ("/audio/translations", recording(), TRANSCRIPT),
    ("/images/edits", EDIT, IMAGES),
    ("/images/variations", form(field("model", "dall-e-2"), file("image")), IMAGES),
]


async def spool_of(yard: Yard) -> Spool:
    return (await yard.open()).stockyard.plane.spool


def waited_in_a_file(yard: Yard) -> bool:
    """Whether the body of the last call did."""
    body: object = yard.last.exchange.inbound.body
    return isinstance(body, LargeBody)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
@pytest.mark.parametrize(("path", "body", "answer"), CALLS)
async def test_large_uploads_pass_byte_for_byte_and_nothing_is_left(
    yard: Yard, prefix: str, path: str, body: bytes, answer: bytes
) -> None:
    openai = yard.provider("openai").sends(200, JSON, answer)
    spool = await spool_of(yard)
    heard = await yard.call(prefix + path, body, headers=FORM)
    assert (heard.status, heard.body) == (200, answer)
    assert openai.last.path == "/v1" + path
    assert openai.last.body == body
    assert openai.last.headers["content-length"] == str(len(body))
    assert waited_in_a_file(yard)
    assert yard.last.outcomes == ["ok"]
    yard.calls.clear()
    assert await becomes(lambda: spool.files == 0)


async def test_an_alias_is_replaced_and_nothing_else_changes(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    yard.enable("modelalias", aliases=[{"alias": "ears", "model": "openai/gpt-4o-transcribe"}])
    heard = await yard.call("/v1/audio/transcriptions", recording("ears"), headers=FORM)
    assert heard.status == 200
    assert openai.last.body == recording("gpt-4o-transcribe")
    assert waited_in_a_file(yard)


async def test_a_model_that_only_the_path_names_is_written_in_front(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    path = "/openai/deployments/whisper-1/audio/transcriptions?api-version=2024-10-21"
    heard = await yard.call(path, form(file("file")), headers=FORM)
    assert heard.status == 200
    said = b'--cut\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    assert openai.last.body == said + form(file("file"))


async def test_guards_change_what_is_said_beside_the_sound(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
    yard.enable("promptguard", mode="redact")
    heard = await yard.call("/v1/audio/transcriptions", recording(), headers=FORM)
    assert heard.status == 200
    sent = openai.last.body
    assert b"jane@example.com" not in sent
    assert sent.startswith(file("file"))
    assert sent.endswith(b"--cut--\r\n")


async def test_another_try_starts_from_the_same_bytes(yard: Yard) -> None:
    openai = yard.provider("openai").fails(503)
    yard.enable("retrypilot", base_ms=1)
    await yard.call("/v1/audio/transcriptions", recording(), headers=FORM)
    assert len(openai.requests) > 1
    assert {request.body == recording() for request in openai.requests} == {True}


async def test_a_provider_that_takes_base64_gets_a_few_images_that_way(yard: Yard) -> None:
    xai = yard.provider("xai").sends(200, JSON, IMAGES)
    said = (field("model", "xai/grok-imagine-image"), field("prompt", "green"))
    heard = await yard.call("/v1/images/edits", form(file("image"), *said), headers=FORM)
    assert heard.status == 200
    assert waited_in_a_file(yard)
    (image,) = xai.last.fields["images"]
    assert base64.b64decode(image["url"].partition(",")[2]) == SOUND
    many = [file("image[]")] * (1 + MAX_INLINE // len(SOUND))
    heard = await yard.call("/v1/images/edits", form(*many, *said), headers=FORM)
    assert heard.status == 413
    assert heard.error is not None
    assert (heard.error["code"], heard.error["param"]) == ("body_too_large", "image")
    assert len(xai.requests) == 1


async def test_seconds_are_counted_from_the_file(yard: Yard) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(16_000 * 2 * 100))
    yard.provider("openai").sends(200, JSON, b'{"text":"Good day."}')
    body = form(file("file", sound.getvalue()), field("model", "whisper-1"))
    await yard.call("/v1/audio/transcriptions", body, headers=FORM)
    assert waited_in_a_file(yard)
    assert yard.last.usage is not None
    assert yard.last.usage.units == {"second": 101}


async def test_small_uploads_and_those_in_json_stay_in_memory(yard: Yard) -> None:
    yard.provider("openai").sends(200, JSON, IMAGES)
    body = {
        "model": "gpt-image-1",
        "prompt": "x",
        "images": [{"image_url": "data:," + "x" * 2**21}],
    }
    assert (await yard.call("/v1/images/edits", body)).status == 200
    assert not waited_in_a_file(yard)
    small = form(file("image", b"x"), field("model", "gpt-image-1"), field("prompt", "x"))
    assert (await yard.call("/v1/images/edits", small, headers=FORM)).status == 200
    assert not waited_in_a_file(yard)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (form(file("file"), field("model", "whisper-1"), field("model", "m")), b"twice"),
        (recording().replace(b"--cut\r\n", b"--cot\r\n"), b"another boundary"),
        (recording()[:-9], b"breaks off"),
        (recording() + bytes(2 * IN_MEMORY), b"follows the end"),
        (b"{" + recording(), b"another boundary"),
        (form(file("file"), field("model", "whisper-1"), field("prompt", "x" * 2**21)), b"longer"),
    ],
    ids=["a field twice", "another boundary", "cut off", "more behind it", "no form", "long text"],
)
async def test_forms_that_leave_room_for_doubt_are_refused(
    yard: Yard, body: bytes, says: bytes
) -> None:
    openai = yard.provider("openai")
    yard.enable("secretscan")
    spool = await spool_of(yard)
    heard = await yard.call("/v1/audio/transcriptions", body, headers=FORM)
    assert heard.status == 400
    assert says in heard.body
    assert heard.error is not None
    assert heard.error["code"] == "invalid_request"
    assert not openai.requests
    yard.calls.clear()
    assert await becomes(lambda: spool.files == 0)


class TestOnTheirWayIn:
    def head(self, yard: Yard, *more: str) -> bytes:
        key = yard.headers["authorization"]
        lines = ("POST /v1/audio/transcriptions HTTP/1.1", "host: localhost")
        fields = (f"authorization: {key}", f"content-type: {FORM['content-type']}", *more)
        return "\r\n".join([*lines, *fields, "", ""]).encode()

    async def test_chunked_uploads_pass_too(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, TRANSCRIPT)
        await yard.open()
        body = recording()
        async with yard.raw() as client:
            client.send(self.head(yard, "transfer-encoding: chunked"))
            for at in range(0, len(body), 100_000):
                piece = body[at : at + 100_000]
                client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            client.send(b"0\r\n\r\n")
            assert (await client.answer()).status == 200
        assert openai.last.body == body

    async def test_a_client_that_leaves_in_the_middle_leaves_nothing(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        spool = await spool_of(yard)
        body = recording()
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(body)}") + body[:-1])
            assert await becomes(lambda: spool.files == 1)
        assert await becomes(lambda: spool.files == 0)
        assert not openai.requests

    @pytest.mark.parametrize(
        "framing", [f"content-length: {(4 << 20) + 1}", "transfer-encoding: chunked"]
    )
    async def test_an_upload_that_is_too_large_is_refused_in_the_words_of_the_client(
        self, yard: Yard, framing: str
    ) -> None:
        yard.provider("openai")
        yard.set("http.max_upload", "4MiB")
        await yard.open()
        async with yard.raw() as client:
            client.send(self.head(yard, framing) + b"400001\r\n" * ("chunked" in framing))
            answer = await client.answer()
        assert answer.status == 413
        assert json.loads(answer.body)["error"]["code"] == "body_too_large"

    async def test_one_upload_too_many_is_told_to_come_again(self, yard: Yard) -> None:
        yard.provider("openai")
        spool = await spool_of(yard)
        spool.files = MAX_FILES
        body = recording()
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(body)}") + body[: 2 * IN_MEMORY])
            answer = await client.answer()
        assert answer.status == 503
        assert b"too many large uploads" in answer.body.lower()

    async def test_uploads_leave_the_disk_the_room_that_others_need(self, yard: Yard) -> None:
        yard.provider("openai")
        yard.set("disk.warn", "1000000GiB")
        yard.set("disk.low", "1000000GiB")
        spool = await spool_of(yard)
        body = recording()
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(body)}") + body[: 2 * IN_MEMORY])
            answer = await client.answer()
        assert answer.status == 503
        assert b"no room" in answer.body
        assert spool.files == 0


class Sink:
    """A provider that keeps nothing of what it hears, and answers once so many have been heard."""

    def __init__(self, calls: int) -> None:
        self.heard: list[tuple[int, str]] = []
        """Length and digest of each body."""
        self._all = asyncio.Barrier(calls)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).lower()
        left = length = int(asked.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        digest = hashlib.sha256()
        while left:
            piece = await reader.read(left)
            digest.update(piece)
            left -= len(piece)
        self.heard.append((length, digest.hexdigest()))
        await self._all.wait()
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(TRANSCRIPT) + TRANSCRIPT
        )
        writer.close()


@pytest.mark.parametrize(
    ("calls", "mib"), [(16, 4), pytest.param(50, 20, marks=pytest.mark.slow)], ids=str
)
async def test_many_uploads_at_once_take_little_memory(yard: Yard, calls: int, mib: int) -> None:
    sink = Sink(calls)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    yard.provider("openai", base_url=url)
    yard.enable("modelalias", aliases=[{"alias": "ears", "model": "openai/gpt-4o-transcribe"}])
    spool = await spool_of(yard)
    sound = SOUND[: 1 << 20]
    before, after = recording("ears").split(SOUND)
    length = len(before) + mib * len(sound) + len(after)
    key, kind = yard.headers["authorization"], FORM["content-type"]

    async def call() -> bytes:
        port = yard.stockyard.settings.server.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        line = "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\n"
        fields = f"authorization: {key}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n"
        writer.write(f"{line}{fields}\r\n".encode())
        for piece in (before, *[sound] * mib, after):
            writer.write(piece)
            await writer.drain()
        said = await reader.readuntil(TRANSCRIPT)
        writer.close()
        return said

    tracemalloc.start()
    try:
        answers = await asyncio.gather(*(call() for _ in range(calls)))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        server.close()
    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    changed = after.replace(b"ears", b"gpt-4o-transcribe")
    digest = hashlib.sha256(before + sound * mib + changed).hexdigest()
    assert set(sink.heard) == {(length + len(changed) - len(after), digest)}
    assert len(sink.heard) == calls
    assert most < calls * IN_MEMORY * 1.5 + (8 << 20)
    yard.calls.clear()
    assert await becomes(lambda: spool.files == 0)
