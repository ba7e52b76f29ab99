"""Recorded traffic of embeddings, rerank and moderations: it is read, kept and metered."""

import json
from collections.abc import Iterator
from functools import cache

import pytest

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.request import Request
from stockyard.core.rerank import RerankOutput
from stockyard.core.response import Response
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.formats import FORMATS
from tests.traffic.recordings import ABSENT, ROOT, Record, bodies, records_of
from tests.without_nulls import without_nulls

pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason=ABSENT)

NONE: frozenset[str] = frozenset()
KINDS = {
    "openai.embeddings": "openai.embeddings",
    "mistral.embeddings": "openai.embeddings",
    "voyage.embeddings": "voyage.embed",
    "cohere.embed": "cohere.embed",
    "gemini.embed": "gemini.embed",
    "vertex.predict": "vertex.predict",
    "cohere.rerank": "cohere.rerank",
    "openrouter.rerank": "cohere.rerank",
    "voyage.rerank": "voyage.rerank",
    "openai.moderations": "openai.moderations",
}
"""What the recordings call it -> our format."""
OF_PROVIDERS = {"perplexity": "perplexity.embed"}
UNCOUNTED = frozenset({"gemini.embed", "openai.moderations"})
"""Formats of which some recorded answers tell no usage."""
SERVERS_OF_DOUBLES = frozenset({"vllm"})
"""They answered with 64-bit floats where base64 was asked for; such bytes are only handed on."""


def codec_of(record: Record) -> Codec:
    return FORMATS[OF_PROVIDERS.get(record["provider"], KINDS[record["api"]])]


@cache
def records() -> tuple[Record, ...]:
    return tuple(records_of(KINDS))


def answers() -> Iterator[tuple[Record, Codec, bytes]]:
    for record in records():
        if record["status"] == 200:
            yield record, codec_of(record), bodies(record, "response")


def test_there_is_enough_of_it() -> None:
    assert {KINDS[r["api"]] for r in records()} == set(KINDS.values())
    assert len(records()) > 100


def test_every_request_is_read_and_written_again_without_loss() -> None:
    for record in records():
        codec, body = codec_of(record), bodies(record, "request")
        said = json.loads(body)
        model = codec.peek(body).model or record["url"].split("/models/")[-1].split(":")[0]
        request = Request(model=model, content=codec.decode_request(body))
        written = codec.encode_request(request, features=NONE, traits=NONE)
        again = json.loads(written.body)
        if codec.name == "cohere.embed":
            said.setdefault("embedding_types", ["float"])  # what leaving it out means
        assert without_nulls(again) == without_nulls(said), record["id"]
        assert written.dropped == ()


def test_every_answer_is_read_and_metered() -> None:
    for record, codec, body in answers():
        usage = codec.facts(body, traits=NONE).usage
        if usage is None:
            assert codec.name in UNCOUNTED, record["id"]
            continue
        assert usage.completion == 0
        assert usage.prompt > 0 or usage.units == {"rerank_unit": 1}, record["id"]
        assert not usage.flags, record["id"]


def test_every_vector_is_as_long_as_the_others_of_its_answer() -> None:
    for record, codec, body in answers():
        output = codec.decode_response(body, traits=NONE)
        if isinstance(output, EmbeddingsOutput):
            asked = codec.decode_request(bodies(record, "request"))
            assert isinstance(asked, EmbeddingsContent)
            assert len(output.vectors) == len(asked.items), record["id"]
            lengths = {len(vector.numbers["float"]) for vector in output.vectors}
            assert len(lengths) == 1
            if asked.dimensions is not None:
                assert lengths == {asked.dimensions}, record["id"]


def test_every_answer_can_be_told_in_the_usual_format() -> None:
    for record, codec, body in answers():
        usage = codec.facts(body, traits=NONE).usage
        output = codec.decode_response(body, traits=NONE)
        response = Response(output, usage=usage)
        pen = Pen("1", "m", 0, wants_usage=False, asked=b"{}")
        if isinstance(output, EmbeddingsOutput) and record["provider"] not in SERVERS_OF_DOUBLES:
            told = json.loads(FORMATS["openai.embeddings"].encode_response(response, pen))
            assert [row["embedding"] for row in told["data"]] == [
                list(vector.numbers["float"]) for vector in output.vectors
            ]
        elif isinstance(output, RerankOutput):
            told = json.loads(FORMATS["cohere.rerank"].encode_response(response, pen))
            scores = [row["relevance_score"] for row in told["results"]]
            assert scores == sorted(scores, reverse=True), record["id"]


def test_every_error_is_classified() -> None:
    for record in records():
        if record["status"] != 200:
            error = codec_of(record).decode_error(record["status"], [], bodies(record, "response"))
            assert error.kind == "auth", record["id"]
