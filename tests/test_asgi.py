"""The app that other servers run, with its own data folder, from start to stop."""

import asyncio
import json
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from stockyard.asgi import Gateway

Message = MutableMapping[str, Any]


async def ask(app: Gateway, path: str, key: str, body: bytes, root: str = "") -> tuple[int, bytes]:
    """One POST, as a server hands it on."""
    heard: list[Message] = []
    given = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if given:
            return given.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        heard.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": root + path,
        "raw_path": (root + path).encode(),
        "root_path": root,
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"authorization", f"Bearer {key}".encode()),
            (b"content-length", b"%d" % len(body)),
        ],
        "client": ("127.0.0.1", 50000),
    }
    await app(scope, receive, send)
    return heard[0]["status"], b"".join(m.get("body", b"") for m in heard[1:])


@pytest.mark.parametrize("root", ["", "/llm"])
async def test_opens_with_the_first_request_and_answers_calls(tmp_path: Path, root: str) -> None:
    folder = tmp_path / "data"
    app = Gateway({"server.data_dir": str(folder)})
    await app.open()
    try:
        note = (folder / "first-run.txt").read_text()
        key = re.search(r"sk-sy-[\w-]+", note)
        assert key is not None
        body = b'{"model":"mock","messages":[{"role":"user","content":"hello"}]}'
        status, answer = await ask(app, "/v1/chat/completions", key[0], body, root)
        assert status == 200
        assert json.loads(answer)["choices"][0]["message"]["content"].endswith("hello")
        assert (await ask(app, "/v1/chat/completions", "sk-sy-no", body, root))[0] == 401
    finally:
        await app.close()


async def test_lives_as_long_as_its_server(tmp_path: Path) -> None:
    app = Gateway({"server.data_dir": str(tmp_path / "data")})
    told = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]
    answered: list[str] = []

    async def receive() -> Message:
        return told.pop()

    async def send(message: Message) -> None:
        answered.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert answered == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    again = Gateway({"server.data_dir": str(tmp_path / "data")})
    await again.open()  # the folder is free again
    await again.close()
