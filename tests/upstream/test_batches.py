"""Requests with more items than a provider takes at once."""

import pytest

from stockyard.core.embeddings import EmbeddingsContent, EmbeddingsOutput, Vector
from stockyard.core.money import Usage
from stockyard.core.request import Content, Request
from stockyard.core.response import Response
from stockyard.errors import Refused
from stockyard.upstream.batches import MAX_BATCHES, batches_of, in_order


def a_request(items: int) -> Request:
    texts = tuple(map(str, range(items)))
    return Request(model="m", content=EmbeddingsContent(items=texts, dimensions=2))


def an_answer(*firsts: float, usage: Usage | None) -> Response:
    vectors = tuple(Vector({"float": (first,)}) for first in firsts)
    return Response(EmbeddingsOutput(id="a", vectors=vectors), usage=usage)


@pytest.mark.parametrize(("items", "sizes"), [(1, [1]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_every_item_is_sent_once_and_in_order(items: int, sizes: list[int]) -> None:
    contents = [batch.read_as(EmbeddingsContent) for batch in batches_of(a_request(items), 3)]
    assert [len(content.items) for content in contents] == sizes
    assert [item for content in contents for item in content.items] == list(map(str, range(items)))
    assert all(content.dimensions == 2 for content in contents)


def test_a_request_that_fits_or_embeds_nothing_is_not_divided() -> None:
    few, chat = a_request(3), Request(model="m", content=Content())
    assert batches_of(few, 3) == [few]
    assert batches_of(chat, 3) == [chat]


def test_a_request_with_too_many_items_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        batches_of(a_request(2 * MAX_BATCHES + 1), 2)
    assert refused.value.param == "input"


def test_answers_are_joined_and_their_usage_is_added() -> None:
    answer = in_order(
        [
            an_answer(
                1,
                2,
                usage=Usage(in_fresh=3, in_image=1, provider_cost_micros=5, units={"image": 1}),
            ),
            an_answer(
                3,
                usage=Usage(
                    in_fresh=4,
                    provider_cost_micros=6,
                    flags=("odd",),
                    units={"image": 2, "second": 7},
                ),
            ),
        ]
    )
    vectors = answer.read_as(EmbeddingsOutput).vectors
    assert [vector.numbers["float"] for vector in vectors] == [(1,), (2,), (3,)]
    assert answer.usage == Usage(
        in_fresh=7,
        in_image=1,
        provider_cost_micros=11,
        flags=("odd",),
        units={"image": 3, "second": 7},
    )


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (Usage(in_fresh=3), None, None),
        (
            Usage(in_fresh=3),
            Usage(in_fresh=4, source="estimated"),
            Usage(in_fresh=7, source="mixed"),
        ),
    ],
)
def test_usage_that_one_batch_does_not_tell_is_not_known(
    first: Usage, second: Usage | None, together: Usage | None
) -> None:
    assert in_order([an_answer(1, usage=first), an_answer(2, usage=second)]).usage == together
