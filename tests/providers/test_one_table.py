"""A new provider is one table of the catalog, and nothing else."""

import pytest

from stockyard.providers import catalog
from stockyard.providers.credentials import held_from_environment
from stockyard.providers.row import rows_in, shipped_rows
from stockyard.testing.yard import Yard

TABLE = """
[newcomer]
title = "Newcomer"
base_url = "https://api.newcomer.example/v1"
env = ["NEWCOMER_API_KEY"]
auth = ["bearer"]
models = ["newcomer-*"]
features = ["stream", "tools"]
quirks = ["max_tokens_not_completion"]
verified = true
docs = "https://docs.newcomer.example"

[newcomer.speaks]
"openai.chat" = "/chat/completions"

[newcomer.endpoints]
models = "/models"
embeddings = "/embeddings"
"""


@pytest.fixture(autouse=True)
def _one_table_more(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = shipped_rows() | rows_in(TABLE)
    monkeypatch.setattr(catalog, "shipped_rows", lambda: rows)


def test_its_variable_makes_it_reachable() -> None:
    environ = {"NEWCOMER_API_KEY": "nc-1"}
    (held,) = held_from_environment(catalog.load(environ=environ), environ)
    assert (held.credential.provider, held.origin) == (
        "newcomer",
        "https://api.newcomer.example",
    )


async def test_every_dialect_reaches_it_whole_and_streamed(yard: Yard) -> None:
    newcomer = yard.provider("newcomer").says("hello").streams("hel", "lo")
    newcomer.says("hello").streams("hel", "lo").says("hello")
    asked = {"model": "newcomer-large", "messages": [{"role": "user", "content": "hi"}]}
    for stream in (False, True):
        body = asked | {"max_completion_tokens": 9, "stream": stream}
        assert (await yard.call("/v1/chat/completions", body)).text == "hello"
        assert newcomer.last.json["max_tokens"] == 9  # its quirk
        assert newcomer.last.headers["authorization"] == "Bearer secret-of-newcomer"
    for stream in (False, True):
        answer = await yard.messages("hi", model="newcomer-large", max_tokens=9, stream=stream)
        assert answer.text == "hello"
    answer = await yard.call("/v1/responses", {"model": "newcomer/other", "input": "hi"})
    assert answer.status == 200
    assert newcomer.last.json["model"] == "other"
    assert {request.path for request in newcomer.requests} == {"/v1/chat/completions"}


async def test_its_native_route_is_there_and_leaves_bytes_alone(yard: Yard) -> None:
    newcomer = yard.provider("newcomer").says("hello")
    body = b'{"model": "newcomer-large",  "messages": [], "temperature": 1.0}'
    await yard.call("/newcomer/v1/chat/completions", body)
    assert newcomer.last.body == body


async def test_its_other_kinds_of_call_are_served(yard: Yard) -> None:
    vectors = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}]}'
    newcomer = yard.provider("newcomer").sends(200, {"content-type": "application/json"}, vectors)
    answer = await yard.call("/v1/embeddings", {"model": "newcomer-embed", "input": "hi"})
    assert answer.status == 200
    assert newcomer.last.path == "/v1/embeddings"
