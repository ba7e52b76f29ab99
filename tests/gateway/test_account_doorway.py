"""What an account has for all teams: made by one of them it is theirs, else nobody changes it."""

from time import process_time
from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.held_things import JSON, answers
from tests.teams import another_team

THINGS = [
    ("openai", "/v1/assistants", {"id": "asst_1"}, "/v1/assistants/asst_1"),
    ("openai", "/v1/fine_tuning/jobs", {"id": "ftjob-1"}, "/v1/fine_tuning/jobs/ftjob-1"),
    ("openai", "/v1/evals", {"id": "eval_1"}, "/v1/evals/eval_1"),
    ("openai", "/v1/evals/eval_0/runs", {"id": "evalrun_1"}, "/v1/evals/eval_0/runs/evalrun_1"),
    ("openai", "/v1/videos", {"id": "video_1"}, "/v1/videos/video_1"),
    ("openai", "/v1/videos/video_0/remix", {"id": "video_1"}, "/v1/videos/video_1"),
    ("openai", "/v1/skills", {"id": "skill_1"}, "/v1/skills/skill_1"),
    ("openai", "/v1/vaults", {"id": "vault_1"}, "/v1/vaults/vault_1"),
    ("anthropic", "/v1/skills", {"id": "skill_01"}, "/v1/skills/skill_01"),
    ("anthropic", "/v1/agents", {"id": "agent_01"}, "/v1/agents/agent_01"),
    ("anthropic", "/v1/sessions", {"id": "sesn_01"}, "/v1/sessions/sesn_01"),
    ("mistral", "/v1/agents", {"id": "ag_1"}, "/v1/agents/ag_1"),
    ("mistral", "/v1/libraries", {"id": "lib-1"}, "/v1/libraries/lib-1"),
    ("cohere", "/v1/connectors", {"connector": {"id": "con-1"}}, "/v1/connectors/con-1"),
    (
        "cohere",
        "/v1/finetuning/finetuned-models",
        {"finetuned_model": {"id": "ft-1"}},
        "/v1/finetuning/finetuned-models/ft-1",
    ),
    ("together", "/v1/fine-tunes", {"id": "ft-1"}, "/v1/fine-tunes/ft-1"),
    ("elevenlabs", "/v1/voices/add", {"voice_id": "voice1"}, "/v1/voices/voice1"),
    ("replicate", "/v1/predictions", {"id": "pred1"}, "/v1/predictions/pred1"),
    ("replicate", "/v1/models/a/b/predictions", {"id": "pred1"}, "/v1/predictions/pred1"),
]
each = pytest.mark.parametrize(("provider", "make", "made", "path"), THINGS)


@each
async def test_a_thing_that_a_team_made_is_its_own(
    yard: Yard, provider: str, make: str, made: dict[str, Any], path: str
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, made)
    assert (await yard.call(f"/{provider}{make}", {})).status == 200
    theirs = await another_team(yard)
    for method in ("GET", "DELETE", "PATCH"):
        heard = await yard.get(f"/{provider}{path}", method=method, headers=theirs)
        assert heard.status == 404, method
    assert (await yard.call(f"/{provider}{path}", {}, headers=theirs)).status == 404
    assert len(scripted.requests) == 1
    for method in ("GET", "DELETE"):
        assert (await yard.get(f"/{provider}{path}", method=method)).status == 200
        assert (scripted.last.method, scripted.last.path) == (method, path)


