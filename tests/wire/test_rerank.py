"""Rerank in every format: what each reads, what the others make of it, and what is kept."""

import json
from typing import Any

import pytest

from stockyard.core.request import Request
from stockyard.core.rerank import RerankContent
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Codec, Fault, Pen
from stockyard.wire.cohere_rerank.codec import RerankCodec
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
TWO = ["a sky", "a fox"]

PLAIN: dict[str, Any] = {
    "cohere.rerank": {"model": "m", "query": "fox", "documents": TWO, "return_documents": True},
    "jina.rerank": {"model": "m", "query": "fox", "documents": TWO, "return_documents": True},
    "voyage.rerank": {"model": "m", "query": "fox", "documents": TWO, "return_documents": True},
    "tei.rerank": {"query": "fox", "texts": TWO, "return_text": True},
    "watsonx.rerank": {
        "model_id": "m",
        "query": "fox",
        "inputs": [{"text": text} for text in TWO],
        "parameters": {"return_options": {"inputs": True}},
    },
}
"""The same request in each format."""

OWN: list[tuple[str, Any]] = [
    *PLAIN.items(),
    ("cohere.rerank", {"model": "m", "query": "q", "documents": [{"text": "a"}], "top_n": 1}),
    ("cohere.rerank", {"model": "m", "query": "", "documents": ["a"], "max_tokens_per_doc": 9}),
    ("voyage.rerank", {"model": "m", "query": "q", "documents": TWO, "top_k": 1}),
    ("voyage.rerank", {"model": "m", "query": "q", "documents": TWO, "truncation": False}),
    ("tei.rerank", {"query": "q", "texts": TWO, "truncate": True, "raw_scores": True}),
    (
        "watsonx.rerank",
        {
            "model_id": "m",
            "query": "q",
            "inputs": [{"text": "a"}],
            "space_id": "s",
            "parameters": {
                "truncate_input_tokens": 9,
                "return_options": {"top_n": 1, "query": True},
            },
        },
    ),
    (
        "nvidia.ranking",
        {
            "model": "m",
            "query": {"text": "q"},
            "passages": [{"text": "a"}, {"text": "b"}],
            "truncate": "END",
        },
    ),
]

ANSWERS: list[tuple[str, Any]] = [
    (
        "cohere.rerank",
        {
            "id": "x",
            "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
            "meta": {"billed_units": {"search_units": 1}},
        },
    ),
    (
        "jina.rerank",
        {
            "model": "m",
            "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
            "usage": {"total_tokens": 9},
        },
    ),
    (
        "voyage.rerank",
        {
            "object": "list",
            "data": [{"relevance_score": 0.9, "index": 1}, {"relevance_score": 0.1, "index": 0}],
            "model": "m",
            "usage": {"total_tokens": 9},
        },
    ),
    ("tei.rerank", [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]),
    (
        "watsonx.rerank",
        {
            "model_id": "m",
            "created_at": "2026-01-02T03:04:05Z",
            "input_token_count": 9,
            "results": [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
        },
    ),
    (
        "nvidia.ranking",
        {"rankings": [{"index": 1, "logit": 0.9}, {"index": 0, "logit": 0.1}]},
    ),
]
"""The same answer in each format."""


def read(codec: Codec, answer: bytes) -> None:
    codec.facts(answer, traits=NONE)
    codec.decode_response(answer, traits=NONE)


def content_of(format_: str, body: Any) -> RerankContent:
    content = FORMATS[format_].decode_request(json.dumps(body).encode())
    assert isinstance(content, RerankContent)
    return content


def written(format_: str, content: RerankContent) -> Any:
    request = Request(model="m", content=content)
    return json.loads(FORMATS[format_].encode_request(request, features=NONE, traits=NONE).body)


def told(format_: str, answer: Any, asked: Any) -> Any:
    """An answer of this format as it is told to clients."""
    codec, body = FORMATS[format_], json.dumps(answer).encode()
    usage = codec.facts(body, traits=NONE).usage
    response = Response(codec.decode_response(body, traits=NONE), usage=usage)
    pen = Pen("1", "m", 0, wants_usage=False, asked=json.dumps(asked).encode())
    return json.loads(FORMATS["cohere.rerank"].encode_response(response, pen))


def test_formats_agree() -> None:
    for source, body in PLAIN.items():
        for target, expected in PLAIN.items():
            assert written(target, content_of(source, body)) == expected, (source, target)


@pytest.mark.parametrize(("format_", "body"), OWN)
def test_nothing_is_lost(format_: str, body: Any) -> None:
    body = {**body, "a_field_from_next_year": {"n": 1}}
    assert written(format_, content_of(format_, body)) == body


@pytest.mark.parametrize(("format_", "answer"), ANSWERS)
def test_answers_agree(format_: str, answer: Any) -> None:
    said = told(format_, answer, {"documents": TWO})
    places = [(row["index"], row["relevance_score"]) for row in said["results"]]
    assert places == [(1, 0.9), (0, 0.1)]
    assert said["id"]


@pytest.mark.parametrize(("format_", "answer"), ANSWERS)
def test_documents_are_repeated_for_who_wants_them_and_no_more_than_wanted(
    format_: str, answer: Any
) -> None:
    said = told(format_, answer, {"documents": TWO, "top_n": 1, "return_documents": True})
    assert said["results"] == [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "a fox"}},
    ]


