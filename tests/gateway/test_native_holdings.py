"""What providers of other dialects keep: reached by the team that made it, and by nobody else."""

import json
from typing import Any

import pytest

from stockyard.gateway.held import native
from stockyard.providers.catalog import load
from stockyard.providers.paths import resolve
from stockyard.testing.yard import Yard
from tests.held_things import JSON, answers
from tests.teams import another_team

OURS = "/gemini/v1beta"
BATCH_OVER = {
    "name": "batches/b1",
    "metadata": {"output": {"responsesFile": "files/out"}},
    "response": {"responsesFile": "files/out"},
}
FILM = {"video": {"uri": "https://host/v1beta/files/film:download?alt=media"}}
FILM_DONE = {
    "name": "models/veo-x/operations/op1",
    "done": True,
    "response": {"generateVideoResponse": {"generatedSamples": [FILM]}},
}


@pytest.mark.parametrize(
    ("provider", "make", "made", "path"),
    [
        ("gemini", "/v1beta/cachedContents", {"name": "cachedContents/c1"}, "/cachedContents/c1"),
        (
            "gemini",
            "/v1beta/tunedModels",
            {
                "name": "tunedModels/t1/operations/o",
                "metadata": {"tunedModel": "tunedModels/t1"},
            },
            "/tunedModels/t1",
        ),
        (
            "gemini",
            "/v1beta/models/gemini-x:batchGenerateContent",
            {"name": "batches/b1"},
            "/batches/b1",
        ),
        ("gemini", "/upload/v1beta/files", {"file": {"name": "files/f1"}}, "/v1beta/files/f1"),
        ("gemini", "/v1beta/openai/batches", {"id": "batches/b1"}, "/v1beta/openai/batches/b1"),
        ("mistral", "/v1/batch/jobs", {"id": "job-1"}, "/v1/batch/jobs/job-1"),
        ("mistral", "/v1/conversations", {"conversation_id": "conv_1"}, "/v1/conversations/conv_1"),
        ("openai", "/v1/containers", {"id": "cntr_1"}, "/v1/containers/cntr_1/files"),
        ("gemini", "/v1beta/interactions", {"id": "v1_x-1"}, "/v1beta/interactions/v1_x-1"),
        ("xai", "/v1/files", {"id": "file_1"}, "/v1/files/file_1/content"),
        ("xai", "/v1/batches", {"batch_id": "batch_1"}, "/v1/batches/batch_1/results"),
        ("cohere", "/v2/batches", {"batch": {"id": "b1"}}, "/v2/batches/b1"),
        ("cohere", "/v1/datasets", {"id": "ds-1"}, "/v1/datasets/ds-1"),
        ("cohere", "/v1/embed-jobs", {"job_id": "ej-1"}, "/v1/embed-jobs/ej-1"),
    ],
)
async def test_a_thing_that_a_provider_keeps_opens_to_its_maker_only(
    yard: Yard, provider: str, make: str, made: dict[str, Any], path: str
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, made)
    assert (await yard.call(f"/{provider}{make}", {})).status == 200
    theirs = await another_team(yard)
    assert (await yard.get(f"/{provider}{path}", headers=theirs)).status == 404
    assert len(scripted.requests) == 1
    assert (await yard.get(f"/{provider}{path}")).status == 200
    assert scripted.last.target.endswith(path)


@pytest.mark.parametrize(
    "path",
    [
        "/openai/files/file-1",
        "/openai/files/file-1/content",
        "/openai/Files/file-1/Content",
        "/openai/v1/FILES/file-1",
        "/openai/v1/files/file-1/",
        "/openai/threads/thread_1/messages",
        "/openai/Threads/thread_1/Runs/run_1",
        "/openai/vector_stores/vs_1/search",
        "/openai/batches/batch_1",
        "/openai/v1/batches/batch_1",
    ],
)
async def test_no_spelling_of_a_path_opens_another_teams_things(yard: Yard, path: str) -> None:
    azure = yard.provider("azure")
    answers(azure, {"id": "somebody's"})
    assert (await yard.get(f"/azure{path}")).status == 404
    assert not azure.requests


