"""Embeddings in every format: what each reads, what the others make of it, and what is kept."""

import json
from typing import Any

import pytest

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Codec, Fault, Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.openai_embeddings.codec import EmbeddingsCodec

NONE: frozenset[str] = frozenset()
TWO = ["one", "two"]

PLAIN: dict[str, Any] = {
    "openai.embeddings": {"model": "m", "input": TWO, "dimensions": 2},
    "voyage.embed": {"model": "m", "input": TWO, "output_dimension": 2},
    "jina.embed": {"model": "m", "input": TWO, "dimensions": 2},
    "perplexity.embed": {"model": "m", "input": TWO, "dimensions": 2},
    "ollama.embed": {"model": "m", "input": TWO, "dimensions": 2},
    "tei.embed": {"inputs": TWO, "dimensions": 2},
    "vertex.predict": {
        "instances": [{"content": "one"}, {"content": "two"}],
        "parameters": {"outputDimensionality": 2},
    },
    "gemini.embed": {
        "requests": [
            {
                "model": "models/m",
                "content": {"parts": [{"text": text}]},
                "outputDimensionality": 2,
            }
            for text in TWO
        ]
    },
}
"""The same request in each format."""

DOCUMENTS: dict[str, Any] = {
    "voyage.embed": {"model": "m", "input": TWO, "input_type": "document"},
    "jina.embed": {"model": "m", "input": TWO, "task": "retrieval.passage"},
    "cohere.embed": {
        "model": "m",
        "texts": TWO,
        "input_type": "search_document",
        "embedding_types": ["float"],
    },
    "vertex.predict": {
        "instances": [{"content": text, "task_type": "RETRIEVAL_DOCUMENT"} for text in TWO]
    },
    "gemini.embed": {
        "requests": [
            {
                "model": "models/m",
                "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_DOCUMENT",
            }
            for text in TWO
        ]
    },
}
"""The same again, where formats say what the vectors are for."""

OWN: list[tuple[str, Any]] = [
    *PLAIN.items(),
    *DOCUMENTS.items(),
    ("openai.embeddings", {"model": "m", "input": "one", "encoding_format": "base64"}),
    ("openai.embeddings", {"model": "m", "input": "one", "encoding_format": "float"}),
    ("openai.embeddings", {"model": "m", "input": [1, 2], "user": "u"}),
    ("openai.embeddings", {"model": "m", "input": [[1, 2], [3]], "input_type": "passage"}),
    ("openai.embeddings", {"model": "m", "input": ""}),
    ("voyage.embed", {"model": "m", "input": "one", "output_dtype": "int8", "truncation": False}),
    ("voyage.embed", {"model": "m", "input": "one", "output_dtype": "float"}),
    ("jina.embed", {"model": "m", "input": [{"image": "data:"}], "embedding_type": "ubinary"}),
    ("ollama.embed", {"model": "m", "input": "one", "truncate": True, "options": {"a": 1}}),
    ("watsonx.embed", {"model_id": "m", "inputs": TWO, "project_id": "p"}),
    (
        "watsonx.embed",
        {"model_id": "m", "inputs": TWO, "parameters": {"truncate_input_tokens": 9}},
    ),
    ("tei.embed", {"inputs": "one", "truncate": True, "normalize": False}),
    (
        "cohere.embed",
        {
            "model": "m",
            "images": ["data:image/png;base64,AA"],
            "input_type": "image",
            "embedding_types": ["int8", "ubinary"],
            "output_dimension": 64,
            "truncate": "START",
        },
    ),
    (
        "cohere.embed",
        {
            "model": "m",
            "inputs": [
                {"content": [{"type": "text", "text": "one"}]},
                {"content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
            ],
            "input_type": "clustering",
            "embedding_types": ["float"],
            "truncate": "NONE",
        },
    ),
    (
        "gemini.embed",
        {
            "requests": [
                {"model": "models/m", "content": {"role": "user", "parts": [{"text": "one"}]}},
            ]
        },
    ),
    (
        "gemini.embed",
        {
            "requests": [
                {
                    "model": "models/m",
                    "content": {"parts": [{"text": "one"}]},
                    "taskType": "CODE_RETRIEVAL_QUERY",
                },
                {"model": "models/m", "content": {"parts": [{"text": "two"}]}, "title": "t"},
            ]
        },
    ),
    (
        "gemini.embed_content",
        {
            "model": "models/m",
            "content": {"parts": [{"text": "one"}, {"text": "two"}]},
            "title": "t",
        },
    ),
    (
        "vertex.predict",
        {"instances": [{"content": "one", "title": "t"}], "parameters": {"autoTruncate": False}},
    ),
]

ANSWERS: dict[str, Any] = {
    "openai.embeddings": {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [0.25, 2.0]},
        ],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    },
    "voyage.embed": {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 1, "embedding": "AACAPgAAAEA="},
            {"object": "embedding", "index": 0, "embedding": "AAAAPwAAgL8="},
        ],
        "model": "m",
        "usage": {"total_tokens": 7},
    },
    "cohere.embed": {
        "id": "x",
        "embeddings": {"float": [[0.5, -1.0], [0.25, 2.0]]},
        "meta": {"billed_units": {"input_tokens": 7}},
        "response_type": "embeddings_by_type",
    },
    "gemini.embed": {
        "embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}],
        "usageMetadata": {"promptTokenCount": 7},
    },
    "vertex.predict": {
        "predictions": [
            {"embeddings": {"values": [0.5, -1.0], "statistics": {"token_count": 3}}},
            {"embeddings": {"values": [0.25, 2.0], "statistics": {"token_count": 4}}},
        ]
    },
    "ollama.embed": {
        "model": "m",
        "embeddings": [[0.5, -1.0], [0.25, 2.0]],
        "prompt_eval_count": 7,
    },
    "watsonx.embed": {
        "model_id": "m",
        "results": [{"embedding": [0.5, -1.0]}, {"embedding": [0.25, 2.0]}],
        "input_token_count": 7,
    },
}
"""The same answer in each format."""