@pytest.mark.parametrize(
    ("provider", "path"), [(provider, path) for provider, _, _, path in THINGS]
)
async def test_a_thing_that_nobody_made_here_is_read_and_not_deleted(
    yard: Yard, provider: str, path: str
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, {"id": "of the account"})
    assert (await yard.get(f"/{provider}{path}")).status == 200
    for method in ("DELETE", "PUT", "PATCH"):
        heard = await yard.get(f"/{provider}{path}", method=method)
        assert (heard.status, b"path_not_allowed" in heard.body) == (403, True), method
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/assistants/asst_0",
        "/openai/v1/fine_tuning/jobs/ftjob-0/cancel",
        "/openai/v1/evals/eval_0/runs/evalrun_0/cancel",
        "/anthropic/v1/agents/agent_0",
        "/anthropic/v1/agents/agent_0/archive",
        "/elevenlabs/v1/voices/voice0/edit",
        "/replicate/v1/predictions/pred0/cancel",
    ],
)
async def test_a_thing_that_nobody_made_here_is_not_changed_by_a_post(
    yard: Yard, path: str
) -> None:
    scripted = yard.provider(path.split("/")[1])
    answers(scripted, {"id": "of the account"})
    assert (await yard.call(path, {"name": "mine now"})).status == 403
    assert not scripted.requests


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/openai/v1/threads/runs", {"assistant_id": "asst_0"}),
        ("/openai/v1/evals/eval_0/runs", {"name": "x"}),
        ("/anthropic/v1/sessions", {"agent": {"id": "agent_0", "type": "agent"}}),
        ("/replicate/v1/deployments/o/n/predictions", {"input": {}}),
        ("/anthropic/v1/complete", {"prompt": "hi"}),
    ],
)
async def test_a_thing_that_nobody_made_here_is_used_by_all(
    yard: Yard, path: str, body: dict[str, Any]
) -> None:
    scripted = yard.provider(path.split("/")[1])
    answers(scripted, {"id": "made_1"})
    assert (await yard.call(path, body)).status == 200
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    ("make", "use", "body"),
    [
        ("/openai/v1/assistants", "/openai/v1/threads/runs", {"assistant_id": "made_1"}),
        ("/anthropic/v1/agents", "/anthropic/v1/sessions", {"agent": "made_1"}),
        ("/anthropic/v1/agents", "/anthropic/v1/sessions", {"agent": {"id": "made_1"}}),
        (
            "/anthropic/v1/skills",
            "/v1/messages",
            {
                "model": "claude-x",
                "max_tokens": 9,
                "messages": [],
                "container": {"skills": [{"type": "custom", "skill_id": "made_1"}]},
            },
        ),
        (
            "/openai/v1/skills",
            "/v1/responses",
            {
                "model": "gpt-x",
                "input": "hi",
                "tools": [{"type": "shell", "environment": {"skills": [{"skill_id": "made_1"}]}}],
            },
        ),
    ],
)
async def test_a_thing_that_another_team_made_is_not_used(
    yard: Yard, make: str, use: str, body: dict[str, Any]
) -> None:
    scripted = yard.provider(make.split("/")[1])
    answers(scripted, {"id": "made_1"})
    assert (await yard.call(make, {})).status == 200
    theirs = await another_team(yard)
    assert (await yard.call(use, body, headers=theirs)).status == 404
    assert len(scripted.requests) == 1


async def test_a_model_is_deleted_by_the_team_that_tuned_it(yard: Yard) -> None:
    openai = yard.provider("openai")
    job, model = "/openai/v1/fine_tuning/jobs", "/openai/v1/models/ft:gpt-x:acme::1"
    answers(openai, {"id": "ftjob-1", "fine_tuned_model": None})
    assert (await yard.call(job, {})).status == 200
    assert (await yard.get(model, method="DELETE")).status == 403
    answers(openai, {"id": "ftjob-1", "fine_tuned_model": "ft:gpt-x:acme::1"})
    assert (await yard.get(f"{job}/ftjob-1")).status == 200
    theirs = await another_team(yard)
    assert (await yard.get(model, method="DELETE", headers=theirs)).status == 404
    answers(openai, {"deleted": True})
    assert (await yard.get(model, method="DELETE")).status == 200
    assert openai.last.path == "/v1/models/ft:gpt-x:acme::1"


