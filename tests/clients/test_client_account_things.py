"""The official libraries, and what an account has for all teams (`docs/decisions/0011`)."""

import json

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from stockyard.testing.yard import Yard
from tests.teams import another_team

JSON = {"content-type": "application/json"}


async def test_models_of_the_organisation_are_not_deleted(yard: Yard) -> None:
    upstream = yard.provider("openai")
    await yard.open()
    async with AsyncOpenAI(base_url=f"{yard.url}/openai/v1", api_key=yard.key) as client:
        with pytest.raises(openai.PermissionDeniedError, match="not changed or deleted"):
            await client.models.delete("ft:gpt-x:acme::1")
    assert not upstream.requests


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_assistant_is_its_teams(yard: Yard) -> None:
    made = {"id": "asst_1", "object": "assistant", "created_at": 1, "model": "m", "tools": []}
    upstream = yard.provider("openai").sends(200, JSON, json.dumps(made).encode())
    await yard.open()
    theirs = (await another_team(yard))["authorization"].removeprefix("Bearer ")
    url = f"{yard.url}/openai/v1"
    async with (
        AsyncOpenAI(base_url=url, api_key=yard.key, max_retries=0) as ours,
        AsyncOpenAI(base_url=url, api_key=theirs, max_retries=0) as others,
    ):
        assert (await ours.beta.assistants.create(model="m")).id == "asst_1"
        with pytest.raises(openai.NotFoundError):
            await others.beta.assistants.retrieve("asst_1")
        with pytest.raises(openai.NotFoundError):
            await others.beta.assistants.delete("asst_1")
        assert len(upstream.requests) == 1
        assert (await ours.beta.assistants.retrieve("asst_1")).id == "asst_1"


async def test_skills_and_agents_of_anthropic_too(yard: Yard) -> None:
    upstream = yard.provider("anthropic").sends(200, JSON, b'{"id":"skill_1","type":"skill"}')
    await yard.open()
    theirs = (await another_team(yard))["authorization"].removeprefix("Bearer ")
    url = f"{yard.url}/anthropic"
    async with (
        AsyncAnthropic(base_url=url, api_key=yard.key, max_retries=0) as ours,
        AsyncAnthropic(base_url=url, api_key=theirs, max_retries=0) as others,
    ):
        made = await ours.beta.skills.create(files=[("SKILL.md", b"hi", "text/markdown")])
        assert made.id == "skill_1"
        with pytest.raises(anthropic.NotFoundError):
            await others.beta.skills.delete("skill_1")
        with pytest.raises(anthropic.PermissionDeniedError):
            await others.beta.agents.archive("agent_0")
        assert len(upstream.requests) == 1
        upstream.sends(200, JSON, b'{"id":"skill_1","type":"skill_deleted"}')
        assert (await ours.beta.skills.delete("skill_1")).id == "skill_1"


async def test_a_form_without_anything_in_it_is_for_the_provider_to_judge(yard: Yard) -> None:
    upstream = yard.provider("anthropic").sends(400, JSON, b'{"type":"error","error":{}}')
    await yard.open()
    url = f"{yard.url}/anthropic"
    async with AsyncAnthropic(base_url=url, api_key=yard.key, max_retries=0) as client:
        with pytest.raises(anthropic.BadRequestError):
            await client.beta.skills.create(files=[])
    form = upstream.last
    for path in ("/anthropic/v1/files", "/v1/files"):
        kind = {"content-type": form.headers["content-type"], "anthropic-version": "2023-06-01"}
        assert (await yard.call(path, form.body, headers=kind)).status == 400
        assert upstream.last.body == form.body
        assert upstream.last.headers["content-type"] == form.headers["content-type"]
    assert len(upstream.requests) == 3