def read(codec: Codec, answer: bytes) -> None:
    codec.facts(answer, traits=NONE)
    codec.decode_response(answer, traits=NONE)


def content_of(format_: str, body: Any) -> EmbeddingsContent:
    content = FORMATS[format_].decode_request(json.dumps(body).encode())
    assert isinstance(content, EmbeddingsContent)
    return content


def written(format_: str, content: EmbeddingsContent) -> tuple[Any, tuple[str, ...]]:
    request = Request(model="m", content=content)
    said = FORMATS[format_].encode_request(request, features=NONE, traits=NONE)
    return json.loads(said.body), said.dropped


def answered(source: str, answer: Any, target: str, asked: Any = None) -> Any:
    body = json.dumps(answer).encode()
    codec = FORMATS[source]
    usage = codec.facts(body, traits=NONE).usage
    response = Response(codec.decode_response(body, traits=NONE), usage=usage)
    pen = Pen("1", "m", 0, wants_usage=False, asked=json.dumps(asked or {}).encode())
    return json.loads(FORMATS[target].encode_response(response, pen))


@pytest.mark.parametrize("family", [PLAIN, DOCUMENTS])
def test_formats_agree(family: dict[str, Any]) -> None:
    for source, body in family.items():
        for target, expected in family.items():
            assert written(target, content_of(source, body))[0] == expected, (source, target)


@pytest.mark.parametrize("said", ["document", "search_document", "passage"])
def test_a_purpose_is_understood_however_a_client_spells_it(said: str) -> None:
    asked = {"model": "m", "input": TWO, "input_type": said}
    for target, expected in DOCUMENTS.items():
        assert written(target, content_of("openai.embeddings", asked))[0] == expected
    assert written("openai.embeddings", content_of("openai.embeddings", asked)) == (asked, ())


@pytest.mark.parametrize("source", ["cohere.embed", "gemini.embed"])
def test_a_purpose_is_not_told_to_providers_that_would_refuse_it(source: str) -> None:
    body, dropped = written("openai.embeddings", content_of(source, DOCUMENTS[source]))
    assert body == {"model": "m", "input": TWO}
    assert dropped == ("input_type",)


@pytest.mark.parametrize(("format_", "body"), OWN)
def test_nothing_is_lost(format_: str, body: Any) -> None:
    if format_ == "gemini.embed":
        rows = [{**row, "a_field_from_next_year": {"n": 1}} for row in body["requests"]]
        body = {"requests": rows}
    else:
        body = {**body, "a_field_from_next_year": {"n": 1}}
    assert written(format_, content_of(format_, body)) == (body, ())


@pytest.mark.parametrize("source", ANSWERS)
@pytest.mark.parametrize("target", ["openai.embeddings", "gemini.embed", "cohere.embed"])
def test_answers_agree(source: str, target: str) -> None:
    told = answered(source, ANSWERS[source], target)
    if target == "openai.embeddings":
        vectors, count = [row["embedding"] for row in told["data"]], told["usage"]["total_tokens"]
    elif target == "gemini.embed":
        vectors = [row["values"] for row in told["embeddings"]]
        count = told["usageMetadata"]["promptTokenCount"]
    else:
        vectors = told["embeddings"]["float"]
        count = told["meta"]["billed_units"]["input_tokens"]
    assert vectors == [[0.5, -1.0], [0.25, 2.0]]
    assert count == 7


