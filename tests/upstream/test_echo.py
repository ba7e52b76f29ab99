"""What a provider repeats of our Credential reaches no caller."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest

from stockyard.core.target import Credential, Secret
from stockyard.testing.yard import Yard
from stockyard.upstream.echo import covering

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
    assert SECRET not in f"{attempt.upstream_id} {attempt.told} {yard.last.error}"


@pytest.mark.parametrize("name", ["unified", "native", "another dialect"])
async def test_nor_does_one_that_an_error_in_a_stream_names(yard: Yard, name: str) -> None:
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