@pytest.mark.parametrize("path", ["/openai/v1/files/file-1", "/openai/files/file-1/content"])
async def test_no_dialect_in_front_of_a_path_opens_another_teams_things(
    yard: Yard, path: str
) -> None:
    bedrock = yard.provider("bedrock")
    answers(bedrock, {"id": "somebody's"})
    assert (await yard.get(f"/bedrock{path}")).status == 404
    assert not bedrock.requests


@pytest.mark.parametrize(
    "path", ["/openai/files", "/openai/Files", "/openai/v1/files/", "/openai/vector_stores/"]
)
async def test_no_spelling_of_a_list_shows_another_teams_things(yard: Yard, path: str) -> None:
    azure = yard.provider("azure")
    answers(azure, {"object": "list", "data": [{"id": "somebody's"}], "has_more": False})
    assert (await yard.get(f"/azure{path}")).json["data"] == []


async def test_a_file_made_under_an_older_version_is_the_teams_under_both(yard: Yard) -> None:
    azure = yard.provider("azure")
    answers(azure, {"id": "file-1"})
    assert (await yard.call("/azure/openai/files", {})).status == 200
    for path in ("/openai/files/file-1", "/openai/v1/files/file-1/content"):
        assert (await yard.get(f"/azure{path}")).status == 200
        assert azure.last.path == path


@pytest.mark.parametrize(
    ("make", "poll", "done", "file"),
    [
        ("/models/gemini-x:batchGenerateContent", "/batches/b1", BATCH_OVER, "/files/out"),
        (
            "/models/veo-x:predictLongRunning",
            "/models/veo-x/operations/op1",
            FILM_DONE,
            "/files/film:download",
        ),
    ],
)
async def test_a_file_made_by_a_job_is_known_once_the_job_names_it(
    yard: Yard, make: str, poll: str, done: dict[str, Any], file: str
) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"name": done["name"]})
    await yard.call(OURS + make, {})
    assert (await yard.get(OURS + file)).status == 404
    answers(gemini, done)
    assert (await yard.get(OURS + poll)).status == 200
    assert (await yard.get(OURS + file)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"cachedContent": "cachedContents/c1"},
        {
            "contents": [
                {"parts": [{"fileData": {"fileUri": "https://h/v1beta/cachedContents/c1"}}]}
            ]
        },
        {"batch": {"inputConfig": {"fileName": "cachedContents/c1"}}},
        {"model": "tunedModels/theirs"},
    ],
)
async def test_names_in_a_body_are_judged_there_too(yard: Yard, body: dict[str, Any]) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"name": "cachedContents/c1"})
    await yard.call(OURS + "/cachedContents", {})
    theirs = await another_team(yard)
    path = OURS + ("/batches" if "model" in body else "/models/gemini-x:generateContent")
    assert (await yard.call(path, body, headers=theirs)).status == 404
    assert len(gemini.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_interaction_is_gone_on_from_by_the_team_that_began_it(
    yard: Yard, stream: bool
) -> None:
    gemini = yard.provider("gemini")
    interaction = {"id": "v1_x-1", "status": "in_progress"}
    if stream:
        created = {"event_type": "interaction.created", "interaction": interaction}
        later = {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "a"}}
        told = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in (created, later))
        gemini.sends(200, {"content-type": "text/event-stream"}, told)
    else:
        told = json.dumps(interaction).encode()
        gemini.sends(200, JSON, told)
    body = {"model": "gemini-x", "input": "hi", "stream": stream}
    assert (await yard.call(OURS + "/interactions", body)).body == told
    again = body | {"previous_interaction_id": "v1_x-1"}
    theirs = await another_team(yard)
    assert (await yard.call(OURS + "/interactions", again, headers=theirs)).status == 404
    path = OURS + "/interactions/v1_x-1"
    for method in ("GET", "DELETE"):
        assert (await yard.get(path, method=method, headers=theirs)).status == 404
    assert (await yard.call(path + "/cancel", {}, headers=theirs)).status == 404
    assert len(gemini.requests) == 1
    answers(gemini, interaction)
    assert (await yard.call(OURS + "/interactions", again)).status == 200
    answers(gemini, interaction)
    assert (await yard.call(path + "/cancel", {})).status == 200
    assert gemini.last.target == "/v1beta/interactions/v1_x-1/cancel"


