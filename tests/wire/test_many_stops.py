"""More stop sequences than a format takes (`wire.md` 5.1): the first are sent, the loss is told."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
MANY = [f"stop {i}" for i in range(3_000)]


def sent(source: str, target: str, asked: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    content = FORMATS[source].decode_request(json.dumps(asked).encode())
    request = Request(model="m", content=content)
    written = FORMATS[target].encode_request(request, features=NONE, traits=NONE)
    return json.loads(written.body), written.dropped


def from_messages(target: str, count: int) -> tuple[dict[str, Any], tuple[str, ...]]:
    user = {"role": "user", "content": "hi"}
    asked = {"model": "m", "messages": [user], "stop_sequences": MANY[:count]}
    return sent("anthropic.messages", target, asked)


@pytest.mark.parametrize(
    ("target", "path", "most"),
    [
        ("openai.chat", ["stop"], 4),
        ("openai.completions", ["stop"], 4),
        ("gemini", ["generationConfig", "stopSequences"], 5),
        ("cohere.chat", ["stop_sequences"], 5),
        ("bedrock.converse", ["inferenceConfig", "stopSequences"], 2_500),
    ],
)
def test_as_many_are_sent_as_the_format_takes(target: str, path: list[str], most: int) -> None:
    for count in (most, most + 1):
        written, dropped = from_messages(target, count)
        found: Any = written
        for key in path:
            found = found[key]
        assert found == MANY[:most]
        assert dropped == (("stop",) if count > most else ())


@pytest.mark.parametrize("source", ["openai.chat", "openai.completions"])
@pytest.mark.parametrize("target", ["openai.chat", "openai.completions"])
def test_clients_of_this_format_know_how_many_their_provider_takes(
    source: str, target: str
) -> None:
    said = {"prompt": "hi"} if source == "openai.completions" else {}
    user = {"role": "user", "content": "hi"}
    asked = {"model": "m", "messages": [user], "stop": MANY[:9], **said}
    if said:
        del asked["messages"]
    written, dropped = sent(source, target, asked)
    assert written["stop"] == MANY[:9]
    assert "stop" not in dropped