@pytest.mark.parametrize("place", [2, -1])
def test_a_document_that_is_not_there_is_not_made_up(place: int) -> None:
    answer = {"results": [{"index": place, "relevance_score": 0.9}]}
    said = told("cohere.rerank", answer, {"documents": TWO, "return_documents": True})
    assert said["results"] == [{"index": place, "relevance_score": 0.9}]


@pytest.mark.parametrize(
    ("asked", "answer", "as_asked"),
    [
        ({"return_documents": True}, '{"results":[{"document":{"text":"a"}}]}', True),
        ({"return_documents": True}, '{"results":[{"index":0}]}', False),
        ({"return_documents": False}, '{"results":[{"index":0}]}', True),
        ({}, '{"results":[]}', True),
    ],
)
def test_an_answer_is_handed_on_only_as_it_was_asked_for(
    asked: Any, answer: str, as_asked: bool
) -> None:
    assert RerankCodec().honours(json.dumps(asked).encode(), answer.encode()) is as_asked


@pytest.mark.parametrize(
    ("answer", "prompt", "units"),
    [
        ({"meta": {"billed_units": {"search_units": 2}}}, 0, {"rerank_unit": 2}),
        ({"usage": {"total_tokens": 9}}, 9, {}),
        ({"usage": {"prompt_tokens": 8, "total_tokens": 9}}, 8, {}),
    ],
)
def test_usage_is_counted_in_searches_or_in_tokens(
    answer: Any, prompt: int, units: dict[str, int]
) -> None:
    usage = FORMATS["cohere.rerank"].facts(json.dumps(answer).encode(), traits=NONE).usage
    assert usage is not None
    assert (usage.prompt, usage.completion, usage.units) == (prompt, 0, units)


def test_documents_without_a_text_stay_in_their_format() -> None:
    content = content_of("cohere.rerank", {"query": "q", "documents": [{"title": "t"}]})
    assert content.tie is not None
    assert content.tie.param == "documents"
    assert content.unread() == {"file": 1}


def test_guards_see_the_question_and_the_documents() -> None:
    content = content_of("cohere.rerank", {"query": "q", "documents": ["a", {"text": "b", "n": 1}]})
    assert list(content.texts()) == ["q", "a", "b"]
    changed = content.map_text(str.upper)
    assert (changed.query, changed.documents) == ("Q", ("A", {"text": "B", "n": 1}))
    assert content.map_text(str.strip) is content


@pytest.mark.parametrize(
    ("format_", "body", "param"),
    [
        ("cohere.rerank", {"query": "q", "documents": []}, "documents"),
        ("cohere.rerank", {"query": "q", "documents": [1]}, "documents"),
        ("cohere.rerank", {"documents": ["a"]}, "query"),
        ("cohere.rerank", {"query": "q", "documents": ["a"], "top_n": "1"}, "top_n"),
        ("voyage.rerank", {"query": "q", "documents": [{"text": "a"}]}, "documents"),
        ("nvidia.ranking", {"query": {"text": "q"}, "passages": [{}]}, "passages[0].text"),
        ("nvidia.ranking", {"query": "q", "passages": []}, "query"),
    ],
)
def test_bad_requests_are_told_by_the_field(format_: str, body: Any, param: str) -> None:
    with pytest.raises(Refused) as refused:
        content_of(format_, body)
    assert refused.value.param == param


@pytest.mark.parametrize("format_", [name for name, _ in ANSWERS])
@pytest.mark.parametrize("answer", [b"", b"<html>", b"{", b'{"x":1}', b'[{"index":0}]'])
def test_what_is_no_answer_is_told_so(format_: str, answer: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        read(FORMATS[format_], answer)
    assert error.value.kind == "bad_answer"


def test_errors_are_a_message_beside_an_id() -> None:
    fault = Fault(
        status=429, kind="rate_limited", code="rate_limited", message="No.", request_id="req_1"
    )
    error = FORMATS["cohere.rerank"].encode_error(fault)
    assert json.loads(error.body) == {"id": "req_1", "message": "No."}
    assert (b"retry-after", b"1") in error.fields
