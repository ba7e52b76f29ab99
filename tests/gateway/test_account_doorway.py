"""What an account has for all teams: made by one of them it is theirs, else nobody changes it."""

import json
from time import process_time
from typing import Any, ClassVar

import pytest

from stockyard.gateway.closed_paths import administers
from stockyard.providers.catalog import load
from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard, becomes
from tests.teams import another_team

JSON = {"content-type": "application/json"}


def answers(provider: ScriptedProvider, said: object) -> None:
    provider.sends(200, JSON, json.dumps(said).encode())


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


@pytest.mark.parametrize(
    "query", ["id=made_1", "limit=2&ids=made_1"], ids=["alone", "among others"]
)
async def test_names_in_a_query_are_judged_too(yard: Yard, query: str) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "made_1"})
    assert (await yard.call("/openai/v1/videos", {})).status == 200
    theirs = await another_team(yard)
    path = f"/openai/v1/somewhere?{query}"
    assert (await yard.get(path, headers=theirs)).status == 404
    assert (await yard.get(path)).status == 200


async def test_a_path_of_countless_words_is_not_looked_through(yard: Yard) -> None:
    openai = yard.provider("openai")
    path = "/openai/v1/" + "/".join(f"a{n}" for n in range(40))
    assert (await yard.get(path)).status == 404
    assert not openai.requests


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/projects/p/roles",
        "/openai/v1/webhook_endpoints",
        "/openai/v1/chatkit/sessions",
        "/openai/v1/fine_tuning/checkpoints/ft:x/permissions",
        "/anthropic/v1/oauth/token",
        "/anthropic/v1/tunnels/t/reveal_token",
        "/gemini/v1alpha/auth_tokens",
        "/gemini/v1alpha/authTokens:create",
        "/openai/v1/realtime/callsets",
        "/openai/v1/realtime/translations/client_secrets",
        "/azure/openai/realtimeapi/sessions",
        "/assemblyai/v3/token",
        "/fal/tokens/",
        "/deepgram/v1/projects/p/keys",
        "/deepgram/v1/auth/grant",
        "/elevenlabs/v1/workspace/members",
        "/elevenlabs/v1/convai/conversation/token",
        "/openrouter/api/v1/keys",
        "/openrouter/api/v1/key",
        "/replicate/v1/account",
        "/replicate/v1/webhooks/default/secret",
        "/fireworks/v1/accounts",
        "/fireworks/v1/accounts/acme/users/me/apiKeys",
        "/fireworks/v1/accounts/acme/secrets",
        "/ollama/api/create",
        "/ollama/api/copy",
        "/ollama/api/push",
    ],
)
async def test_paths_about_the_account_are_closed(yard: Yard, path: str) -> None:
    scripted = yard.provider(path.split("/")[1])
    answers(scripted, {"secret": "of the account"})
    for heard in (await yard.get(path), await yard.call(path, {})):
        assert (heard.status, b"path_not_allowed" in heard.body) == (403, True)
    assert not scripted.requests


@pytest.mark.parametrize(
    ("name", "environ", "inside", "outside"),
    [
        (
            "cloudflare",
            {"CLOUDFLARE_ACCOUNT_ID": "acme"},
            "/client/v4/accounts/acme/ai/models/search",
            "/client/v4/user/tokens",
        ),
        (
            "snowflake",
            {"SNOWFLAKE_ACCOUNT": "acme"},
            "/api/v2/cortex/agent:run",
            "/api/v2/statements",
        ),
        (
            "sap",
            {"AICORE_HOST": "h.example", "AICORE_DEPLOYMENT_ID": "d"},
            "/v2/inference/deployments/e/invoke",
            "/v2/lm/deployments",
        ),
        (
            "vertex",
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"},
            "/v1/projects/p/locations/l/endpoints/7:predict",
            "/v1/projects/p/locations/l/customJobs",
        ),
    ],
)
def test_a_host_with_more_than_models_is_closed_around_them(
    name: str, environ: dict[str, str], inside: str, outside: str
) -> None:
    provider = load(environ=environ).get(name)
    assert provider is not None
    assert not administers(inside, provider)
    assert administers(outside, provider)


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


