"""Errors of providers, in neutral words; our errors, in the dialect of the caller."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.wire.codec import Fault
from stockyard.wire.formats import FORMATS
from stockyard.wire.masking import MAX_MESSAGE, masked
from stockyard.wire.retry_hints import duration, in_vain

CHAT, MESSAGES = FORMATS["openai.chat"], FORMATS["anthropic.messages"]
NONE: frozenset[str] = frozenset()


def said(message: str = "No.", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


SHAPES: list[tuple[int, Any, str, str]] = [
    (400, said(type="invalid_request_error", code="invalid_value"), "bad_request", "No."),
    (400, said(code="context_length_exceeded"), "context_length", "No."),
    (400, said("prompt is too long: 9 tokens > 8 maximum"), "context_length", "prompt is too"),
    (400, said("This model's maximum context length is 8."), "context_length", "This model"),
    (400, said("You wrote: prompt is too long: 9"), "bad_request", "You wrote"),
    (400, said(type="exceed_context_size_error", code=400), "context_length", "No."),
    (400, said(type="too_many_prompt_tokens", code=400), "context_length", "No."),
    (400, {"message": "No.", "error_type": "TOO_MANY_TOKENS"}, "context_length", "No."),
    (400, said(code="content_filter"), "content_filtered", "No."),
    (400, said(code="moderation_blocked", type="user_error"), "content_filtered", "No."),
    (
        422,
        {"object": "error", "message": {"detail": [{"loc": ["a"], "msg": "Field required"}]}},
        "bad_request",
        "Field required",
    ),
    (400, {"object": "error", "message": {"odd": 1}}, "bad_request", ""),
    (401, said(type="authentication_error", code="invalid_request_error"), "auth", "No."),
    (
        401,
        {"type": "error", "error": {"type": "authentication_error", "message": "No."}},
        "auth",
        "No.",
    ),
    (401, {"detail": "Invalid API Key"}, "auth", "Invalid API Key"),
    (401, said(code="401"), "auth", "No."),
    (401, said(code=401), "auth", "No."),
    (402, said(type="billing_error"), "no_credit", "No."),
    (403, said(), "permission", "No."),
    (404, said(code="DeploymentNotFound"), "model_unknown", "No."),
    (400, said(code="model_not_found"), "model_unknown", "No."),
    (400, {"object": "error", "message": "No.", "code": "1500"}, "model_unknown", "No."),
    (
        413,
        {"type": "error", "error": {"type": "request_too_large", "message": "No."}},
        "too_large",
        "No.",
    ),
    (
        422,
        {"detail": [{"loc": ["a"], "msg": "Field required", "type": "x"}]},
        "bad_request",
        "Field",
    ),
    (429, said(code="rate_limit_exceeded"), "rate_limited", "No."),
    (429, said(code="insufficient_quota"), "quota_exhausted", "No."),
    (
        429,
        said(
            status="RESOURCE_EXHAUSTED",
            code=429,
            details=[{"violations": [{"quotaId": "XPerDay"}]}],
        ),
        "quota_exhausted",
        "No.",
    ),
    (429, [said(code=429, status="RESOURCE_EXHAUSTED")], "rate_limited", "No."),
    (500, said(type="api_error"), "provider_fault", "No."),
    (500, said(type="overloaded_error"), "overloaded", "No."),
    (503, {"message": "No."}, "overloaded", "No."),
    (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "No."}},
        "overloaded",
        "No.",
    ),
    (504, {"error": "No."}, "timeout", "No."),
    (400, {"code": "invalid-argument", "error": "No."}, "bad_request", "No."),
    (400, {"error_code": "BAD_REQUEST", "message": "No."}, "bad_request", "No."),
    (
        400,
        {"type": "about:blank", "title": "Bad", "status": 400, "detail": "No."},
        "bad_request",
        "No.",
    ),
    (400, {"errors": [{"code": "x", "message": "No."}], "status_code": 400}, "bad_request", "No."),
    (502, "<html>Bad gateway</html>", "provider_fault", "The provider answered"),
    (422, "Failed to read\nthe body: no field", "bad_request", "Failed to read the body: no field"),
    (500, "data: {}\n\n", "provider_fault", "The provider answered"),
    (400, said(type="invalid_model", code=400), "model_unknown", "No."),
    (418, "", "bad_request", "The provider answered"),
]


@pytest.mark.parametrize(("status", "body", "kind", "opening"), SHAPES)
def test_errors_of_every_shape_are_told_apart_by_their_structure(
    status: int, body: Any, kind: str, opening: str
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    for codec in (CHAT, MESSAGES):
        error = codec.decode_error(status, [(b"content-type", b"text/plain")], text.encode())
        assert (error.kind, error.status) == (kind, status)
        assert error.message.startswith(opening)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Input is too long for requested model.", "context_length"),
        ("The model returned the following errors: Input is too long.", "context_length"),
        ("This model's maximum prompt length is 9 but there are 10 tokens.", "context_length"),
        ("Please reduce the length of the messages or completion.", "context_length"),
        ("the input length exceeds the context length", "context_length"),
        ("10 tokens are too large for model with 9 maximum context length", "context_length"),
        ("Your credit balance is too low to access the API.", "no_credit"),
        ("The provided model identifier is invalid.", "model_unknown"),
        ("nobody/nothing is not a valid model ID", "model_unknown"),
    ],
)
def test_a_400_is_told_by_the_message_where_nothing_else_tells(message: str, kind: str) -> None:
    body = json.dumps({"error": {"type": "invalid_request_error", "message": message}}).encode()
    assert MESSAGES.decode_error(400, [], body).kind == kind
    assert MESSAGES.decode_error(500, [], body).kind == "provider_fault"


def test_a_bad_key_behind_a_400_needs_the_row_to_say_so() -> None:
    body = json.dumps({"code": "x", "error": "Incorrect API key provided: xa***."}).encode()
    assert CHAT.decode_error(400, [], body).kind == "bad_request"
    assert CHAT.decode_error(400, [], body, traits=frozenset({"bad_key_is_400"})).kind == "auth"
    typed = json.dumps(said(details=[{"reason": "API_KEY_INVALID"}])).encode()
    assert CHAT.decode_error(400, [], typed).kind == "auth"


@given(st.binary(max_size=60), st.sampled_from([400, 401, 404, 429, 500, 503, 599]))
def test_no_error_body_breaks_the_reader(body: bytes, status: int) -> None:
    assert CHAT.decode_error(status, [], body).message


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "details", "detail", "errors"]),
            inner,
        )
    ),
)


@given(JSON)
def test_no_json_breaks_the_reader(value: Any) -> None:
    assert CHAT.decode_error(500, [], json.dumps(value).encode()).message
    for codec in (CHAT, MESSAGES):
        with pytest.raises(UpstreamError):
            codec.facts(json.dumps(value).encode(), traits=NONE)


@pytest.mark.parametrize(
    ("fields", "body", "seconds"),
    [
        ([(b"retry-after", b"7")], {}, 7.0),
        ([(b"Retry-After", b"1.5")], {}, 1.5),
        ([(b"retry-after", b"1"), (b"retry-after-ms", b"2500")], {}, 2.5),
        ([(b"retry-after", b"6m0s")], {}, 360.0),
        (
            [
                (b"retry-after", b"Wed, 21 Oct 2026 07:28:10 GMT"),
                (b"date", b"Wed, 21 Oct 2026 07:28:00 GMT"),
            ],
            {},
            10.0,
        ),
        ([], said(details=[{"@type": "RetryInfo", "retryDelay": "3.5s"}]), 3.5),
        ([(b"ratelimit", b'"api";r=0;t=55')], {}, 55.0),
        ([(b"RateLimit", b'"minute";r=0;t=5, "day"; r=0; t=600, "ip";r=9;t=900')], {}, 600.0),
        ([(b"ratelimit", b'"api";r=999;t=295')], {}, None),
        ([(b"ratelimit", b'"api";r=0.5;t=1e9, ;r=0, t=5')], {}, None),
        ([(b"ratelimit", b'"api";r=0;t=55'), (b"retry-after", b"7")], {}, 7.0),
        ([], said("Please try again in 1.2s."), 1.2),
        ([], said("Please try again in 20ms."), 0.02),
        ([(b"retry-after", b"soon")], {}, None),
        ([(b"retry-after", b"-1")], {}, None),
        ([], said("Never."), None),
    ],
)
def test_s18_hints_when_to_try_again(
    fields: list[tuple[bytes, bytes]], body: dict[str, Any], seconds: float | None
) -> None:
    error = CHAT.decode_error(429, fields, json.dumps(body).encode())
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("17.39s", 17.39), ("2ms", 0.002), ("6m0s", 360), ("1h2m", 3720), ("", None), ("x", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "secret",
    ["sk-proj-abcdefghijkl", "gsk_abcdefgh1234", "Bearer abcdefghijklmnop", "a.b@example.com",
     "org-AbCdEf123456", "AIzaSyAbcdefghijklmno"],
)  # fmt: skip
def test_secrets_do_not_reach_the_caller(secret: str) -> None:
    body = json.dumps(said(f"Bad key {secret}, sorry.")).encode()
    assert secret not in CHAT.decode_error(401, [], body).message


def test_messages_are_cut() -> None:
    assert len(masked("x" * 10_000)) == MAX_MESSAGE


FAULTS = [
    (
        "bad_request",
        400,
        "invalid_request",
        "invalid_request_error",
        "invalid_request",
        "invalid_request_error",
    ),
    (
        "context_length",
        400,
        "context_length",
        "invalid_request_error",
        "context_length_exceeded",
        "invalid_request_error",
    ),
    (
        "content_filtered",
        400,
        "content_blocked",
        "invalid_request_error",
        "content_filter",
        "invalid_request_error",
    ),
    (
        "auth",
        401,
        "invalid_key",
        "invalid_request_error",
        "invalid_api_key",
        "authentication_error",
    ),
    ("no_credit", 402, "no_credit", "insufficient_quota", "insufficient_quota", "billing_error"),
    (
        "permission",
        403,
        "model_not_allowed",
        "permission_error",
        "model_not_allowed",
        "permission_error",
    ),
    (
        "model_unknown",
        404,
        "model_not_found",
        "invalid_request_error",
        "model_not_found",
        "not_found_error",
    ),
    (
        "too_large",
        413,
        "body_too_large",
        "invalid_request_error",
        "body_too_large",
        "request_too_large",
    ),
    (
        "rate_limited",
        429,
        "rate_limited",
        "rate_limit_error",
        "rate_limit_exceeded",
        "rate_limit_error",
    ),
    (
        "rate_limited",
        429,
        "budget_exceeded",
        "rate_limit_error",
        "budget_exceeded",
        "rate_limit_error",
    ),
    (
        "quota_exhausted",
        429,
        "rate_limited",
        "insufficient_quota",
        "insufficient_quota",
        "rate_limit_error",
    ),
    ("provider_fault", 502, "provider_error", "server_error", "provider_error", "api_error"),
    ("overloaded", 503, "provider_error", "server_error", "provider_error", "overloaded_error"),
    ("timeout", 504, "provider_timeout", "server_error", "provider_timeout", "timeout_error"),
    ("overloaded", 529, "provider_error", "server_error", "provider_error", "overloaded_error"),
]


@pytest.mark.parametrize(
    ("kind", "status", "code", "chat_type", "chat_code", "messages_type"), FAULTS
)
def test_our_errors_look_like_those_of_the_dialect(
    kind: str, status: int, code: str, chat_type: str, chat_code: str, messages_type: str
) -> None:
    fault = Fault(
        status=status,
        kind=kind,
        code=code,
        message="No.",
        request_id="req_1",
        stockyard={"code": code, "trace_id": "tr_1"},
    )
    chat = CHAT.encode_error(fault)
    body = json.loads(chat.body)["error"]
    assert chat.status == status
    assert (body["type"], body["code"], body["message"]) == (chat_type, chat_code, "No.")
    assert body["stockyard"] == {"code": code, "trace_id": "tr_1"}
    messages = json.loads(MESSAGES.encode_error(fault).body)
    assert messages["type"] == "error"
    assert messages["request_id"] == "req_1"
    assert (messages["error"]["type"], messages["error"]["message"]) == (messages_type, "No.")
    assert messages["error"]["stockyard"]["code"] == code
    assert ((b"retry-after", b"1") in chat.fields) is (status in (429, 503))
    # What we write, we read as the same kind.
    for codec in (CHAT, MESSAGES):
        again = codec.decode_error(status, [], codec.encode_error(fault).body)
        if kind not in ("quota_exhausted", "content_filtered", "context_length"):
            assert again.kind == kind


def test_waiting_and_not_repeating_are_told_in_headers() -> None:
    fault = Fault(
        status=429, kind="rate_limited", code="rate_limited", message="No.", retry_after=1.2,
        should_retry=False,
    )  # fmt: skip
    for codec in (CHAT, MESSAGES):
        fields = dict(codec.encode_error(fault).fields)
        assert fields[b"retry-after"] == b"2"
        assert fields[b"x-should-retry"] == b"false"


@pytest.mark.parametrize(
    ("fields", "hopeless"),
    [
        ([], False),
        ([(b"x-should-retry", b"false")], True),
        ([(b"X-Should-Retry", b" False ")], True),
        ([(b"x-should-retry", b"true")], False),
    ],
)
def test_a_provider_may_say_that_another_try_is_in_vain(
    fields: list[tuple[bytes, bytes]], hopeless: bool
) -> None:
    assert in_vain(fields) is hopeless
    assert CHAT.decode_error(500, fields, b"{}").in_vain is hopeless
