"""Models that a team had made for itself are called by nobody else."""

import json
from asyncio import BaseProtocol, get_running_loop
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Timers
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import a_session, closed
from tests.teams import another_team

JSON = {"content-type": "application/json"}
JOBS = "/openai/v1/fine_tuning/jobs"
MINE, NOBODYS = "ft:gpt-4o-mini:acme::mine", "ft:gpt-4o-mini:acme::theirs"
SAYS_HI = {"messages": [{"role": "user", "content": "hi"}]}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("/v1/chat/completions", "{}", SAYS_HI),
    ("/v1/chat/completions", "openai/{}", SAYS_HI | {"stream": True}),
    ("/v1/messages", "{}", SAYS_HI | {"max_tokens": 5}),
    ("/openai/v1/chat/completions", "{}", SAYS_HI),
    ("/openai/v1/responses", "{}", {"input": "hi"}),
    (JOBS, "{}", {"suffix": "more"}),
]


@pytest.fixture
async def openai(yard: Yard) -> ScriptedProvider:
    """One team has tuned a model there."""
    openai = yard.provider("openai")
    for told in (None, MINE):
        said = json.dumps({"id": "ftjob-1", "fine_tuned_model": told})
        openai.sends(200, JSON, said.encode())
    assert (await yard.call(JOBS, {})).status == 200
    assert (await yard.get(f"{JOBS}/ftjob-1")).status == 200
    return openai


@pytest.mark.parametrize(("path", "name", "body"), CALLS)
async def test_a_tuned_model_does_not_exist_for_other_teams(
    yard: Yard, openai: ScriptedProvider, path: str, name: str, body: dict[str, Any]
) -> None:
    theirs = await another_team(yard)
    answer = await yard.call(path, body | {"model": name.format(MINE)}, headers=theirs)
    assert answer.status == 404
    assert len(openai.requests) == 2
    assert yard.last.exchange.status == 404
    assert await yard.quiet()


@pytest.mark.parametrize(("path", "name", "body"), CALLS)
async def test_a_tuned_model_is_called_by_its_team(
    yard: Yard, openai: ScriptedProvider, path: str, name: str, body: dict[str, Any]
) -> None:
    openai.says("hello")
    await yard.call(path, body | {"model": name.format(MINE)})
    body = openai.last.json
    assert body is not None
    assert body["model"] == MINE


async def test_a_tuned_model_that_nobody_made_here_is_called_by_all(
    yard: Yard, openai: ScriptedProvider
) -> None:
    openai.says("hello")
    theirs = await another_team(yard)
    assert (await yard.chat("hi", model=NOBODYS, headers=theirs)).text == "hello"


async def test_other_teams_open_no_session_with_a_tuned_model(
    yard: Yard, openai: ScriptedProvider
) -> None:
    theirs = await another_team(yard)
    for path in (f"/v1/realtime?model={MINE}", f"/openai/v1/realtime?model={MINE}"):
        with pytest.raises(InvalidStatus, match="404"):
            async with a_session(yard, path, additional_headers=theirs):
                pass
    assert len(openai.requests) == 2


async def test_an_alias_of_the_operator_may_name_a_tuned_model(yard: Yard) -> None:
    yard.set("aliases.support.targets", [f"openai/{MINE}"])
    openai = yard.provider("openai")
    said = json.dumps({"id": "ftjob-1", "fine_tuned_model": MINE})
    openai.sends(200, JSON, said.encode()).sends(200, JSON, said.encode()).says("hello")
    await yard.call(JOBS, {})
    await yard.get(f"{JOBS}/ftjob-1")
    theirs = await another_team(yard)
    assert (await yard.chat("hi", model="support", headers=theirs)).text == "hello"


async def test_a_checkpoint_of_a_tuned_model_belongs_to_its_team(
    yard: Yard, openai: ScriptedProvider
) -> None:
    step = f"{MINE}:ckpt-step-50"
    listed = {"data": [{"id": "ftckpt_1", "fine_tuned_model_checkpoint": step}]}
    openai.sends(200, JSON, json.dumps(listed).encode())
    assert (await yard.get(f"{JOBS}/ftjob-1/checkpoints")).status == 200
    theirs = await another_team(yard)
    body = SAYS_HI | {"model": step}
    assert (await yard.call("/v1/chat/completions", body, headers=theirs)).status == 404


