"""What of the head of a provider's answer is handed on where nobody reads its body."""

import pytest

from stockyard.gateway.narrow_reply import narrowed


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (b"Content-Type: application/json; charset=utf-8", b"application/json; charset=utf-8"),
        (b"Content-Type: text/plain", b"text/plain"),
        (b"Content-Type: text/html", b"application/octet-stream"),
        (b"content-type: image/svg+xml", b"application/octet-stream"),
    ],
)
def test_nothing_is_handed_on_that_a_browser_would_run(told: bytes, kept: bytes) -> None:
    assert narrowed(told + b"\r\n") == b"content-type: %b\r\n" % kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (b"X-Stockyard-Provider: openai", b"x-stockyard-provider: openai"),
        (b"RateLimit-Limit: 5", b"ratelimit-limit: 5"),
        (
            b"anthropic-ratelimit-requests-remaining: 7",
            b"x-ratelimit-remaining-requests: 7",
        ),
        (b"set-cookie: a=b", b""),
        (b"server: nginx", b""),
        (b"openai-organization: org", b""),
        (b"x-odd: 1", b""),
    ],
)
def test_only_headers_meant_for_the_caller_are_handed_on(told: bytes, kept: bytes) -> None:
    assert narrowed(told + b"\r\n") == (kept + b"\r\n" if kept else b"")