async def test_files_that_an_interaction_names_are_judged(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    part = {"type": "image", "uri": "https://h/v1beta/files/theirs"}
    heard = await yard.call(OURS + "/interactions", {"model": "gemini-x", "input": [part]})
    assert heard.status == 404
    assert not gemini.requests


async def test_a_file_of_another_team_gets_into_no_container(yard: Yard) -> None:
    openai = yard.provider("openai")
    answers(openai, {"id": "cntr_1"})
    await yard.call("/openai/v1/containers", {})
    form = b'--c\r\ncontent-disposition: form-data; name="file_id"\r\n\r\nfile-x\r\n--c--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=c"}
    path = "/openai/v1/containers/cntr_1/files"
    assert (await yard.call(path, form, headers=kind)).status == 404
    assert (await yard.call(path, {"file_id": "file-x"})).status == 404
    assert (await yard.call("/openai/v1/containers", {"file_ids": ["file-x"]})).status == 404
    assert len(openai.requests) == 1


async def test_a_tuned_model_answers_its_maker_in_a_stream(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    answers(gemini, {"name": "x", "metadata": {"tunedModel": "tunedModels/t1"}})
    await yard.call(OURS + "/tunedModels", {})
    gemini.sends(200, {"content-type": "text/event-stream"}, b'data: {"candidates": []}\n\n')
    path = OURS + "/tunedModels/t1:streamGenerateContent?alt=sse"
    heard = await yard.call(path, {"contents": []})
    assert heard.body == b'data: {"candidates": []}\n\n'
    theirs = await another_team(yard)
    assert (await yard.call(path, {"contents": []}, headers=theirs)).status == 404


async def test_cached_content_is_paid_when_it_is_written(yard: Yard) -> None:
    gemini = yard.provider("gemini")
    kept = {
        "name": "cachedContents/c1",
        "model": "models/gemini-x",
        "usageMetadata": {"totalTokenCount": 4096},
    }
    for said in (kept, kept, {"cachedContents": [kept]}, kept):
        answers(gemini, said)
    await yard.call(OURS + "/cachedContents", {"model": "models/gemini-x", "contents": []})
    await yard.get(OURS + "/cachedContents/c1")
    await yard.get(OURS + "/cachedContents")
    await yard.call(OURS + "/cachedContents/c1", {"ttl": "600s"})
    assert await yard.ended(4)
    calls = [call.exchange for call in yard.calls]
    assert [x.usage.in_written for x in calls if x.usage is not None] == [4096]
    assert {x.received.model for x in calls if x.usage is not None} == {"gemini-x"}


@pytest.mark.parametrize(
    ("name", "path", "collection", "thing"),
    [
        ("vertex", "/v1/projects/q/locations/l/cachedContents", "cachedContents", ""),
        ("vertex-anthropic", "/v1/projects/q/locations/l/cachedContents", "cachedContents", ""),
        (
            "vertex-anthropic",
            "/v1/projects/q/locations/l/batchPredictionJobs/7",
            "batchPredictionJobs",
            "batchPredictionJobs/7",
        ),
        ("gemini", "/v1beta/files/", "files", ""),
        ("gemini", "/v1beta/cachedContents/c1/", "cachedContents", "cachedContents/c1"),
    ],
)
def test_a_thing_that_a_cloud_keeps_is_the_same_for_all_of_its_rows(
    name: str, path: str, collection: str, thing: str
) -> None:
    environ = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"}
    provider = load(environ=environ).get(name)
    assert provider is not None
    found = resolve(provider, path)
    assert found is not None
    reach = native(found.path, "GET", provider)
    assert reach is not None
    assert (reach.collection, reach.id) == (collection, thing)


@pytest.mark.parametrize(
    "path",
    ["/publishers/anthropic/models/claude-x:rawPredict", "/publishers/google/models/g:predict"],
)
def test_models_of_a_cloud_are_kept_for_nobody(path: str) -> None:
    environ = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"}
    for name in ("vertex", "vertex-anthropic"):
        provider = load(environ=environ).get(name)
        assert provider is not None
        assert native(f"/v1/projects/p/locations/l{path}", "POST", provider) is None