def test_vectors_are_packed_for_whoever_asks_for_text() -> None:
    asked = {"encoding_format": "base64"}
    told = answered("ollama.embed", ANSWERS["ollama.embed"], "openai.embeddings", asked)
    assert [row["embedding"] for row in told["data"]] == ["AAAAPwAAgL8=", "AACAPgAAAEA="]

    asked_for_both = {"embedding_types": ["float", "base64"]}
    told = answered("ollama.embed", ANSWERS["ollama.embed"], "cohere.embed", asked_for_both)
    assert told["embeddings"]["base64"] == ["AAAAPwAAgL8=", "AACAPgAAAEA="]
    assert told["embeddings"]["float"] == [[0.5, -1.0], [0.25, 2.0]]

    asked_for_text = {"embedding_types": ["base64"]}
    told = answered("ollama.embed", ANSWERS["ollama.embed"], "cohere.embed", asked_for_text)
    assert list(told["embeddings"]) == ["base64"]


def test_bytes_in_text_are_read_as_the_small_numbers_they_are() -> None:
    answer = {"data": [{"index": 0, "embedding": "/wB/gA=="}], "model": "m"}
    told = answered("perplexity.embed", answer, "openai.embeddings")
    assert told["data"][0]["embedding"] == [-1, 0, 127, -128]


@pytest.mark.parametrize(
    ("asked", "answer", "as_asked"),
    [
        ({"input": "x"}, '{"data":[{"embedding":[1]}]}', True),
        ({"input": "x", "encoding_format": "base64"}, '{"data":[{"embedding" : "AA"}]}', True),
        ({"input": "x", "encoding_format": "base64"}, '{"data":[{"embedding":[1]}]}', False),
        ({"input": '"base64"'}, '{"data":[{"embedding":[1]}]}', True),
        ({"input": "x"}, '{"data":[{"embedding":"AA"}]}', False),
    ],
)
def test_an_answer_is_handed_on_only_as_it_was_asked_for(
    asked: Any, answer: str, as_asked: bool
) -> None:
    codec = EmbeddingsCodec()
    assert codec.honours(json.dumps(asked).encode(), answer.encode()) is as_asked


@pytest.mark.parametrize(
    ("source", "body", "dropped"),
    [
        ("cohere.embed", {"texts": ["x"], "embedding_types": ["int8"]}, ("embedding_types",)),
        ("cohere.embed", {"texts": ["x"], "priority": 1}, ("priority",)),
        ("jina.embed", {"input": ["x"], "late_chunking": True}, ("late_chunking",)),
        ("voyage.embed", {"input": ["x"], "truncation": True}, ("truncate",)),
    ],
)
def test_what_the_other_format_cannot_say_is_named(
    source: str, body: Any, dropped: tuple[str, ...]
) -> None:
    content = content_of(source, {"model": "m", **body})
    assert written("openai.embeddings", content)[1] == dropped


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        ("openai.embeddings", {"model": "m", "input": [[1, 2]]}),
        ("cohere.embed", {"model": "m", "images": ["data:"]}),
        ("jina.embed", {"model": "m", "input": [{"image": "x"}]}),
        ("gemini.embed_content", {"content": {"parts": [{"inlineData": {}}]}}),
    ],
)
def test_what_is_no_text_stays_in_its_format(format_: str, body: Any) -> None:
    tie = content_of(format_, body).tie
    assert tie is not None
    assert tie.param == "input"


