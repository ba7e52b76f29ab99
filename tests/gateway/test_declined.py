"""Requests refused before a call begins are counted; those of a known caller have a Trace."""

import re
from typing import NamedTuple

import pytest

from stockyard.testing.yard import Yard, becomes

CHAT = "/v1/chat/completions"
UNKNOWN_KEY = {"authorization": "Bearer sk-sy-" + "x" * 49}


class Case(NamedTuple):
    path: str
    body: bytes
    headers: dict[str, str]
    status: int
    code: str


OF_A_CALLER = [
    Case(CHAT, b"{not json", {}, 400, "json_invalid"),
    Case(CHAT, b'{"messages": []}', {}, 400, "invalid_request"),
    Case("/v1/messages", b"[]", {}, 400, "invalid_request"),
    Case("/v1/embeddings", b"{", {}, 400, "json_invalid"),
    Case("/v1/responses", b"{", {}, 400, "json_invalid"),
    Case(CHAT, b"{}", {"content-encoding": "gzip"}, 415, "unsupported_encoding"),
    Case(CHAT, b"{}", {"x-stockyard-cache": "sometimes"}, 400, "invalid_control_header"),
    Case("/openai/v1/organization/users", b"{}", {}, 403, "path_not_allowed"),
    Case("/openai/v2/organization/users", b"{}", {}, 403, "path_not_allowed"),
    Case("/v1/batches", b'{"input_file_id": "file-of-others"}', {}, 404, "not_found"),
]
OF_NOBODY = [
    Case(CHAT, b"{}", UNKNOWN_KEY, 401, "invalid_key"),
    Case(CHAT, b"{}", {"authorization": ""}, 401, "invalid_key"),
    Case("/v1/nowhere/at/all", b"{}", {}, 404, "not_found"),
    Case(f"{CHAT}?key=sk-sy-abc", b"{}", {}, 400, "secret_in_url"),
    Case("/v1/realtime", b"", {}, 405, "method_not_allowed"),
]


def named(case: Case) -> str:
    return f"{case.path} {case.code}"


async def kept(yard: Yard, most: int = 1) -> list[tuple[str, str, str]]:
    """Id, ending and Key of every Trace."""
    yard.stockyard.recorder.flush()
    read = "select id, status, key_id from traces"
    await becomes(lambda: len(yard.stockyard.database.read(read)) >= most, within=1)
    return [(str(row[0]), str(row[1]), str(row[2])) for row in yard.stockyard.database.read(read)]


@pytest.mark.parametrize("case", OF_A_CALLER, ids=named)
async def test_a_refusal_to_a_known_caller_has_a_trace(yard: Yard, case: Case) -> None:
    yard.provider("openai")

    heard = await yard.call(case.path, case.body, headers=case.headers)

    assert (heard.status, yard.last.status) == (case.status, case.status)
    assert yard.stockyard.reception.declined == {case.code: 1}
    (key,) = yard.stockyard.keys.list()
    assert await kept(yard) == [(heard.headers["x-stockyard-trace-id"], "refused", key.id)]
    assert not yard.provider("openai").requests


@pytest.mark.parametrize("case", OF_NOBODY, ids=named)
async def test_refusals_to_unknown_callers_are_only_counted(yard: Yard, case: Case) -> None:
    for _ in range(3):
        heard = await yard.call(case.path, case.body, headers=case.headers)
        assert heard.status == case.status

    assert yard.stockyard.reception.declined == {case.code: 3}
    assert not yard.calls
    assert await kept(yard, most=0) == []


async def test_a_body_that_is_too_large_has_a_trace(yard: Yard) -> None:
    yard.set("http.max_body", "4KiB")

    heard = await yard.call(CHAT, b" " * 5000)

    assert (heard.status, yard.last.status) == (413, 413)
    assert len(await kept(yard)) == 1


async def test_calls_turned_away_for_want_of_room_are_only_counted(yard: Yard) -> None:
    yard.set("overload.max_inflight", 1)
    await yard.open()
    yard.stockyard.overload.most = 0

    heard = await yard.chat()

    assert heard.status == 503
    assert yard.stockyard.reception.declined == {"overloaded": 1}
    assert await kept(yard, most=0) == []


async def test_refusals_have_no_traces_where_calls_have_none(yard: Yard) -> None:
    yard.disable("logging")

    await yard.call(CHAT, b"{")

    assert yard.last.status == 400
    assert await kept(yard, most=0) == []


async def test_modules_that_only_observe_see_a_refused_call(yard: Yard) -> None:
    yard.enable("responseheaders")
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 1000}])

    refused = [await yard.call(CHAT, b"{") for _ in range(3)]

    assert [heard.status for heard in refused] == [400, 400, 400]
    assert "responseheaders on_head" not in yard.last.strip
    assert (await yard.chat()).status == 200


async def test_questions_about_models_are_not_in_the_books_of_calls(yard: Yard) -> None:
    yard.provider("openai")

    heard = await yard.get("/v1/models/nobody-has-it")

    assert heard.status == 404
    assert not yard.calls


async def test_the_answer_says_which_trace_it_has_and_what_the_caller_calls_it(yard: Yard) -> None:
    heard = await yard.call(CHAT, b"{", headers={"x-request-id": "my-request-0001"})

    assert heard.headers["x-request-id"] == "my-request-0001"
    assert heard.json["error"]["stockyard"]["trace_id"] == yard.last.exchange.trace_id


async def test_metrics_tell_how_many_requests_were_refused(yard: Yard) -> None:
    await yard.call(CHAT, b"{}", headers=UNKNOWN_KEY)
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}

    text = (await yard.get("/metrics", headers=admin)).body.decode()

    assert re.search(r'^stockyard_refused_total\{code="invalid_key"\} 1\.0$', text, re.MULTILINE)