async def test_lists_leave_out_what_another_team_made(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "asst_1"})
    assert (await yard.call("/openai/v1/assistants", {})).status == 200
    listed = b'{ "object":"list", "data":[{"id":"asst_1"},{"id":"asst_0"}],"has_more":false}'
    openai.sends(200, JSON, listed).sends(200, JSON, listed)
    assert (await yard.get("/openai/v1/assistants")).body == listed
    theirs = await another_team(yard)
    heard = await yard.get("/openai/v1/assistants", headers=theirs)
    assert heard.json == {"object": "list", "data": [{"id": "asst_0"}], "has_more": False}


async def test_nobody_gets_a_thing_by_having_its_name_repeated(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "asst_0"})
    assert (await yard.call("/openai/v1/somewhere", {"id": "asst_0"})).status == 200
    assert (await yard.call("/openai/v1/somewhere/asst_0/there", {})).status == 200
    assert (await yard.get("/openai/v1/assistants/asst_0", method="DELETE")).status == 403


async def test_an_answer_that_names_another_teams_thing_does_not_give_it_away(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "asst_1"})
    assert (await yard.call("/openai/v1/assistants", {})).status == 200
    theirs = await another_team(yard)
    assert (await yard.call("/openai/v1/assistants", {}, headers=theirs)).status == 200
    heard = await yard.get("/openai/v1/assistants/asst_1", headers=theirs)
    assert heard.status == 404


async def test_a_path_of_countless_words_is_not_looked_through(yard: Yard) -> None:
    openai = yard.provider("openai")
    path = "/openai/v1/" + "/".join(f"a{n}" for n in range(40))
    assert (await yard.get(path)).status == 404
    assert not openai.requests


async def test_a_caller_with_its_own_secret_reaches_all_that_the_secret_does(yard: Yard) -> None:
    yard.set("auth.bring_your_own", "loopback")
    openai = yard.provider("openai")
    answers(openai, {"id": "asst_0", "deleted": True})
    own = {"authorization": "Bearer sk-proj-of-the-caller-0123456789"}
    heard = await yard.get("/openai/v1/assistants/asst_0", method="DELETE", headers=own)
    assert heard.status == 200


async def test_an_answer_that_is_no_json_passes_as_it_came(yard: Yard) -> None:
    openai = yard.provider("openai").sends(200, {"content-type": "video/mp4"}, b"{film")
    assert (await yard.get("/openai/v1/videos/video_1/content")).body == b"{film"
    assert openai.last.path == "/v1/videos/video_1/content"


ACME = "/fireworks/v1/accounts/acme"
DATASET = {"name": "accounts/acme/datasets/mine", "format": "CHAT"}


async def test_a_thing_named_by_account_collection_and_id_belongs_to_its_maker(yard: Yard) -> None:
    fireworks = yard.provider("fireworks")
    answers(fireworks, DATASET)
    asked = {"datasetId": "mine", "dataset": {"exampleCount": "1"}}
    assert (await yard.call(f"{ACME}/datasets", asked)).status == 200
    assert fireworks.last.path == "/v1/accounts/acme/datasets"
    theirs = await another_team(yard)
    for path in ("/datasets/mine", "/datasets/mine:getDownloadEndpoint"):
        assert (await yard.get(f"{ACME}{path}", headers=theirs)).status == 404
        assert (await yard.get(f"{ACME}{path}")).status == 200
    answers(fireworks, {"datasets": [DATASET, {"name": "accounts/acme/datasets/old"}]})
    heard = await yard.get(f"{ACME}/datasets", headers=theirs)
    assert heard.json == {"datasets": [{"name": "accounts/acme/datasets/old"}]}
    assert (await yard.get(f"{ACME}/datasets/old", method="DELETE")).status == 403
    assert (await yard.get(f"{ACME}/datasets/mine", method="DELETE")).status == 200
    assert fireworks.last.path == "/v1/accounts/acme/datasets/mine"


async def test_a_long_name_holds_nobody_up(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "a/" * 100_000})
    before = process_time()
    assert (await yard.call("/openai/v1/assistants", {})).status == 200
    assert process_time() - before < 5  # one look for each letter takes minutes