NAMES_IT = b'{"training_file":"file-1","thread_id":"thread_1"}'
PAIRS = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
FIELD = b'--cut\r\ncontent-disposition: form-data; name="file_id"\r\n\r\nfile-1\r\n--cut--\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (NAMES_IT, JSON, 404),
        (NAMES_IT.decode().encode("utf-16"), JSON, 400),
        (NAMES_IT.decode().encode("utf-16-le"), {"content-type": "text/plain"}, 400),
        (NAMES_IT.decode().encode("utf-32-be"), JSON, 400),
        (b"model=gpt-4o&training_file=file-1", PAIRS, 404),
        (b"thread%5fid=thread_1", PAIRS, 404),
        (b"file_ids[]=file-0&file_ids%5B%5D=file-1", PAIRS, 404),
        (b"a=1&" * 1000, PAIRS, 400),
        (FIELD, FORM, 404),
        (b"See below.\r\n" + FIELD, FORM, 400),
        (FIELD, {"content-type": "multipart/form-data; boundary=other"}, 400),
    ],
)
@pytest.mark.parametrize("path", ["/openai/v1/fine_tuning/jobs", "/openai/v1/vector_stores"])
async def test_no_encoding_of_a_body_hides_that_it_names_another_teams_thing(
    yard: Yard, path: str, body: bytes, kind: dict[str, str], status: int
) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "made"})
    heard = await yard.call(path, body, headers=kind)
    assert (heard.status, len(openai.requests)) == (status, 0)


async def test_a_body_that_names_nothing_goes_on(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "made"})
    for body, kind in ((b"a=b&c=d", PAIRS), (b"\x00\x00sound", {"content-type": "audio/pcm"})):
        assert (await yard.call("/openai/v1/odd", body, headers=kind)).status == 200
        assert openai.last.body == body


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("openai", "/v1/responses/input_tokens"),
        ("openai", "/v1/realtime"),
        ("anthropic", "/v1/messages/count_tokens"),
        ("cohere", "/v1/tokenize"),
        ("stepfun", "/v1/token/count"),
        ("gemini", "/v1beta/models/m:countTokens"),
        ("gemini", "/v1beta/models/tokens:generateContent"),
    ],
)
def test_paths_that_count_tokens_are_not_taken_for_those_that_give_out_tokens(
    name: str, path: str
) -> None:
    provider = load().get(name)
    assert provider is not None
    assert not administers(path, provider)


async def test_a_long_name_holds_nobody_up(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "a/" * 100_000})
    before = process_time()
    assert (await yard.call("/openai/v1/assistants", {})).status == 200
    assert process_time() - before < 5  # one look for each letter takes minutes


@pytest.mark.parametrize(
    "path", ["/openai/v1/realtime/calls", "/openai/v1/realtime/calls/r/accept"]
)
async def test_calls_of_a_realtime_provider_are_native(yard: Yard, path: str) -> None:
    openai = yard.provider("openai")
    answers(openai, {"answer": "sdp"})
    assert (await yard.call(path, {"sdp": "offer"})).status == 200
    assert [sent.path for sent in openai.requests] == [path.removeprefix("/openai")]


class TestPredictions:
    """Their provider tells again and again what one used."""

    MAKE = "/replicate/v1/models/meta/llama/predictions"
    BEGUN: ClassVar = {"id": "pred1", "model": "meta/llama", "status": "starting", "metrics": {}}
    METRICS: ClassVar = {"input_token_count": 5, "output_token_count": 7, "predict_time": 1.2}
    OVER: ClassVar = {**BEGUN, "status": "succeeded", "metrics": METRICS}

    async def used(self, yard: Yard) -> list[tuple[str, int]]:
        assert await becomes(lambda: not yard.stockyard.reception.keepers._work)
        assert await yard.quiet()
        calls = [call.exchange for call in yard.calls]
        return [(x.received.model, x.usage.total) for x in calls if x.usage is not None]

    async def test_a_prediction_is_counted_once_however_often_it_is_asked_for(
        self, yard: Yard
    ) -> None:
        replicate = yard.provider("replicate")
        for said in (self.BEGUN, {**self.BEGUN, "status": "processing"}, self.OVER, self.OVER):
            answers(replicate, said)
        answers(replicate, {"results": [self.OVER]})
        await yard.call(self.MAKE, {"input": {"prompt": "hi"}})
        for _ in range(3):
            heard = await yard.get("/replicate/v1/predictions/pred1")
        assert heard.json == self.OVER
        await yard.get("/replicate/v1/predictions")
        assert await self.used(yard) == [("meta/llama", 12)]

    async def test_a_prediction_that_is_over_at_once_is_counted_with_its_call(
        self, yard: Yard
    ) -> None:
        replicate = yard.provider("replicate")
        for _ in range(2):
            answers(replicate, self.OVER)
        await yard.call(self.MAKE, {"input": {"prompt": "hi"}}, headers={"prefer": "wait"})
        await yard.get("/replicate/v1/predictions/pred1")
        assert [total for _, total in await self.used(yard)] == [12]
