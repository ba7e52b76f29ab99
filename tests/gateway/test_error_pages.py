"""`docs/errors.md` explains every code that callers can get, and every error leads there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockyard.gateway import refusals
from stockyard.gateway.faults import DOCUMENTED, UPSTREAM
from stockyard.testing.yard import CHAT, MESSAGES, Yard

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
DATA_PLANE = ("core", "gateway", "modules", "providers", "upstream", "wire")
CONTROL_PLANE = {"module_unknown"}
"""Said by the management API, which has pages of its own."""


def test_the_page_has_one_entry_for_each_code() -> None:
    headings = re.findall(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert headings == sorted(DOCUMENTED)


def codes_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
            code = node.args[1] if len(node.args) > 1 else None
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value


def test_every_code_that_is_refused_with_is_on_the_page() -> None:
    files = [file for part in DATA_PLANE for file in (ROOT / "stockyard" / part).rglob("*.py")]
    said = {code for file in files for code in codes_in(file)}
    said |= {said.code for said in UPSTREAM.values()} | set(refusals.CODES.values())
    assert {"json_invalid", "invalid_key", "no_target"} <= said
    assert said - CONTROL_PLANE <= DOCUMENTED


@pytest.mark.parametrize("path", [CHAT, MESSAGES, "/v1/responses", "/v1/completions"])
async def test_every_dialect_tells_where_to_read_on(yard: Yard, path: str) -> None:
    yard.provider("openai").fails(400)
    answer = await yard.call(path, b"{")
    assert answer.error is not None
    assert answer.error["stockyard"]["docs"] == "docs/errors.md#json_invalid"


async def test_malformed_http_is_explained_too(yard: Yard) -> None:
    await yard.open()
    async with yard.raw() as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        await client.to_the_end()
        assert b'"docs":"docs/errors.md#http_malformed"' in client.wire


@pytest.mark.parametrize(("path", "field"), [(CHAT, "x-request-id"), (MESSAGES, "request-id")])
async def test_an_error_tells_how_the_provider_calls_the_request(
    yard: Yard, path: str, field: str
) -> None:
    yard.provider("openai").fails(400).with_headers({field: "req_theirs"})
    answer = await yard.call(path, yard.body("hi"))
    assert answer.headers["x-upstream-request-id"] == "req_theirs"
    assert yard.last.exchange.attempts[0].upstream_id == "req_theirs"


async def test_behind_a_server_error_the_code_is_ours(yard: Yard) -> None:
    yard.provider("openai").fails(402)
    answer = await yard.chat("hi")
    assert answer.status == 502
    assert answer.error is not None
    assert (answer.error["type"], answer.error["code"]) == ("server_error", "no_credit")
