"""What a provider repeats of our Credential reaches no caller."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from stockyard.core.target import Credential, Secret
from stockyard.testing.yard import Yard
from stockyard.upstream.echo import CoveredPieces, covering

SECRET = "c0ffee00/11+2233445566778899aabbccddeeff"
"""Of no shape that is known to be a secret."""


def credential(secret: str, **more: Any) -> Credential:
    return Credential(id="c", provider="openai", secret=Secret(secret), **more)


@pytest.mark.parametrize(
    ("secret", "said", "told"),
    [
        (SECRET, f"No: {SECRET}.", b"No: ***."),
        (SECRET, f"No: {quote(SECRET, safe='')}!", b"No: ***!"),
        (SECRET, f"No: {b64encode(SECRET.encode()).decode()}", b"No: ***"),
        (SECRET, f"No: {SECRET[:16]}...", b"No: ***"),
        (SECRET, f"No: {SECRET[:15]}", f"No: {SECRET[:15]}".encode()),
        (
            f"AKIAIOSFODNN7EXAMPLE:{SECRET}",
            f"No: {SECRET} of AKIAIOSFODNN7EXAMPLE",
            b"No: *** of ***",
        ),
        ("ollama", "No: ollama", b"No: ollama"),
        ("", "No: ", b"No: "),
    ],
)
def test_a_secret_is_taken_out_in_every_form(secret: str, said: str, told: bytes) -> None:
    cover = covering(credential(secret))
    assert cover(said.encode()) in (told, told + b"=", told + b"==")


PIECES = [
    (f"No: {SECRET}.", "No: ***."),
    (f"No: {SECRET[:20]}, or {SECRET}", "No: ***, or ***"),
    (f"{b64encode(SECRET.encode()).decode()} is no key", "*** is no key"),
    (f"No: {SECRET[:15]}", f"No: {SECRET[:15]}"),
    (f"ccc0ffeec0ff{SECRET} c0", "ccc0ffeec0ff*** c0"),
]


@pytest.mark.parametrize(("said", "told"), PIECES)
def test_wherever_a_provider_s_words_are_cut_the_secret_is_taken_out(said: str, told: str) -> None:
    for first in range(len(said) + 1):
        for second in range(first, len(said) + 1):
            pieces = CoveredPieces(covering(credential(SECRET)))
            cuts = said[:first], said[first:second], said[second:]
            heard = b"".join(pieces.feed(cut.encode()) for cut in cuts) + pieces.rest()
            assert heard.replace(b"==", b"").replace(b"=", b"").decode() == told


def test_bytes_that_cannot_begin_a_secret_do_not_wait() -> None:
    pieces = CoveredPieces(covering(credential(SECRET)))
    assert pieces.feed(b"data: {}\n\n") == b"data: {}\n\n"


def test_a_token_made_for_one_try_is_taken_out_too() -> None:
    cover = covering(credential(SECRET), "authorization: Bearer ya29.token-of-an-hour\r\n")
    assert cover(b"Invalid token: ya29.token-of-an-hour!") == b"Invalid token: ***!"


def test_a_callers_own_secret_is_the_callers_to_see() -> None:
    assert covering(credential(SECRET, own=True))(SECRET.encode()) == SECRET.encode()
    assert covering(None)(SECRET.encode()) == SECRET.encode()


REFUSED = f'{{"error":{{"message":"Incorrect API key provided: {SECRET}.","code":"x"}}}}'.encode()
CHAT: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "unified": ("/v1/chat/completions", CHAT),
    "native": ("/openai/v1/chat/completions", CHAT),
    "unread": ("/openai/v1/assistants", {"name": "a"}),
    "another dialect": ("/v1/messages", {**CHAT, "model": "openai/gpt-4o", "max_tokens": 5}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize("more", [{}, {"stream": True}], ids=["whole", "streamed"])
async def test_a_credential_that_an_error_names_reaches_no_caller_and_no_trace(
    yard: Yard, call: tuple[str, dict[str, Any]], more: Mapping[str, bool]
) -> None:
    path, body = call
    headers = {"content-type": "application/json", "x-request-id": SECRET, "x-odd": SECRET}
    yard.provider("openai", api_key=SECRET).sends(401, headers, REFUSED)
    answer = await yard.call(path, {**body, **more})
    assert answer.status in (401, 502)
    assert SECRET.encode() not in answer.body
    assert SECRET not in str(answer.raw_headers)
    attempt = yard.last.exchange.attempts[0]
    assert SECRET not in f"{attempt.upstream_id} {attempt.error_fields} {yard.last.error}"


@pytest.mark.parametrize("name", ["unified", "native", "another dialect"])
async def test_a_secret_in_an_error_of_a_stream_is_hidden(yard: Yard, name: str) -> None:
    path, body = CALLS[name]
    content = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    stream = content + b"data: " + REFUSED + b"\n\n"
    provider = yard.provider("openai", api_key=SECRET)
    provider.plays(
        stream, cuts=lambda data: [data[: len(content)], data[len(content) :]], delays=0.02
    )
    answer = await yard.call(path, {**body, "stream": True})
    assert b"Hi" in answer.body
    assert b"Incorrect API key" in answer.body
    assert SECRET.encode() not in answer.body


TOLD: dict[str, tuple[int, dict[str, str], bytes]] = {
    "an account": (200, {"content-type": "application/json"}, f'{{"key":"{SECRET}"}}'.encode()),
    "an address": (302, {"location": f"https://elsewhere.example/x?key={SECRET}"}, b""),
    "a field": (200, {"x-upload-url": f"https://elsewhere.example/x?key={SECRET}"}, b"{}"),
}


@pytest.mark.parametrize("told", TOLD.values(), ids=list(TOLD))
@pytest.mark.parametrize("path", ["/openai/v1/odd", "/openai/v1/files/file-1"])
async def test_a_secret_in_an_answer_that_did_not_fail_is_hidden(
    yard: Yard, path: str, told: tuple[int, dict[str, str], bytes]
) -> None:
    provider = yard.provider("openai", api_key=SECRET)
    provider.sends(200, {"content-type": "application/json"}, b'{"id":"file-1"}').sends(*told)
    await yard.call("/openai/v1/files", {})
    answer = await yard.get(path)
    assert answer.status == told[0]
    assert SECRET not in f"{answer.raw_headers}{answer.body!r}"


async def test_a_secret_in_a_redirect_is_hidden(yard: Yard) -> None:
    yard.provider("openai", api_key=SECRET).sends(*TOLD["an address"])
    answer = await yard.call("/openai/v1/chat/completions", CHAT)
    assert answer.headers["location"] == "https://elsewhere.example/x?key=***"


async def test_a_secret_in_an_error_of_several_reads_is_hidden(yard: Yard) -> None:
    provider = yard.provider("openai", api_key=SECRET)
    provider.sends(401, {"content-type": "application/json"}, REFUSED).drips(7)
    answer = await yard.call("/openai/v1/assistants", {"name": "a"})
    assert answer.body == REFUSED.replace(SECRET.encode(), b"***")
