"""Names of users, as each format may hear them (`wire.md` 4.4, 5.2)."""

import json

import pytest

from stockyard.core.request import Request
from stockyard.wire.formats import FORMATS

LONG = "u" * 65
MAIL = "ann@example.org"

BODIES = {
    "openai.chat": '{"messages": [], "user": %s}',
    "openai.responses": '{"model": "m", "input": "hi", "user": %s}',
    "anthropic.messages": '{"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],'
    ' "metadata": {"user_id": %s}}',
}


def told(source: str, target: str, name: str) -> str:
    """How a name that came in one format goes out in another."""
    body = (BODIES[source] % json.dumps(name)).encode()
    request = Request(model="m", content=FORMATS[source].decode_request(body))
    nothing: frozenset[str] = frozenset()
    written = FORMATS[target].encode_request(request, features=nothing, traits=nothing)
    said = json.loads(written.body)
    return str(said["metadata"]["user_id"] if "metadata" in said else said["user"])


@pytest.mark.parametrize("format_", BODIES)
@pytest.mark.parametrize("name", ["ann", LONG, MAIL])
def test_a_format_gets_its_own_names_back(format_: str, name: str) -> None:
    assert told(format_, format_, name) == name


@pytest.mark.parametrize(
    ("source", "target", "name", "kept"),
    [
        ("anthropic.messages", "openai.chat", "ann", True),
        ("anthropic.messages", "openai.chat", LONG, False),
        ("anthropic.messages", "openai.responses", LONG, False),
        ("anthropic.messages", "openai.responses", LONG[:64], True),
        ("openai.chat", "anthropic.messages", LONG, True),
        ("openai.chat", "anthropic.messages", MAIL, False),
        ("openai.responses", "anthropic.messages", MAIL, False),
    ],
)
def test_another_format_gets_a_hash_where_it_must(
    source: str, target: str, name: str, kept: bool
) -> None:
    heard = told(source, target, name)
    assert (heard == name) == kept
    assert len(heard) <= max(64, len(name))
    assert heard == told(source, target, name)