@pytest.mark.parametrize(
    ("format_", "body", "param"),
    [
        ("openai.embeddings", {"model": "m", "input": []}, "input"),
        ("openai.embeddings", {"model": "m", "input": ["x", 1]}, "input"),
        ("openai.embeddings", {"model": "m", "input": ["x", [1]]}, "input"),
        ("openai.embeddings", {"model": "m", "input": {"a": 1}}, "input"),
        ("openai.embeddings", {"model": "m", "input": [[]]}, "input"),
        ("openai.embeddings", {"model": "m", "input": [[1.5]]}, "input"),
        (
            "openai.embeddings",
            {"model": "m", "input": "x", "encoding_format": "hex"},
            "encoding_format",
        ),
        ("openai.embeddings", {"model": "m", "input": "x", "dimensions": "2"}, "dimensions"),
        ("openai.embeddings", {"model": "m", "input": "x", "input_type": "odd"}, "input_type"),
        ("cohere.embed", {"model": "m"}, "texts"),
        ("cohere.embed", {"model": "m", "texts": ["x"], "images": ["y"]}, "texts"),
        ("cohere.embed", {"model": "m", "texts": ["x"], "truncate": "ALL"}, "truncate"),
        (
            "cohere.embed",
            {"model": "m", "texts": ["x"], "embedding_types": ["odd"]},
            "embedding_types",
        ),
        ("cohere.embed", {"model": "m", "inputs": ["x"]}, "inputs[0]"),
        ("gemini.embed", {"requests": []}, "requests"),
        ("gemini.embed", {"requests": [{"content": "x"}]}, "requests[0].content"),
        ("gemini.embed_content", {"content": {"parts": "x"}}, "content"),
        (
            "gemini.embed_content",
            {"content": {"parts": [{"text": "x"}]}, "taskType": "ODD"},
            "taskType",
        ),
        ("tei.embed", {"inputs": [1]}, "inputs"),
    ],
)
def test_bad_requests_are_told_by_the_field(format_: str, body: Any, param: str) -> None:
    with pytest.raises(Refused) as refused:
        content_of(format_, body)
    assert refused.value.status == 400
    assert refused.value.param == param


@pytest.mark.parametrize("format_", [*ANSWERS, "tei.embed", "gemini.embed_content"])
@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"{", b"{}", b'{"data":[{"embedding":"?"}]}', b"[1"]
)
def test_what_is_no_answer_is_told_so(format_: str, answer: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        read(FORMATS[format_], answer)
    assert error.value.kind == "bad_answer"


def test_an_error_in_an_answer_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="No such model"):
        FORMATS["openai.embeddings"].facts(b'{"error":{"message":"No such model."}}', traits=NONE)


def test_the_model_of_a_batch_can_be_replaced() -> None:
    body = json.dumps(PLAIN["gemini.embed"]).encode()
    spliced = FORMATS["gemini.embed"].splice_request(body, model="n", include_usage=False)
    assert [row["model"] for row in json.loads(spliced)["requests"]] == ["models/n", "models/n"]


@pytest.mark.parametrize(
    ("format_", "said"),
    [
        ("openai.embeddings", {"error": {"message": "No."}}),
        ("cohere.embed", {"message": "No."}),
        ("gemini.embed", {"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}),
        ("ollama.embed", {"error": "No."}),
    ],
)
def test_errors_are_in_the_words_of_the_format(format_: str, said: Any) -> None:
    fault = Fault(status=400, kind="bad_request", code="invalid_request", message="No.")
    told = json.loads(FORMATS[format_].encode_error(fault).body)
    if isinstance(said.get("error"), dict):
        assert said["error"].items() <= told["error"].items()
    else:
        assert said.items() <= told.items()


def test_guards_see_texts_and_what_they_cannot_read() -> None:
    content = content_of("openai.embeddings", {"model": "m", "input": TWO})
    assert list(content.texts()) == TWO
    assert content.map_text(str.upper).items == ("ONE", "TWO")
    assert content.map_text(str.strip) is content
    tokens = content_of("openai.embeddings", {"model": "m", "input": [1, 2]})
    assert tokens.unread() == {"tokens": 1}
    assert EmbeddingsOutput().vectors == ()


@pytest.mark.parametrize(
    ("places", "firsts"),
    [
        ([0, 1, 2], [0, 1, 2]),
        ([2, 0, 1], [1, 2, 0]),
        ([None, None, None], [0, 1, 2]),
        ([0, 0, 0], [0, 1, 2]),
        ([0, 2, 3], None),
        ([0, 1, 1], None),
        ([0, None, 1], None),
    ],
)
def test_no_vector_is_taken_for_that_of_another_text(
    places: list[int | None], firsts: list[float] | None
) -> None:
    rows = [{"index": place, "embedding": [at]} for at, place in enumerate(places)]
    body = json.dumps({"data": rows, "model": "m"}).encode()
    codec = FORMATS["openai.embeddings"]
    if firsts is None:
        with pytest.raises(UpstreamError):
            codec.decode_response(body, traits=frozenset())
        return
    output = codec.decode_response(body, traits=frozenset())
    assert isinstance(output, EmbeddingsOutput)
    assert [vector.numbers["float"][0] for vector in output.vectors] == firsts
