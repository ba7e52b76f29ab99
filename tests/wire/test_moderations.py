"""Moderations: what is read, what is kept, and how other providers' words become known ones."""

import json
from typing import Any

import pytest

from stockyard.core.moderation import ModerationContent
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.openai_moderations.codec import ModerationsCodec

CODEC = ModerationsCodec()
NONE: frozenset[str] = frozenset()
PARTS = [
    {"type": "text", "text": "one", "odd": 1},
    {"type": "image_url", "image_url": {"url": "https://x/y.png", "odd": 2}},
]


def read(answer: bytes) -> None:
    CODEC.facts(answer, traits=NONE)
    CODEC.decode_response(answer, traits=NONE)


def content_of(body: Any) -> ModerationContent:
    content = CODEC.decode_request(json.dumps(body).encode())
    assert isinstance(content, ModerationContent)
    return content


def written_again(answer: Any) -> Any:
    response = Response(CODEC.decode_response(json.dumps(answer).encode(), traits=NONE))
    return json.loads(CODEC.encode_response(response, Pen("1", "m", 0, wants_usage=False)))


@pytest.mark.parametrize("said", ["one", "", ["one"], ["one", "two"], PARTS])
def test_nothing_is_lost(said: Any) -> None:
    body = {"model": "m", "input": said, "a_field_from_next_year": {"n": 1}}
    request = Request(model="m", content=content_of(body))
    assert json.loads(CODEC.encode_request(request, features=NONE, traits=NONE).body) == body


def test_nothing_of_an_answer_is_lost() -> None:
    answer = {
        "id": "modr-1",
        "model": "m",
        "results": [
            {
                "flagged": True,
                "categories": {"hate": True, "self-harm": False},
                "category_scores": {"hate": 0.9, "self-harm": 0.1},
                "category_applied_input_types": {"hate": ["text"]},
            }
        ],
        "a_field_from_next_year": {"n": 1},
    }
    assert written_again(answer) == answer


def test_what_another_provider_finds_has_the_names_that_clients_know() -> None:
    answer = {
        "id": "x",
        "model": "m",
        "results": [
            {
                "categories": {"hate_and_discrimination": False, "selfharm": True, "pii": False},
                "category_scores": {"hate_and_discrimination": 0.1, "selfharm": 0.8, "pii": 0.2},
            }
        ],
    }
    [result] = written_again(answer)["results"]
    assert result["flagged"] is True
    assert result["categories"] == {"hate": False, "self-harm": True, "pii": False}
    assert result["category_scores"] == {"hate": 0.1, "self-harm": 0.8, "pii": 0.2}
    assert not CODEC.honours(b"{}", json.dumps(answer).encode())
    assert CODEC.honours(b"{}", b'{"results":[{"flagged":false}]}')


@pytest.mark.parametrize(
    ("body", "model"),
    [
        ({"input": "x", "model": "m"}, "m"),
        ({"input": "x"}, ""),
        ({"input": "x", "model": None}, ""),
    ],
)
def test_the_model_may_be_left_out(body: Any, model: str) -> None:
    said = json.dumps(body).encode()
    assert CODEC.peek(said).model == model
    spliced = CODEC.splice_request(said, model="n", include_usage=False)
    assert json.loads(spliced) == {"input": "x", "model": "n"}


def test_guards_see_texts_and_count_images() -> None:
    content = content_of({"model": "m", "input": PARTS})
    assert list(content.texts()) == ["one"]
    assert content.unread() == {"image": 1}
    changed = content.map_text(str.upper)
    assert list(changed.texts()) == ["ONE"]
    assert content.map_text(str.strip) is content


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ([], "input"),
        ({"a": 1}, "input"),
        ([1], "input[0]"),
        (["x", {"type": "audio"}], "input[1]"),
        ([{"type": "image_url", "image_url": "x"}], "input[0]"),
    ],
)
def test_bad_requests_are_told_by_the_field(said: Any, param: str) -> None:
    with pytest.raises(Refused) as refused:
        content_of({"model": "m", "input": said})
    assert refused.value.param == param


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"results":1}',
        b'{"results":[1]}',
        b'{"results":[{}]}',  # it does not say that nothing was found
        b'{"results":[{"categories":null,"category_scores":{}}]}',
    ],
)
def test_what_is_no_answer_is_told_so(answer: bytes) -> None:
    with pytest.raises(UpstreamError) as error:
        read(answer)
    assert error.value.kind == "bad_answer"
