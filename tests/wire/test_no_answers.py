"""A 200 whose body is an error, or no answer at all, is told as what it is."""

import pytest

from stockyard.errors import UpstreamError
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
VERDICTS = {
    "openai.chat": "is not a chat completion",
    "openai.responses": "is not a response",
    "openai.completions": "is not a completion",
    "anthropic.messages": "is not a message",
    "gemini": "has no candidates",
    "cohere.chat": "is not a chat answer",
    "bedrock.converse": "has no message",
}
OF_OPENAI = ("openai.chat", "openai.responses", "openai.completions")
PAGE = b"\n<!doctype html><title>Welcome</title>"
LIMITED = b'{"error":{"message":"Slow down.","type":"rate_limit_error"}}'


def told(name: str, body: bytes) -> UpstreamError:
    """What both ways of reading a whole answer say of it."""
    codec = FORMATS[name]
    with pytest.raises(UpstreamError) as looked:
        codec.facts(body, traits=NONE)
    with pytest.raises(UpstreamError) as read:
        codec.decode_response(body, traits=NONE)
    assert (looked.value.kind, looked.value.message) == (read.value.kind, read.value.message)
    return looked.value


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("body", [b"{}", b"[]", b"1", b"null", b"odd", b'{"id":"x"}'])
def test_what_is_no_answer_is_no_answer(name: str, body: bytes) -> None:
    error = told(name, body)
    assert (error.kind, error.message) == ("bad_answer", f"The provider's answer {VERDICTS[name]}.")


@pytest.mark.parametrize("name", VERDICTS)
def test_an_empty_body_and_a_web_page_are_told_apart(name: str) -> None:
    assert told(name, b"").message == "The provider's answer is empty."
    assert told(name, PAGE).message == "The provider's answer is a web page: check its base URL."


@pytest.mark.parametrize("name", VERDICTS)
def test_an_error_keeps_its_kind_and_its_words(name: str) -> None:
    error = told(name, LIMITED)
    assert (error.kind, error.message) == ("rate_limited", "Slow down.")


@pytest.mark.parametrize("name", OF_OPENAI)
@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b'{"error":"It broke."}', "provider_fault", "It broke."),
        (b'{"object":"error","message":"It broke.","code":40303}', "provider_fault", "It broke."),
        (
            b'{"object":"error","message":"No.","type":"rate_limit_error"}',
            "rate_limited",
            "No.",
        ),
        (b'{"error":{"message":"Who?","code":"invalid_api_key"}}', "auth", "Who?"),
    ],
)
def test_errors_of_every_shape_are_heard(name: str, body: bytes, kind: str, message: str) -> None:
    error = told(name, body)
    assert (error.kind, error.message) == (kind, message)


@pytest.mark.parametrize("name", ["openai.chat", "openai.completions"])
def test_a_failure_beside_the_answer_is_one(name: str) -> None:
    body = b'{"choices":[],"base_resp":{"status_code":1002,"status_msg":"Too fast."}}'
    with pytest.raises(UpstreamError) as raised:
        FORMATS[name].facts(body, traits=NONE)
    assert (raised.value.kind, raised.value.message) == ("rate_limited", "Too fast.")


def test_a_response_that_failed_says_so() -> None:
    error = told("openai.responses", b'{"object":"response","status":"failed","output":[]}')
    assert error.kind == "provider_fault"
