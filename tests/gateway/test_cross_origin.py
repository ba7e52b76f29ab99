"""Web pages of listed origins may call models and read the answers; no other page may."""

from collections.abc import Mapping

import pytest

from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

PAGE = "https://desk.example.com"
CHAT = "/v1/chat/completions"
ALLOWED = "access-control-allow-origin"


@pytest.fixture
def open_yard(yard: Yard) -> Yard:
    yard.set("http.cors_origins", [PAGE])
    return yard


def from_page(origin: str = PAGE, **more: str) -> Mapping[str, str]:
    return {"origin": origin, **more}


async def asks_first(yard: Yard, path: str, origin: str) -> Heard:
    fields = {**from_page(origin), "access-control-request-method": "POST", "authorization": "none"}
    return await yard.get(path, method="OPTIONS", headers=fields)


@pytest.mark.parametrize(
    "path", [CHAT, "/v1/messages", "/openai/v1/responses", "/chat/completions"]
)
async def test_a_browser_that_asks_first_is_told_that_it_may(open_yard: Yard, path: str) -> None:
    open_yard.provider("openai")
    heard = await asks_first(open_yard, path, PAGE)
    assert heard.status == 204
    assert heard.headers[ALLOWED] == PAGE
    assert heard.headers["access-control-allow-headers"] == "authorization, *"
    assert "POST" in heard.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in heard.headers


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://desk.example.com.evil.test",
        "http://desk.example.com",
        "https://desk.example.com:444",
        "https://DESK.example.com",
        "file://",
    ],
)
async def test_any_other_origin_is_told_nothing(open_yard: Yard, origin: str) -> None:
    open_yard.provider("openai").says("hello")
    assert (await asks_first(open_yard, CHAT, origin)).status == 405
    heard = await open_yard.chat("hi", headers=from_page(origin))
    assert heard.status == 200
    assert ALLOWED not in heard.headers


async def test_without_a_list_no_page_is_told_anything(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    assert (await asks_first(yard, CHAT, PAGE)).status == 405
    assert ALLOWED not in (await yard.chat("hi", headers=from_page())).headers


async def test_whole_and_streamed_answers_may_be_read_with_all_their_fields(
    open_yard: Yard,
) -> None:
    open_yard.provider("openai").says("hello").streams("hel", "lo")
    for heard in (
        await open_yard.chat("hi", headers=from_page()),
        await open_yard.stream("hi", headers=from_page()),
    ):
        assert heard.text == "hello"
        assert heard.headers[ALLOWED] == PAGE
        assert heard.headers["access-control-expose-headers"] == "*"
        assert heard.headers["vary"] == "origin"


async def test_errors_may_be_read_too(open_yard: Yard) -> None:
    open_yard.provider("openai").fails(500)
    refused = {**from_page(), "authorization": "Bearer sk-sy-nobody"}
    for heard, status in (
        (await open_yard.chat("hi", headers=from_page()), 502),
        (await open_yard.chat("hi", headers=refused), 401),
        (await open_yard.call(CHAT, b"{", headers=from_page()), 400),
        (await open_yard.get("/v1/nothing", headers=from_page()), 404),
    ):
        assert (heard.status, heard.headers[ALLOWED]) == (status, PAGE)


async def test_a_call_without_an_origin_is_answered_as_ever(open_yard: Yard) -> None:
    open_yard.provider("openai").says("hello")
    heard = await open_yard.chat("hi")
    assert heard.text == "hello"
    assert ALLOWED not in heard.headers


async def test_a_large_file_from_a_page_still_waits_on_disk(open_yard: Yard) -> None:
    open_yard.provider("openai").says("hello")
    large = b"x" * (3 << 20)
    heard = await open_yard.call(
        "/openai/v1/files", large, headers={**from_page(), "content-type": "application/pdf"}
    )
    assert heard.headers[ALLOWED] == PAGE


async def test_a_page_may_read_the_headers_unless_they_are_not_exposed(open_yard: Yard) -> None:
    open_yard.provider("openai").says("hello")
    exposed = "access-control-expose-headers"

    assert (await open_yard.chat("hi", headers=from_page())).headers[exposed] == "*"
    open_yard.enable("responseheaders", expose=False)
    for heard in (
        await open_yard.chat("hi", headers=from_page()),
        await open_yard.stream("hi", headers=from_page()),
        await open_yard.call(CHAT, b"{", headers=from_page()),
    ):
        assert heard.headers[ALLOWED] == PAGE
        assert exposed not in heard.headers
    open_yard.enable("responseheaders", expose=True)
    assert (await open_yard.chat("hi", headers=from_page())).headers[exposed] == "*"


async def test_the_headers_a_page_may_read_change_on_an_open_connection(open_yard: Yard) -> None:
    open_yard.provider("openai").says("hello")
    async with open_yard.raw() as client:
        headers = {**open_yard.headers, **from_page()}
        for expose in (True, False, True):
            open_yard.enable("responseheaders", expose=expose)
            client.ask(CHAT, open_yard.body(), headers=headers)
            await client.answer()
            told = Heard(client.reply).headers
            assert ("access-control-expose-headers" in told) is expose
