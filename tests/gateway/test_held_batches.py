"""Batches: made from files of a team, and visible to that team only."""

import pytest

from stockyard.gateway.held import with_results_here
from stockyard.testing.yard import Yard
from tests.held_things import JSON, VERSION, a_list, answers, uploaded
from tests.teams import another_team

MESSAGE_BATCH = {
    "requests": [{"custom_id": "a", "params": {"model": "claude-scripted", "max_tokens": 9}}]
}


class TestBatches:
    async def test_a_batch_goes_to_the_provider_that_has_its_file(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        await uploaded(yard, groq, "file-g", **{"x-stockyard-provider": "groq"})
        answers(groq, {"id": "batch_1", "object": "batch", "status": "validating"})
        heard = await yard.call("/v1/batches", {"input_file_id": "file-g"})
        assert heard.status == 200
        assert groq.last.target == "/openai/v1/batches"
        assert not openai.requests

    @pytest.mark.parametrize("path", ["/v1/batches", "/openai/v1/batches"])
    async def test_a_file_of_another_team_is_not_read(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        theirs = await another_team(yard)
        heard = await yard.call(path, {"input_file_id": "file-1"}, headers=theirs)
        assert heard.status == 404
        assert len(openai.requests) == 1

    async def test_the_output_of_a_batch_is_the_teams_once_the_batch_names_it(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, {"id": "batch_1", "object": "batch"})
        await yard.call("/v1/batches", {"input_file_id": "file-1"})
        assert (await yard.get("/v1/files/file-out/content")).status == 404
        done = {
            "id": "batch_1",
            "status": "completed",
            "output_file_id": "file-out",
            "error_file_id": None,
            "usage": {"prompt_tokens": 100, "completion_tokens": 50},
        }
        answers(openai, done)
        assert (await yard.get("/v1/batches/batch_1")).json == done
        assert yard.last.usage is None
        openai.sends(200, {"content-type": "application/jsonl"}, b'{"custom_id": "a"}\n')
        heard = await yard.get("/v1/files/file-out/content")
        assert heard.body == b'{"custom_id": "a"}\n'
        assert heard.headers["content-type"] == "application/jsonl"

    async def test_batches_are_cancelled_and_listed(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, {"id": "batch_1"})
        await yard.call("/v1/batches", {"input_file_id": "file-1"})
        answers(openai, {"id": "batch_1", "status": "cancelling"})
        assert (await yard.call("/v1/batches/batch_1/cancel")).json["status"] == "cancelling"
        assert openai.last.target == "/v1/batches/batch_1/cancel"
        answers(openai, a_list({"id": "batch_x"}, {"id": "batch_1"}))
        heard = await yard.get("/v1/batches")
        assert [batch["id"] for batch in heard.json["data"]] == ["batch_1"]

    async def test_batches_of_messages_go_to_their_provider(self, yard: Yard) -> None:
        yard.provider("openai")
        anthropic = yard.provider("anthropic")
        answers(anthropic, {"id": "msgbatch_1", "type": "message_batch"})
        path = "/v1/messages/batches"
        assert (await yard.call(path, MESSAGE_BATCH, headers=VERSION)).status == 200
        assert anthropic.last.json == MESSAGE_BATCH
        anthropic.sends(200, {"content-type": "application/x-jsonl"}, b'{"custom_id": "a"}\n')
        heard = await yard.get(path + "/msgbatch_1/results", headers=VERSION)
        assert heard.body == b'{"custom_id": "a"}\n'
        listed = {"data": [{"id": "msgbatch_x"}], "has_more": True, "first_id": "a", "last_id": "b"}
        answers(anthropic, listed)
        answers(anthropic, listed | {"data": [{"id": "msgbatch_1"}], "has_more": False})
        heard = await yard.get(path + "?limit=3", headers=VERSION)
        assert [batch["id"] for batch in heard.json["data"]] == ["msgbatch_1"]
        assert anthropic.last.query == "limit=100&after_id=msgbatch_x"

    async def test_a_batch_of_another_team_is_not_there_in_the_words_of_the_dialect(
        self, yard: Yard
    ) -> None:
        yard.provider("anthropic")
        heard = await yard.get("/v1/messages/batches/msgbatch_1", headers=VERSION)
        assert heard.status == 404
        assert heard.json["type"] == "error"
        assert heard.json["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b'{"results_url":"https://a.b/v1/x"}', b'{"results_url":"/v1/x"}'),
        (b'{"results_url" : "http:\\/\\/a.b:8\\/v1\\/x"}', b'{"results_url" : "\\/v1\\/x"}'),
        (b'{"results_url": null}', b'{"results_url": null}'),
        (b'{"other_url": "https://a.b/c"}', b'{"other_url": "https://a.b/c"}'),
    ],
)
def test_links_to_results_lead_here_so_that_no_key_goes_elsewhere(said: bytes, told: bytes) -> None:
    assert with_results_here(said) == told


async def test_a_batch_that_its_provider_names_otherwise_belongs_to_its_maker_too(
    yard: Yard,
) -> None:
    provider = yard.provider("xai").sends(200, JSON, b'{"batch_id":"batch_9"}')
    provider.sends(200, JSON, b'{"batch_id":"batch_9","state":{}}')
    await yard.call("/xai/v1/batches", {"name": "mine"})
    answer = await yard.get("/xai/v1/batches/batch_9")
    assert (answer.status, answer.body) == (200, b'{"batch_id":"batch_9","state":{}}')
    assert (await yard.get("/xai/v1/batches/batch_8")).status == 404
