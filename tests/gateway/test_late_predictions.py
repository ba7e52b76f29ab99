"""Predictions are counted once, however often their provider tells what one used."""

from stockyard.testing.yard import Yard, becomes
from tests.held_things import answers

MAKE = "/replicate/v1/models/meta/llama/predictions"
BEGUN = {"id": "pred1", "model": "meta/llama", "status": "starting", "metrics": {}}
METRICS = {"input_token_count": 5, "output_token_count": 7, "predict_time": 1.2}
OVER = {**BEGUN, "status": "succeeded", "metrics": METRICS}


async def used(yard: Yard) -> list[tuple[str, int]]:
    assert await becomes(lambda: not yard.stockyard.reception.keepers._work)
    assert await yard.quiet()
    calls = [call.exchange for call in yard.calls]
    return [(x.received.model, x.usage.total) for x in calls if x.usage is not None]


async def test_a_prediction_is_counted_once_however_often_it_is_asked_for(yard: Yard) -> None:
    replicate = yard.provider("replicate")
    for said in (BEGUN, {**BEGUN, "status": "processing"}, OVER, OVER):
        answers(replicate, said)
    answers(replicate, {"results": [OVER]})
    await yard.call(MAKE, {"input": {"prompt": "hi"}})
    for _ in range(3):
        heard = await yard.get("/replicate/v1/predictions/pred1")
    assert heard.json == OVER
    await yard.get("/replicate/v1/predictions")
    assert await used(yard) == [("meta/llama", 12)]


async def test_a_prediction_that_is_over_at_once_is_counted_with_its_call(yard: Yard) -> None:
    replicate = yard.provider("replicate")
    for _ in range(2):
        answers(replicate, OVER)
    await yard.call(MAKE, {"input": {"prompt": "hi"}}, headers={"prefer": "wait"})
    await yard.get("/replicate/v1/predictions/pred1")
    assert [total for _, total in await used(yard)] == [12]
