"""Two thousand clients that take their time, beside some that do not (`security.md` 3.4)."""

import asyncio
import json
import re
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.cli.conftest import Process

CROWD = 2_000
DEADLINE_S = 3
GRACE_S = 15
"""How late a close may come on a machine with other things to do."""
MAX_GROWTH_KIB = 64 * 1024

CHAT = "POST /v1/chat/completions"
CONTROL = "PUT /api/proxy/modules/cache"
SIZED = "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
CHUNKED = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def head(line: str, secret: str) -> str:
    return f"{line} HTTP/1.1\r\nHost: gw.test\r\nAuthorization: Bearer {secret}\r\n"


def beginnings(key: str, admin: str) -> tuple[tuple[str, str], ...]:
    """What a client sends at once, and what it then trickles."""
    chat, control = head(CHAT, key), head(CONTROL, admin)
    return (
        ("", ""),
        ("GET /li", ""),
        (chat, "X"),
        (chat + SIZED, ""),
        (chat + SIZED, " "),
        (chat + CHUNKED, ""),
        (chat + CHUNKED + "1000\r\n", " "),
        (control + SIZED, " "),
    )


async def one_that_is_slow(
    host: str, port: int, begins: tuple[str, str], tls: ssl.SSLContext | None
) -> float:
    """How long the server kept a slow client, in seconds."""
    at_once, trickled = (text.encode() for text in begins)
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    began = time.monotonic()
    try:
        writer.write(at_once)
        closed = asyncio.ensure_future(reader.read())
        while not closed.done():
            await asyncio.wait((closed,), timeout=0.5)
            if trickled and not closed.done():
                writer.write(trickled)
        await asyncio.gather(closed, return_exceptions=True)
    finally:
        writer.close()
    return time.monotonic() - began


async def one_that_is_not(host: str, port: int, key: str, tls: ssl.SSLContext | None) -> int:
    """The status that an honest call got."""
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "hi"}]}).encode()
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    writer.write(
        (head(CHAT, key) + "Connection: close\r\n").encode()
        + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
    )
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def all_is_loaded(host: str, port: int, tls: ssl.SSLContext | None) -> None:
    """The control plane answers once everything is there that is imported after the start."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    writer.write(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()


def memory_kib(process: Process) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def crowd(process: Process, key: str, admin: str, tls: ssl.SSLContext | None) -> None:
    host, port = "127.0.0.1", int(process.address.rpartition(":")[2])
    assert await one_that_is_not(host, port, key, tls) == 200
    await all_is_loaded(host, port, tls)
    before = memory_kib(process)
    slow: list[asyncio.Task[float]] = []
    ways = beginnings(key, admin)
    for place in range(CROWD):
        begins = ways[place % len(ways)]
        slow.append(asyncio.create_task(one_that_is_slow(host, port, begins, tls)))
        if place % 100 == 99:
            await asyncio.sleep(0.01)
    statuses = []
    most = before
    while not all(task.done() for task in slow):
        statuses.append(await one_that_is_not(host, port, key, tls))
        most = max(most, memory_kib(process))
        await asyncio.sleep(0.02)
    kept = [task.result() for task in slow]
    assert min(kept) > 0.5, "turned away, not waited for"
    assert max(kept) < DEADLINE_S + GRACE_S
    assert set(statuses) == {200}
    assert len(statuses) > 5
    assert most - before < MAX_GROWTH_KIB


@pytest.mark.slow
@pytest.mark.parametrize("over", ["plain", "tls"])
def test_two_thousand_slow_clients_hold_nobody_up(program: Any, over: str, tmp_path: Path) -> None:
    limits: dict[str, object] = {
        "http.connections": 4 * CROWD,
        "http.per_address": 4 * CROWD,
        "http.first_byte_timeout": f"{DEADLINE_S}s",
        "http.head_timeout": f"{DEADLINE_S}s",
        "http.body_grace": "1s",
        "http.body_timeout": f"{DEADLINE_S}s",
        "http.keepalive_timeout": f"{DEADLINE_S}s",
    }
    tls = None
    if over == "tls":
        authority = Authority(tmp_path)
        issued = authority.issue("127.0.0.1")
        limits |= {"server.tls_cert": issued.cert, "server.tls_key": issued.key}
        tls = ssl.create_default_context(cafile=authority.file)
    process = program.start(**{variable(name): str(value) for name, value in limits.items()})
    note = (program.data / "first-run.txt").read_text()
    key, admin = (re.findall(mark + r"\S+", note)[0] for mark in ("sk-sy-", "sya-"))
    asyncio.run(crowd(process, key, admin, tls))


def variable(setting: str) -> str:
    """The variable of the environment that stands for a setting."""
    return "STOCKYARD__" + setting.replace(".", "__")
