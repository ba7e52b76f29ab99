"""The control headers: what each may say, and what of it is known afterwards."""

import pytest

from stockyard.core.inbound import NO_CONTROL_HEADERS, ControlHeaders
from stockyard.errors import Refused
from stockyard.gateway.http import read_head
from stockyard.gateway.ingress import MAX_IGNORED, MAX_TAGS, control_headers_of
from stockyard.gateway.limits import HttpLimits


def asked(*fields: str) -> ControlHeaders:
    lines = ("POST /v1/chat/completions HTTP/1.1", "Host: a", *fields, "", "")
    return control_headers_of(read_head("\r\n".join(lines).encode(), HttpLimits()))


def tags(count: int) -> str:
    return "X-Stockyard-Tags: " + ",".join(f"t{number}=x" for number in range(count))


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        (["X-Stockyard-Tags: team=search, task=a b.c"], {"tags": ("team=search", "task=a b.c")}),
        (["X-Stockyard-Cache: Refresh"], {"cache": "refresh"}),
        (["Cache-Control: no-cache, max-age=5"], {"cache_control": "no-cache, max-age=5"}),
        (["Cache-Control: " + "x" * 600], {"cache_control": "x" * 512}),
        (["X-Provider: openai"], {"provider": "openai"}),
        (["X-Stockyard-Provider: ours", "X-Provider: theirs"], {"provider": "ours"}),
        (["X-Stockyard-Fallback: OFF"], {"fallback": "off"}),
        (["X-Stockyard-Capture: metadata"], {"capture": "metadata"}),
        (["X-Session-Id: " + "s" * 255], {"conversation": "s" * 255}),
        (["Idempotency-Key: once"], {"idempotency": "once"}),
        (["X-Request-Id: request-1"], {"request_id": "request-1"}),
        (["X-Request-Id: short"], {"request_id": ""}),
        (["X-Project: apollo"], {"project": "apollo"}),
        (["X-User-Id: theirs", "X-Stockyard-User: ours"], {"user": "ours"}),
        (["X-Customer-Id: theirs", "X-Stockyard-Customer: ours"], {"customer": "ours"}),
        (["Traceparent: 00-1", "Tracestate: a=b"], {"trace": "00-1", "trace_state": "a=b"}),
        (["Traceparent: 00-1", "Tracestate: " + "x" * 512], {"trace_state": "x" * 512}),
        (["Traceparent: 00-1", "Tracestate: " + "x" * 513], {"trace_state": ""}),
    ],
)
def test_control_headers_are_read(fields: list[str], known: dict[str, object]) -> None:
    found = asked(*fields)
    said = {name: getattr(found, name) for name in known}
    if "tags" in said:
        said["tags"] = tuple(f"{name}={value}" for name, value in found.tags)
    assert said == known


@pytest.mark.parametrize(
    "field",
    [
        "X-Stockyard-Tags: team",
        "X-Stockyard-Tags: team=search,",
        "X-Stockyard-Tags: team=" + "x" * 101,
        "X-Stockyard-Cache: sometimes",
        "X-Stockyard-Provider: " + "x" * 65,
        "X-Stockyard-Explain: yes",
        "X-Session-Id: " + "s" * 256,
        "X-Project: two words",
        tags(MAX_TAGS + 1),
    ],
)
def test_a_control_header_that_cannot_be_understood_is_refused_by_name(field: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(field)
    assert (refused.value.status, refused.value.code) == (400, "invalid_control_header")
    assert refused.value.param == field.partition(":")[0].lower()


def test_the_largest_number_of_tags_is_taken() -> None:
    assert len(asked(tags(MAX_TAGS)).tags) == MAX_TAGS


def test_control_headers_that_nobody_obeys_are_named_up_to_a_bound() -> None:
    assert asked("X-Stockyard-Frobnicate: 1", "X-Stockyard-Cache: off").ignored == (
        "x-stockyard-frobnicate",
    )
    many = [f"X-Stockyard-A{number}: 1" for number in range(MAX_IGNORED + 1)]
    assert len(asked(*many).ignored) == MAX_IGNORED


def test_a_call_without_any_asks_nothing() -> None:
    assert asked("Accept: */*", "Authorization: Bearer x") is NO_CONTROL_HEADERS