LINE = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": MINE}}
FORM = "\r\n".join(
    (
        "--cut",
        'content-disposition: form-data; name="purpose"',
        "",
        "batch",
        "--cut",
        'content-disposition: form-data; name="file"; filename="in.jsonl"',
        "",
        json.dumps(LINE),
        "--cut--",
        "",
    )
)


@pytest.mark.parametrize("path", ["/v1/files", "/openai/v1/files"])
async def test_a_batch_of_another_team_calls_no_tuned_model(
    yard: Yard, openai: ScriptedProvider, path: str
) -> None:
    headers = {"content-type": "multipart/form-data; boundary=cut"}
    theirs = await another_team(yard)
    said = FORM.encode()
    assert (await yard.call(path, said, headers=headers | theirs)).status == 404
    assert len(openai.requests) == 2
    openai.sends(200, JSON, b'{"id": "file-1"}')
    assert (await yard.call(path, said, headers=headers)).status == 200


class TestEndpointsOfACloud:
    PLACE = "projects/p/locations/europe-west1"
    JOBS = f"/vertex/v1/{PLACE}/tuningJobs"
    CALL = f"/vertex/v1/{PLACE}/endpoints/123:generateContent"
    LIVE = "/vertex/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
    SAYS_HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}  # noqa: RUF012  never changed

    @pytest.fixture
    async def vertex(self, yard: Yard) -> AsyncIterator[ScriptedProvider]:
        """One team has tuned a model there."""
        person = {
            "type": "authorized_user",
            "client_id": "i",
            "client_secret": "s",
            "refresh_token": "r",
        }
        settings: Any = {"settings": {"project": "p", "location": "europe-west1"}}
        async with ScriptedProvider() as desk:
            desk.sends(200, JSON, b'{"access_token": "tok-1", "expires_in": 3599}')
            vertex = yard.provider(
                "vertex", **settings, token_url=desk.url + "/token", api_key=json.dumps(person)
            )
            job = f"{self.PLACE}/tuningJobs/7"
            tuned = {
                "model": f"{self.PLACE}/models/9",
                "endpoint": f"{self.PLACE}/endpoints/123",
            }
            for told in ({"name": job}, {"name": job, "tunedModel": tuned}):
                vertex.sends(200, JSON, json.dumps(told).encode())
            assert (await yard.call(self.JOBS, {})).status == 200
            assert (await yard.get(f"{self.JOBS}/7")).status == 200
            yield vertex

    async def test_an_endpoint_of_another_team_is_not_reached_in_a_session(
        self, yard: Yard, vertex: ScriptedProvider
    ) -> None:
        theirs = await another_team(yard)
        provider = RealtimeProvider()
        async with provider.listening() as url:
            connect = yard.stockyard.plane._connect
            port = int(url.rpartition(":")[2].partition("/")[0])

            async def there(protocol: BaseProtocol, origin: Origin, timers: Timers) -> None:
                assert origin.url.port == vertex.port
                await get_running_loop().create_connection(lambda: protocol, "127.0.0.1", port)

            yard.stockyard.plane._connect = there
            said = json.dumps({"setup": {"model": f"{self.PLACE}/endpoints/123"}})
            async with a_session(yard, self.LIVE, additional_headers=theirs) as client:
                upstream = await provider.next()
                await client.send(said)
                assert (await closed(client))[0] == 1008
                assert [message async for message in upstream] == []
            async with a_session(yard, self.LIVE) as client:
                upstream = await provider.next()
                await client.send(said)
                assert await upstream.recv() == said
            yard.stockyard.plane._connect = connect

    async def test_an_endpoint_is_called_by_the_team_whose_models_it_serves(
        self, yard: Yard, vertex: ScriptedProvider
    ) -> None:
        said = {"candidates": [], "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}
        vertex.sends(200, JSON, json.dumps(said).encode())
        theirs = await another_team(yard)
        assert (await yard.call(self.CALL, self.SAYS_HI, headers=theirs)).status == 404
        assert len(vertex.requests) == 2
        assert (await yard.call(self.CALL, self.SAYS_HI)).status == 200
        usage = yard.last.exchange.usage
        assert usage is not None
        assert usage.prompt == 3
