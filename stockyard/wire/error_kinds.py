"""Classify a provider's error (`wire.md` 10.2).

By its typed fields: status, code and type. Message text is not trusted, with one exception: the
very start of a message, where no user text can stand, refines a 400.
"""

from collections.abc import Mapping
from typing import Any

from stockyard.errors import ErrorKind, UpstreamError
from stockyard.wire.codec import Fields, Traits
from stockyard.wire.error_shapes import NO_ERROR_BODY, ErrorBody, plain_words, read_error
from stockyard.wire.masking import masked
from stockyard.wire.retry_hints import in_vain, retry_after

_BY_STATUS: dict[int, ErrorKind] = {
    400: "bad_request", 401: "auth", 402: "no_credit", 403: "permission", 404: "model_unknown",
    405: "bad_request", 408: "timeout", 409: "overloaded", 413: "too_large", 422: "bad_request",
    424: "provider_fault", 425: "overloaded", 429: "rate_limited", 498: "auth",
    500: "provider_fault", 502: "provider_fault", 503: "overloaded", 504: "timeout",
    529: "overloaded",
}  # fmt: skip

# Codes and types that are more specific than the status. Compared in lower case.
_BY_WORD: dict[str, ErrorKind] = {
    "context_length_exceeded": "context_length",
    "too_many_tokens": "context_length",
    "too_many_prompt_tokens": "context_length",
    "exceed_context_size_error": "context_length",
    "content_filter": "content_filtered",
    "content_policy_violation": "content_filtered",
    "moderation_blocked": "content_filtered",
    "image_content_policy_violation": "content_filtered",
    "invalid_api_key": "auth",
    "authentication_error": "auth",
    "api_key_invalid": "auth",
    "unrecognizedclientexception": "auth",
    "expiredtokenexception": "auth",
    "invalidsignatureexception": "auth",
    "incompletesignatureexception": "auth",
    "missingauthenticationtokenexception": "auth",
    "unauthenticated": "auth",
    "billing_error": "no_credit",
    "contract_spend_limit_reached": "no_credit",
    "permission_error": "permission",
    "permission_denied": "permission",
    "accessdeniedexception": "permission",
    "resourcenotfoundexception": "model_unknown",
    "model_not_found": "model_unknown",
    "invalid_model": "model_unknown",
    "deploymentnotfound": "model_unknown",
    "not_found_error": "model_unknown",
    "1500": "model_unknown",
    "deadline_exceeded": "timeout",
    "modeltimeoutexception": "timeout",
    "timeout_error": "timeout",
    "request_too_large": "too_large",
    "insufficient_quota": "quota_exhausted",
    "rate_limit_exceeded": "rate_limited",
    "rate_limit_error": "rate_limited",
    "ratelimitreached": "rate_limited",
    "limit_requests": "rate_limited",
    "throttlingexception": "rate_limited",
    "servicequotaexceededexception": "quota_exhausted",
    "resource_exhausted": "rate_limited",
    "overloaded_error": "overloaded",
    "unavailable": "overloaded",
    "modelnotreadyexception": "overloaded",
    "serviceunavailableexception": "overloaded",
    "api_error": "provider_fault",
    "server_error": "provider_fault",
    "internal": "provider_fault",
    "internal_error": "provider_fault",
    "modelerrorexception": "provider_fault",
    "modelstreamerrorexception": "provider_fault",
    "internalserverexception": "provider_fault",
    "invalid_request_error": "bad_request",
    "invalid_argument": "bad_request",
    "validationexception": "bad_request",
}

# Kind -> the statuses that a code or type may refine to it. Any other status is believed as it is.
_REFINES: dict[ErrorKind, frozenset[int]] = {
    "context_length": frozenset({400, 413, 422}),
    "content_filtered": frozenset({400, 403, 422}),
    "auth": frozenset({400, 401, 403}),
    "no_credit": frozenset({400, 402, 403, 429}),
    "permission": frozenset({400, 403}),
    "model_unknown": frozenset({400, 404, 422}),
    "quota_exhausted": frozenset({400, 429}),
    "rate_limited": frozenset({400, 429}),
    "overloaded": frozenset({500, 502, 503, 529}),
}

_OPENINGS: dict[ErrorKind, tuple[str, ...]] = {
    "context_length": (
        "prompt is too long:",
        "Your input exceeds the context window",
        "This model's maximum context length is",
        "This model's maximum prompt length is",
        "This endpoint's maximum context length is",
        "The input token count (",
        "The model returned the following errors: Input Tokens Exceeded",
        "The model returned the following errors: Input is too long",
        "Input is too long for requested model",
        "Please reduce the length of the messages or completion",
        "prompt too long; exceeded max context length",
        "the input length exceeds the context length",
    ),
    "no_credit": ("Your credit balance is too low",),
    "model_unknown": ("The provided model identifier is invalid",),
}
"""How messages begin that say more than their status and their words do."""
_OVERFLOW_END = " maximum context length"
_UNKNOWN_MODEL_END = " is not a valid model ID"
_BAD_KEY_OPENINGS = ("Incorrect API key provided",)

