"""Images named by URL that are not fetched: refused in the words of the client, and why."""

from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from stockyard.upstream import image_fetch
from tests.upstream.images import OLLAMA, PNG, chat, opened


def error_of(heard: Heard) -> dict[str, Any]:
    assert heard.error is not None, heard.body
    return heard.error


def reason_of(error: dict[str, Any]) -> str:
    detail: dict[str, Any] = error["stockyard"]["detail"]
    return str(detail["reason"])


async def refused(yard: Yard, *urls: str, status: int = 400) -> dict[str, Any]:
    ollama = yard.provider("ollama")
    heard = await chat(yard, *urls)
    assert heard.status == status, heard.body
    assert not ollama.requests
    error = error_of(heard)
    assert error["param"] == "messages"
    return error


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, b"", "status"),
        (500, PNG, "status"),
        (302, b"", "status"),
        (200, b"<svg/>", "type"),
        (200, b"<html>", "type"),
        (200, b"", "type"),
        (200, b"RIFF\x00\x00\x00\x00WAVEfmt ", "type"),
        (200, b"%PDF-1.7", "type"),
    ],
)
async def test_a_file_that_is_no_image_is_refused(
    yard: Yard, web: ScriptedProvider, status: int, body: bytes, reason: str
) -> None:
    opened(yard, web, body, status)
    yard.provider("ollama")
    error = await refused(yard, f"{web.url}/a")
    assert error["code"] == "image_unavailable"
    assert error["message"].startswith("Image 1 ")
    assert reason_of(error) == reason
    assert [request.path for request in web.requests] == ["/a"]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://metadata.google.internal/",
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://0x7f000001/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://user:secret@example.com/",
        "https://example.com:8443/",
        "http://example.com/",
        "https://exa mple.com/",
    ],
)
async def test_an_address_that_users_may_not_reach_is_refused(
    yard: Yard, web: ScriptedProvider, url: str
) -> None:
    yard.provider("ollama")
    error = await refused(yard, url.format(port=web.url.rpartition(":")[2]))
    assert error["code"] == "image_unavailable"
    assert reason_of(error) in ("denied", "unreachable")
    assert not web.requests


async def test_an_image_that_cannot_be_reached_is_refused(
    yard: Yard, web: ScriptedProvider
) -> None:
    yard.set("egress.allow_private", ["127.0.0.1:1"])
    yard.provider("ollama")
    error = await refused(yard, "http://127.0.0.1:1/a")
    assert reason_of(error) == "unreachable"


async def test_an_image_that_comes_too_slowly_is_refused(
    yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_fetch, "SECONDS", 0.2)
    opened(yard, web).stalls_after_bytes(10)
    yard.provider("ollama")
    error = await refused(yard, f"{web.url}/a")
    assert reason_of(error) == "timeout"
    assert await web.closed_by_client()


async def test_an_image_that_is_too_large_is_refused(
    yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_fetch, "MAX_BYTES", 1000)
    opened(yard, web, PNG + bytes(1000))
    yard.provider("ollama")
    error = await refused(yard, f"{web.url}/a", status=413)
    assert error["code"] == "body_too_large"


async def test_images_that_are_too_large_together_are_refused(
    yard: Yard, web: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_fetch, "MAX_ALL_BYTES", 3 * len(PNG) - 1)
    opened(yard, web)
    yard.provider("ollama")
    urls = [f"{web.url}/{n}" for n in range(3)]
    error = await refused(yard, *urls, status=413)
    assert error["message"].startswith("Image 3 ")


async def test_too_many_images_are_refused(yard: Yard, web: ScriptedProvider) -> None:
    opened(yard, web)
    yard.provider("ollama")
    urls = [f"{web.url}/{n}" for n in range(image_fetch.MAX_IMAGES + 1)]
    error = await refused(yard, *urls)
    assert reason_of(error) == "count"
    assert not web.requests


async def test_any_image_is_refused_where_the_operator_switched_fetching_off(
    yard: Yard, web: ScriptedProvider
) -> None:
    yard.set("egress.fetch_images", False)
    opened(yard, web)
    yard.provider("ollama")
    error = await refused(yard, f"{web.url}/a")
    assert reason_of(error) == "off"
    assert "base64" in error["message"]
    assert not web.requests


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (
            "/v1/responses",
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_image", "image_url": "https://10.0.0.1/"}],
                    }
                ]
            },
            "input",
        ),
        (
            "/v1/messages",
            {
                "max_tokens": 1,
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image",
                                "source": {"type": "url", "url": "https://10.0.0.1/"},
                            }
                        ],
                    }
                ],
            },
            None,
        ),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_every_dialect(
    yard: Yard, path: str, body: dict[str, Any], param: str | None
) -> None:
    ollama = yard.provider("ollama")
    heard = await yard.call(path, {"model": OLLAMA, **body})
    assert heard.status == 400
    assert "Image 1" in error_of(heard)["message"]
    assert error_of(heard).get("param") == param
    assert not ollama.requests
