"""HEAD on a real server: Claude Code asks `HEAD /` before anything else."""

import logging

import pytest

from stockyard.testing.yard import Yard


@pytest.mark.parametrize("path", ["/", "/api/health", "/nothing/here"])
async def test_it_is_answered_without_a_body_and_without_a_complaint(
    yard: Yard, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [f"HEAD {path} HTTP/1.1", "host: localhost", *map(": ".join, yard.headers.items())]
    async with yard.raw() as client:
        with caplog.at_level(logging.ERROR):
            for _ in range(2):  # the second on the same connection: the first left it in order
                client.reads.clear()
                client.send("\r\n".join([*lines, "", ""]).encode())
                head = await client.until(b"\r\n\r\n")
                assert head.endswith(b"\r\n\r\n")
                assert int(head.split()[1]) < 500
                assert await client.until_quiet() == head
    assert caplog.records == []