_SILENT: dict[ErrorKind, str] = {
    "auth": "The provider refused the credential.",
    "rate_limited": "The provider's rate limit is reached.",
    "overloaded": "The provider is overloaded.",
    "timeout": "The provider took too long.",
}


def upstream_error(
    status: int, fields: Fields, body: bytes, traits: Traits = frozenset()
) -> UpstreamError:
    """Classify a provider's error response."""
    answer = read_error(body)
    if answer is NO_ERROR_BODY:
        answer = ErrorBody(message=plain_words(body))
    if not answer.type:
        kind_field = next((v for n, v in fields if n.lower() == b"x-amzn-errortype"), b"")
        answer = ErrorBody(
            message=answer.message,
            type=kind_field.partition(b":")[0].decode("latin-1"),
            code=answer.code,
            param=answer.param,
            status=answer.status,
            body=answer.body,
        )
    return _error(kind_of(status, answer, traits), status, fields, answer)


def error_in_answer(answer: ErrorBody, fields: Fields = ()) -> UpstreamError:
    """Classify an error inside a 200: a whole body, or an event of a stream."""
    kind = _word_kind(answer) or _BY_STATUS.get(answer.status or 0, "provider_fault")
    if kind == "bad_request":
        kind = _refined_by_opening(answer, frozenset())
    return _error(kind, answer.status, fields, answer)


def not_an_answer(body: bytes, verdict: str) -> UpstreamError:
    """The error for a 200 that holds neither an answer nor an error."""
    if not body:
        verdict = "is empty"
    elif body.lstrip().startswith(b"<"):
        verdict = "is a web page: check its base URL"
    return UpstreamError("bad_answer", f"The provider's answer {verdict}.")


def kind_of(status: int, answer: ErrorBody, traits: Traits = frozenset()) -> ErrorKind:
    by_status = _BY_STATUS.get(status) or ("provider_fault" if status >= 500 else "bad_request")
    if by_status == "rate_limited" and _daily_quota(answer.body):
        return "quota_exhausted"
    word = _word_kind(answer)
    if word and status in _REFINES.get(word, ()):
        return word
    if by_status == "bad_request":
        return _refined_by_opening(answer, traits)
    return by_status


def _word_kind(answer: ErrorBody) -> ErrorKind | None:
    """The kind named by the most specific of the provider's typed words: code before type."""
    for word in (answer.code, answer.type, *_reasons(answer.body)):
        kind = _BY_WORD.get(word.lower())
        if kind and kind != "bad_request":
            return kind
    return "bad_request" if _BY_WORD.get(answer.type.lower()) == "bad_request" else None


def _refined_by_opening(answer: ErrorBody, traits: Traits) -> ErrorKind:
    for kind, openings in _OPENINGS.items():
        if answer.message.startswith(openings):
            return kind
    if answer.message.endswith(_OVERFLOW_END):
        return "context_length"
    if answer.message.endswith(_UNKNOWN_MODEL_END):
        return "model_unknown"
    if "bad_key_is_400" in traits and answer.message.startswith(_BAD_KEY_OPENINGS):
        return "auth"
    return "bad_request"


def _error(kind: ErrorKind, status: int | None, fields: Fields, answer: ErrorBody) -> UpstreamError:
    unsaid = f"status {status}" if status is not None else "an error"
    silent = _SILENT.get(kind, f"The provider answered with {unsaid} and did not say why.")
    return UpstreamError(
        kind,
        masked(answer.message) or silent,
        status=status,
        code=masked(answer.code or answer.type) or None,
        param=answer.param,
        retry_after=retry_after(fields, answer.body, answer.message),
        in_vain=in_vain(fields),
    )


def _reasons(error: Mapping[str, Any]) -> list[str]:
    """The typed reasons in `details[]`, such as API_KEY_INVALID."""
    details = error.get("details")
    found = (
        [d.get("reason") for d in details if isinstance(d, Mapping)]
        if isinstance(details, list)
        else []
    )
    return [reason for reason in found if isinstance(reason, str)]


def _daily_quota(error: Mapping[str, Any]) -> bool:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        violations = detail.get("violations") if isinstance(detail, Mapping) else None
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, Mapping) and "PerDay" in str(violation.get("quotaId")):
                return True
    return False
