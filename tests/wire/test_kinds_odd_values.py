"""Whatever stands in a body of embeddings, rerank or moderations, only typed errors come of it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import NotReadable, Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.whole import WholeCodec

NONE: frozenset[str] = frozenset()
CODECS = [codec for codec in FORMATS.values() if isinstance(codec, WholeCodec)]

WORDS = tuple(
    (
        "model input texts inputs images requests instances content parts text query documents "
        "passages top_n top_k return_documents truncate truncation dimensions output_dimension "
        "encoding_format embedding_type embedding_types input_type task taskType task_type "
        "outputDimensionality parameters autoTruncate type image_url url user data embedding "
        "embeddings values float base64 predictions statistics token_count results rankings index "
        "relevance_score score logit document meta billed_units search_units input_tokens usage "
        "total_tokens prompt_tokens usageMetadata promptTokenCount prompt_eval_count error message "
        "flagged categories category_scores id model_id input_token_count return_options"
    ).split()
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "base64", "float", "AAAA", "NONE", "RETRIEVAL_QUERY", "document"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=6)


def read_and_write_request(codec: WholeCodec, body: bytes) -> None:
    with contextlib.suppress(Refused, NotReadable):
        codec.peek(body)
        content = codec.decode_request(body)
        request = Request(model="m", content=content)
        codec.encode_request(request, features=NONE, traits=NONE)
        codec.splice_request(body, model="n", include_usage=False)
        list(content.texts())
        content.map_text(str.upper)
        content.unread()


def read_and_write_answer(codec: WholeCodec, body: bytes) -> None:
    with contextlib.suppress(UpstreamError):
        usage = codec.facts(body, traits=NONE).usage
        response = Response(codec.decode_response(body, traits=NONE), usage=usage)
        codec.encode_response(response, Pen("1", "m", 0, wants_usage=False, asked=body))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@settings(max_examples=20)
@given(body=BODIES, more=BODIES, rows=st.lists(BODIES, min_size=1, max_size=2))
def test_only_typed_errors_come_of_it(
    codec: WholeCodec, body: dict[str, Any], more: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    said = json.dumps(body | usual(codec.name, rows) | more).encode()
    read_and_write_request(codec, said)
    read_and_write_answer(codec, said)
    read_and_write_answer(codec, json.dumps({**body, **dict.fromkeys(LISTS, rows)}).encode())
    read_and_write_answer(codec, json.dumps(rows).encode())


LISTS = ("data", "embeddings", "predictions", "results", "rankings")


def usual(format_: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What a body needs at least to get beyond its first check."""
    if format_ == "gemini.embed":
        return {"requests": [{"content": {"parts": [{"text": "x"}]}, **row} for row in rows]}
    if format_.startswith("watsonx."):
        texts: list[Any] = ["x"] if format_ == "watsonx.embed" else [{"text": "x"}, *rows]
        return {"model_id": "m", "query": "x", "inputs": texts}
    return {
        "model": "m",
        "input": "x",
        "inputs": "x",
        "query": "x",
        "documents": ["x", *rows],
        "passages": rows,
        "content": {"parts": rows},
        "instances": rows,
    }


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_they_do_not_stream(codec: WholeCodec) -> None:
    with pytest.raises(UpstreamError, match="do not stream"):
        codec.reader(traits=NONE)
