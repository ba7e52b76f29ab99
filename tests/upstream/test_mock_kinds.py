"""The mock provider's embeddings, rankings and moderations, through the gateway."""

import json
import struct
from base64 import b64decode
from math import isclose
from typing import Any

import pytest

from stockyard.testing.yard import Yard

RERANK = {"model": "mock", "query": "a red fox", "documents": ["blue sky", "a red fox", "red"]}


async def asked(yard: Yard, path: str, body: Any) -> Any:
    told = await yard.call(path, body)
    assert told.status == 200, told.body
    assert told.headers["x-stockyard-provider"] == "mock"
    return json.loads(told.body)


async def test_the_same_text_has_the_same_vector_of_length_one(yard: Yard) -> None:
    body = {"model": "mock", "input": ["hi", "ho", "hi"], "dimensions": 64}
    first, other, again = (
        row["embedding"] for row in (await asked(yard, "/v1/embeddings", body))["data"]
    )
    assert first == again != other
    assert len(first) == 64
    assert isclose(sum(number * number for number in first), 1.0, rel_tol=1e-5)


async def test_text_of_a_vector_is_the_vector(yard: Yard) -> None:
    body = {"model": "mock", "input": "hi", "dimensions": 8}
    plain = (await asked(yard, "/v1/embeddings", body))["data"][0]["embedding"]
    body["encoding_format"] = "base64"
    packed = (await asked(yard, "/v1/embeddings", body))["data"][0]["embedding"]
    assert list(struct.unpack("<8f", b64decode(packed))) == plain


async def test_every_answer_has_an_id_for_clients_that_insist_on_one(yard: Yard) -> None:
    ids = [
        (await asked(yard, "/v1/embeddings", {"model": "mock", "input": "a"}))["id"] for _ in "ab"
    ]
    assert len(set(ids)) == 2


async def test_tokens_can_be_embedded(yard: Yard) -> None:
    body = {"model": "mock", "input": [[1, 2], [3]]}
    said = await asked(yard, "/v1/embeddings", body)
    assert [len(row["embedding"]) for row in said["data"]] == [1536, 1536]
    assert said["usage"]["prompt_tokens"] > 0


async def test_the_document_that_shares_most_words_comes_first(yard: Yard) -> None:
    said = await asked(yard, "/v2/rerank", RERANK)
    assert [row["index"] for row in said["results"]] == [1, 2, 0]
    said = await asked(yard, "/v2/rerank", {**RERANK, "top_n": 1})
    assert [row["index"] for row in said["results"]] == [1]


@pytest.mark.parametrize(("model", "flagged"), [("mock", False), ("mock/flagged", True)])
async def test_moderation_finds_what_its_model_is_asked_to(
    yard: Yard, model: str, flagged: bool
) -> None:
    said = await asked(yard, "/v1/moderations", {"model": model, "input": ["I hate", "flagged"]})
    assert [result["flagged"] for result in said["results"]] == [flagged, flagged]


async def test_the_trial_does_not_invent_moderation(yard: Yard) -> None:
    told = await yard.call("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"})
    assert told.status == 200
    told = await yard.call("/v1/moderations", {"model": "omni-moderation-latest", "input": "x"})
    assert (told.status, told.error and told.error["code"]) == (503, "no_target")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "mock/status-429", "input": "x"}),
        ("/v1/moderations", {"model": "mock/status-429", "input": "x"}),
        ("/v2/rerank", {**RERANK, "model": "mock/status-429"}),
    ],
)
async def test_models_that_fail_fail_here_too(yard: Yard, path: str, body: Any) -> None:
    yard.disable("retrypilot")
    told = await yard.call(path, body)
    assert told.status == 429
    assert told.headers["retry-after"] == "1"


async def test_dimensions_are_bounded(yard: Yard) -> None:
    told = await yard.call("/v1/embeddings", {"model": "mock", "input": "x", "dimensions": 10**9})
    assert told.status == 400
