"""What an error becomes, by tables: the status, the code and the words of each dialect."""

from typing import get_args

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.target import Attempt, Credential, Secret, Target
from stockyard.errors import Abandoned, EgressDenied, ErrorKind, Refused, UpstreamError
from stockyard.gateway.faults import KIND_OF_CODE, KIND_OF_STATUS, UPSTREAM, fault_of
from tests.builders import an_exchange

PROVIDER: list[tuple[ErrorKind, int, str, int]] = [
    # kind of error, our status, our code, our status for a caller's own secret
    ("bad_request", 400, "invalid_request", 400),
    ("context_length", 400, "context_length", 400),
    ("content_filtered", 400, "content_blocked", 400),
    ("auth", 502, "provider_error", 401),
    ("no_credit", 502, "no_credit", 402),
    ("permission", 502, "provider_error", 403),
    ("model_unknown", 404, "model_not_found", 404),
    ("timeout", 504, "provider_timeout", 504),
    ("too_large", 413, "body_too_large", 413),
    ("rate_limited", 429, "rate_limited", 429),
    ("quota_exhausted", 429, "rate_limited", 429),
    ("overloaded", 503, "provider_error", 503),
    ("provider_fault", 502, "provider_error", 502),
    ("bad_answer", 502, "provider_error", 502),
    ("unreachable", 502, "provider_error", 502),
    ("interrupted", 502, "stream_interrupted", 502),
]


def tried(times: int, format: str = "openai.chat") -> Exchange:
    x = an_exchange()
    x.inbound = type(x.inbound)(format, "POST", "/", "", b"", x.inbound.headers)
    x.attempts = [Attempt(target=Target("p", "m"), started_us=0) for _ in range(times)]
    return x


@pytest.mark.parametrize(("kind", "status", "code", "own_status"), PROVIDER)
def test_an_error_of_a_provider_has_a_status_and_a_code(
    kind: ErrorKind, status: int, code: str, own_status: int
) -> None:
    fault = fault_of(UpstreamError(kind, "No.", status=418), tried(1))
    assert (fault.status, fault.code, fault.kind) == (status, code, kind)
    assert fault.stockyard["upstream_status"] == 418
    own = fault_of(UpstreamError(kind, "No.", own_credential=False), tried(1))
    assert own.status == own_status


def test_the_table_knows_every_kind() -> None:
    assert set(UPSTREAM) == set(get_args(ErrorKind)) == {kind for kind, *_ in PROVIDER}
    assert set(KIND_OF_CODE.values()) | set(KIND_OF_STATUS.values()) <= set(get_args(ErrorKind))


REPEATS: list[tuple[Exception, int, bool | None]] = [
    # error, tries that were made, what clients are told about trying again
    (UpstreamError("overloaded", "Busy."), 1, None),
    (UpstreamError("overloaded", "Busy."), 2, False),
    (UpstreamError("rate_limited", "Slowly."), 1, None),
    (UpstreamError("quota_exhausted", "No more."), 1, False),
    (UpstreamError("auth", "Who?"), 1, False),
    (UpstreamError("bad_request", "No."), 1, None),
    (UpstreamError("interrupted", "Cut."), 1, None),
    (EgressDenied("private"), 1, False),
    (Refused(429, "rate_limited", "Slowly.", retry_after=3), 0, None),
    (Refused(429, "budget_exceeded", "No more."), 0, False),
    (Refused(503, "no_target", "Nobody.", retry_after=5), 0, None),
    (Refused(502, "limit_exceeded", "Too long."), 0, False),
    (Refused(400, "content_blocked", "No."), 0, None),
    (ZeroDivisionError(), 0, None),
]


@pytest.mark.parametrize(("error", "tries", "told"), REPEATS, ids=str)
def test_s18_clients_are_told_when_trying_again_is_in_vain(
    error: Exception, tries: int, told: bool | None
) -> None:
    assert fault_of(error, tried(tries)).should_retry is told


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (Refused(429, "rate_limited", "Slowly.", retry_after=3), 3),
        (Refused(429, "rate_limited", "Slowly."), 1),
        (Refused(503, "no_target", "Nobody."), 1),
        (Refused(400, "invalid_request", "No."), None),
        (UpstreamError("rate_limited", "Slowly.", retry_after=7), 7),
        (UpstreamError("overloaded", "Busy."), 1),
        (UpstreamError("provider_fault", "Broken."), None),
    ],
)
def test_every_429_and_503_says_when_to_come_back(error: Exception, seconds: float | None) -> None:
    fault = fault_of(error, tried(1))
    assert fault.retry_after == seconds
    assert fault.stockyard.get("retry_after_ms") == (seconds and seconds * 1000)


@pytest.mark.parametrize(
    ("format", "status"),
    [("openai.chat", 503), ("anthropic.messages", 529), ("anthropic.count", 529)],
)
def test_a_529_keeps_its_status_where_clients_know_it(format: str, status: int) -> None:
    error = UpstreamError("overloaded", "Busy.", status=529)
    assert fault_of(error, tried(1, format)).status == status


def test_a_refusal_carries_what_its_module_said() -> None:
    refused = Refused(402, "cost_limit_exceeded", "Too dear.", param="model", detail={"usd": 3})
    refused.module = "caps"
    fault = fault_of(refused, tried(0))
    assert (fault.status, fault.param) == (402, "model")
    assert fault.stockyard["module"] == "caps"
    assert fault.stockyard["detail"] == {"usd": 3}
    assert fault.stockyard["request_id"] == "req_1"
    assert fault.stockyard["trace_id"] == "tr_1"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Abandoned(), 499, "abandoned"),
        (KeyError("secret"), 500, "internal"),
    ],
)
def test_other_errors_tell_nothing_of_the_inside(error: Exception, status: int, code: str) -> None:
    fault = fault_of(error, None, "req_2")
    assert (fault.status, fault.code, fault.request_id) == (status, code, "req_2")
    assert "secret" not in fault.message


def test_a_deadline_is_named() -> None:
    error = UpstreamError("timeout", "Late.", timer="timeout.idle", code="stream_stalled")
    fault = fault_of(error, tried(1))
    assert (fault.status, fault.code) == (504, "stream_stalled")
    assert fault.stockyard["timer"] == "timeout.idle"


TOLD: list[tuple[UpstreamError, str]] = [
    # what a provider said or did, what its caller reads
    (
        UpstreamError("unreachable", "The provider did not accept a connection."),
        "The provider p did not accept a connection.",
    ),
    (
        UpstreamError("unreachable", "The provider's name could not be resolved."),
        "The provider p's name could not be resolved.",
    ),
    (UpstreamError("bad_request", "Prompt is too long.", status=400), "Prompt is too long."),
    (
        UpstreamError("auth", "Incorrect API key provided.", status=401),
        "p refused the gateway's Credential 'env:P_API_KEY': Incorrect API key provided.",
    ),
    (
        UpstreamError("no_credit", "Top up.", status=402),
        "p has no credit left for the gateway's Credential 'env:P_API_KEY': Top up.",
    ),
    (
        UpstreamError("auth", "Incorrect API key provided.", status=401, own_credential=False),
        "Incorrect API key provided.",
    ),
    (UpstreamError("auth", "The key file is missing."), "The key file is missing."),
]


@pytest.mark.parametrize(("error", "told"), TOLD)
def test_an_error_of_a_provider_names_it_and_whose_credential_it_refused(
    error: UpstreamError, told: str
) -> None:
    x, error.provider = tried(1), "p"
    x.target = Target("p", "m", Credential("env:P_API_KEY", "p", Secret("hidden")))
    assert fault_of(error, x).message == told
