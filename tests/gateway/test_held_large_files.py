"""Large files for a provider: collected on disk, within limits."""

import asyncio
import tracemalloc

import pytest

from stockyard.gateway.spool import MAX_FILES, Spool
from stockyard.testing.yard import Yard, becomes
from tests.held_things import FORM, VERSION, a_file, a_form, answers, lines_for


class TestLargeUploads:
    """They pass through a file, so that they take no memory."""

    FORM = a_form(lines_for("gpt-scripted") + b"x" * (6 << 20))

    def head(self, yard: Yard, *more: str) -> bytes:
        key = yard.headers["authorization"]
        lines = ("POST /v1/files HTTP/1.1", "host: localhost", f"authorization: {key}")
        return "\r\n".join(
            [*lines, f"content-type: {FORM['content-type']}", *more, "", ""]
        ).encode()

    async def spool(self, yard: Yard) -> Spool:
        return (await yard.open()).stockyard.plane.spool

    async def test_a_large_file_arrives_whole_and_nothing_is_left(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        yard.provider("groq")
        answers(openai, a_file("file-1"))
        spool = await self.spool(yard)
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[:-1])
            assert await becomes(lambda: spool.files == 1)
            client.send(self.FORM[-1:])
            assert (await client.answer()).status == 200
        assert openai.last.body == self.FORM
        assert openai.last.headers["content-length"] == str(len(self.FORM))
        yard.calls.clear()
        assert await becomes(lambda: spool.files == 0)

    async def test_a_chunked_large_file_arrives_whole_too(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, a_file("file-1"))
        spool = await self.spool(yard)
        async with yard.raw() as client:
            client.send(self.head(yard, "transfer-encoding: chunked"))
            for at in range(0, len(self.FORM), 1 << 20):
                piece = self.FORM[at : at + (1 << 20)]
                client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            client.send(b"0\r\n\r\n")
            assert (await client.answer()).status == 200
        assert openai.last.body == self.FORM
        yard.calls.clear()
        assert await becomes(lambda: spool.files == 0)

    async def test_a_client_that_leaves_in_the_middle_leaves_nothing(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        spool = await self.spool(yard)
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[:-1])
            assert await becomes(lambda: spool.files == 1)
        assert await becomes(lambda: spool.files == 0)
        assert not openai.requests

    @pytest.mark.parametrize("framing", ["content-length: 104857601", "transfer-encoding: chunked"])
    async def test_a_file_that_is_too_large_is_refused(self, yard: Yard, framing: str) -> None:
        yard.provider("openai")
        await yard.open()
        async with yard.raw() as client:
            client.send(self.head(yard, framing) + b"6400001\r\n" * ("chunked" in framing))
            answer = await client.answer()
        assert answer.status == 413

    async def test_one_upload_too_many_is_told_to_come_again(self, yard: Yard) -> None:
        yard.provider("openai")
        spool = await self.spool(yard)
        spool.files = MAX_FILES
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[: 2 << 20])
            answer = await client.answer()
        assert answer.status == 503
        assert b"too many large uploads" in answer.body.lower()

    async def test_uploads_are_refused_when_the_disk_has_no_room(self, yard: Yard) -> None:
        yard.provider("openai")
        await self.spool(yard)
        (yard.stockyard.folder.path / "uploads").rmdir()
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[: 2 << 20])
            assert (await client.answer()).status == 503

    async def test_only_a_little_of_a_large_file_is_in_memory(self, yard: Yard) -> None:
        yard.provider("openai").fails(503)
        await self.spool(yard)
        form = a_form(b"x" * (48 << 20))
        _, writer = await asyncio.open_connection("127.0.0.1", yard.stockyard.settings.server.port)
        tracemalloc.start()
        try:
            writer.write(self.head(yard, f"content-length: {len(form)}"))
            most = 0
            for at in range(0, len(form) - 1, 1 << 20):
                writer.write(form[at : min(at + (1 << 20), len(form) - 1)])
                await writer.drain()
                most = max(most, tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
            writer.close()
        assert most < 12 << 20

    async def test_large_batches_are_judged_like_small_ones(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic")
        theirs = {"type": "document", "source": {"type": "file", "file_id": "file_theirs"}}
        large = {"type": "text", "text": "x" * (2 << 20)}
        for content, status in (([large], 200), ([large, theirs], 404)):
            answers(anthropic, {"id": "msgbatch_1"})
            params = {"model": "claude-x", "messages": [{"role": "user", "content": content}]}
            body = {"requests": [{"custom_id": "a", "params": params}]}
            heard = await yard.call("/v1/messages/batches", body, headers=VERSION)
            assert heard.status == status
        assert len(anthropic.requests) == 1
