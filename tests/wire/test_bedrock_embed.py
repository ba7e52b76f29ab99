"""Invoked embedding models: one text in a call, or many, as their family has it."""

import json
from typing import Any

import pytest

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.request import Request
from stockyard.testing.yard import Yard
from stockyard.wire.bedrock_embed.codec import EMBEDS_TEXTS, BedrockEmbedCodec
from stockyard.wire.codec import NotReadable

CODEC = BedrockEmbedCodec()
NONE: frozenset[str] = frozenset()
MANY = frozenset({EMBEDS_TEXTS})
TWO = ["one", "two"]
JSON = {"content-type": "application/json"}


def written(content: EmbeddingsContent, traits: frozenset[str]) -> tuple[Any, tuple[str, ...]]:
    request = Request(model="m", content=content)
    said = CODEC.encode_request(request, features=NONE, traits=traits)
    return json.loads(said.body), said.dropped


def test_one_text_stands_alone() -> None:
    content = EmbeddingsContent(items=("one",), dimensions=256, purpose="query", end_user="u")
    body = {"inputText": "one", "dimensions": 256}
    assert written(content, NONE) == (body, ("input_type", "user"))
    assert CODEC.most_items_of(NONE) == 1


def test_many_texts_are_asked_for_without_the_model() -> None:
    content = EmbeddingsContent(items=("one", "two"), purpose="query")
    assert written(content, MANY)[0] == {
        "texts": ["one", "two"],
        "input_type": "search_query",
        "embedding_types": ["float"],
    }
    assert CODEC.most_items_of(MANY) == 96


def test_nothing_is_lost() -> None:
    body = {"inputText": "one", "dimensions": 256, "normalize": True, "a_field": {"n": 1}}
    content = CODEC.decode_request(json.dumps(body).encode())
    assert isinstance(content, EmbeddingsContent)
    assert written(content, NONE) == (body, ())


@pytest.mark.parametrize(
    ("answer", "vectors", "tokens"),
    [
        ({"embedding": [0.5], "inputTextTokenCount": 3}, [(0.5,)], 3),
        ({"embeddings": [[0.5], [1.0]], "response_type": "embeddings_floats"}, [(0.5,), (1.0,)], 0),
        ({"embeddings": {"float": [[0.5]]}, "response_type": "embeddings_by_type"}, [(0.5,)], 0),
    ],
)
def test_answers_are_read(answer: Any, vectors: list[Any], tokens: int) -> None:
    body = json.dumps(answer).encode()
    output = CODEC.decode_response(body, traits=NONE)
    assert isinstance(output, EmbeddingsOutput)
    assert [vector.numbers["float"] for vector in output.vectors] == vectors
    usage = CODEC.facts(body, traits=NONE).usage
    assert (usage.prompt if usage else 0) == tokens


async def test_each_text_is_asked_for_where_the_model_takes_one(yard: Yard) -> None:
    scripted = yard.provider("bedrock")
    for number in (0.5, 1.0):
        answer = {"embedding": [number], "inputTextTokenCount": 3}
        scripted.sends(200, JSON, json.dumps(answer).encode())
    model = "bedrock/amazon.titan-embed-text-v2:0"

    told = await yard.call("/v1/embeddings", {"model": model, "input": TWO})

    assert told.status == 200
    body = json.loads(told.body)
    assert [row["embedding"] for row in body["data"]] == [[0.5], [1.0]]
    assert body["usage"]["prompt_tokens"] == 6
    assert scripted.last.path == "/model/amazon.titan-embed-text-v2%3A0/invoke"
    assert [json.loads(request.body)["inputText"] for request in scripted.requests] == TWO


async def test_many_texts_go_at_once_where_the_model_takes_them(yard: Yard) -> None:
    scripted = yard.provider("bedrock")
    scripted.sends(200, JSON, b'{"embeddings":[[0.5],[1.0]],"id":"x"}')
    model = "bedrock/cohere.embed-english-v3"

    told = await yard.call("/v1/embeddings", {"model": model, "input": TWO})

    assert told.status == 200
    assert json.loads(scripted.last.body)["texts"] == TWO
    assert yard.last.exchange.usage is not None
    assert yard.last.exchange.usage.source == "estimated"


@pytest.mark.parametrize(
    "body",
    [
        {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {"text": {"value": "hi"}}},
        {"inputImage": "iVBORw0KGgo="},
    ],
)
def test_families_that_are_not_read_are_relayed(body: dict[str, Any]) -> None:
    with pytest.raises(NotReadable):
        CODEC.peek(json.dumps(body).encode())
