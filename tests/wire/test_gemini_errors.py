"""Errors as the gemini format says them."""

import json

import pytest

from stockyard.wire.codec import Fault
from stockyard.wire.formats import FORMATS

GEMINI, ARRAY = FORMATS["gemini"], FORMATS["gemini.array"]


def a_fault(status: int, retry_after: float | None = None) -> Fault:
    return Fault(
        status=status,
        kind="provider_fault",
        code="provider_error",
        message="No.",
        retry_after=retry_after,
        stockyard={"code": "provider_error"},
    )


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (405, "INVALID_ARGUMENT"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_every_status_has_its_word(status: int, word: str) -> None:
    said = GEMINI.encode_error(a_fault(status))

    error = json.loads(said.body)["error"]
    assert said.status == error["code"] == status
    assert (error["status"], error["message"]) == (word, "No.")
    assert error["stockyard"] == {"code": "provider_error"}


def test_the_time_to_wait_stands_in_the_details_and_in_the_head() -> None:
    said = GEMINI.encode_error(a_fault(429, 2.5))

    (info,) = json.loads(said.body)["error"]["details"]
    assert info == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    assert (b"retry-after", b"3") in said.fields


def test_who_reads_an_array_gets_its_error_in_one() -> None:
    fault = a_fault(400)

    assert json.loads(ARRAY.encode_error(fault).body) == [
        json.loads(GEMINI.encode_error(fault).body)
    ]


@pytest.mark.parametrize(("status", "told"), [(502, 503), (500, 503), (504, 504), (400, 400)])
def test_what_breaks_off_may_be_tried_again(status: int, told: int) -> None:
    event = GEMINI.failed_stream(a_fault(status))

    assert event.startswith(b"data: ")
    assert event.endswith(b"\r\n\r\n")
    assert json.loads(event[6:])["error"]["code"] == told
