"""Ids that a provider issued: valid for the team that got them, and for nobody else."""

import json
from typing import Any

import pytest

from stockyard.apps.responses.store import held_by
from stockyard.core.ports import Held
from stockyard.testing.yard import Yard, becomes
from tests.held_things import FORM, JSON, a_file, a_form, answers, uploaded
from tests.teams import another_team


class TestIds:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/v1/files/file-1"),
            ("GET", "/v1/files/file-1/content"),
            ("DELETE", "/v1/files/file-1"),
            ("GET", "/openai/v1/files/file-1"),
            ("GET", "/openai/files/file-1/content"),
        ],
    )
    async def test_an_id_passes_for_the_team_that_made_it_and_for_no_other(
        self, yard: Yard, method: str, path: str
    ) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_file("file-1"))
        theirs = await another_team(yard)

        refused = await yard.get(path, method=method, headers=theirs)
        assert refused.status == 404
        assert refused.json["error"]["code"] == "not_found"
        assert len(openai.requests) == 1

        passed = await yard.get(path, method=method)
        assert passed.status == 200
        assert openai.last.target == "/v1" + path[path.index("/files") :]
        assert openai.last.method == method

    async def test_an_id_that_was_made_elsewhere_is_not_there(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        heard = await yard.get("/v1/files/file-of-the-account")
        assert heard.status == 404
        assert not openai.requests

    async def test_an_id_leads_to_the_provider_that_gave_it(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        await uploaded(yard, groq, "file-g", **{"x-stockyard-provider": "groq"})
        answers(groq, a_file("file-g"))
        heard = await yard.get("/v1/files/file-g")
        assert heard.status == 200
        assert groq.last.target == "/openai/v1/files/file-g"
        assert not openai.requests

    async def test_an_id_is_not_there_on_another_providers_route(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        await uploaded(yard, groq, "file-g", **{"x-stockyard-provider": "groq"})
        heard = await yard.get("/openai/v1/files/file-g")
        assert heard.status == 404
        assert not openai.requests

    async def test_a_thing_made_on_a_native_route_belongs_to_the_team_too(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, {"id": "thread_1", "object": "thread"})
        assert (await yard.call("/openai/v1/threads", {})).status == 200
        answers(openai, {"id": "run_1", "thread_id": "thread_2", "object": "thread.run"})
        assert (await yard.call("/openai/v1/threads/runs", {})).status == 200
        for thread in ("thread_1", "thread_2"):
            answers(openai, {"id": thread})
            assert (await yard.get(f"/openai/v1/threads/{thread}/messages")).status == 200
        assert (await yard.get("/openai/v1/threads/run_1")).status == 404

    async def test_a_caller_cannot_make_an_id_its_own_by_naming_it(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, {"id": "vs_1", "object": "vector_store"})
        await yard.call("/openai/v1/vector_stores", {})
        answers(openai, {"id": "file-theirs", "object": "vector_store.file"})
        path = "/openai/v1/vector_stores/vs_1/files"
        assert (await yard.call(path, {"file_id": "file-theirs"})).status == 404
        assert len(openai.requests) == 1
        assert (await yard.call(path, {"other": "file-theirs"})).status == 200
        assert (await yard.get("/v1/files/file-theirs")).status == 404

    @pytest.mark.parametrize(
        "body",
        [
            {"tool_resources": {"file_search": {"vector_store_ids": ["vs_theirs"]}}},
            {"messages": [{"attachments": [{"file_id": "file-1"}, {"file_id": "file-theirs"}]}]},
            b'{"f\\u0069le_id": "file-theirs"}',
        ],
    )
    async def test_an_id_in_a_body_must_be_the_teams_too(self, yard: Yard, body: object) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        heard = await yard.call("/openai/v1/threads", body)
        assert heard.status == 404
        assert "theirs" in heard.json["error"]["message"]
        assert len(openai.requests) == 1

    async def test_an_error_of_the_provider_teaches_nothing(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, {"error": {"message": "No."}, "id": "file-1"}, status=400)
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert (heard.status, heard.json["error"]["message"]) == (400, "No.")
        assert (await yard.get("/v1/files/file-1")).status == 404

    @pytest.mark.parametrize("path", ["/v1/files", "/v1/files/file-1", "/v1/files/file-1/content"])
    @pytest.mark.parametrize(
        ("status", "said", "told", "code", "message"),
        [
            (400, {"detail": [{"loc": ["a"], "msg": "Odd."}]}, 400, "invalid_request", "Odd."),
            (404, {"error": {"message": "Gone."}}, 404, "not_found", "Gone."),
            (429, {"error": {"message": "Slow down, org-Zx81kQm4Rt7Ws0Vb3Nc6Yd9L."}}, 429, "rate_limit_exceeded", "Slow down, "),  # noqa: E501  one case
            (500, {"message": "Broken."}, 502, "provider_error", "Broken."),
            (503, [], 503, "provider_error", "The provider is overloaded."),
        ],
    )  # fmt: skip
    async def test_errors_of_the_provider_are_told_in_the_words_of_the_path(
        self, yard: Yard, path: str, status: int, said: Any, told: int, code: str, message: str
    ) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        openai.sends(status, {**JSON, "retry-after": "7"}, json.dumps(said).encode())
        heard = await yard.get(path)
        assert heard.status == told
        assert heard.error is not None
        assert heard.error["code"] == code
        assert heard.error["message"].startswith(message)
        assert b"org-Zx81" not in heard.body
        assert heard.headers["retry-after"] == "7"

    async def test_errors_of_native_routes_come_as_they_are(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, {"error": {"message": "Broken."}}, status=500)
        heard = await yard.get("/openai/v1/files/file-1")
        assert (heard.status, heard.json) == (500, {"error": {"message": "Broken."}})

    @pytest.mark.parametrize("path", ["/v1/files", "/v1/files/file-1", "/v1/files/file-1/content"])
    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refusal_of_our_credential_is_not_told_as_one_of_the_caller(
        self, yard: Yard, path: str, status: int
    ) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, {"error": {"message": "Wrong key: secret-of-openai."}}, status=status)
        heard = await yard.get(path)
        assert (heard.status, heard.json["error"]["code"]) == (502, "provider_error")
        assert b"secret-of-openai" not in heard.body

    async def test_ids_are_stored(self, yard: Yard) -> None:
        await uploaded(yard, yard.provider("openai"))
        database = yard.stockyard.database
        assert await becomes(lambda: held_by(database, "default", "file-1") is not None)
        kept = held_by(database, "default", "file-1")
        assert kept is not None
        credential = yard.stockyard.reach.directory.credentials("openai")[0]
        assert kept == Held("openai", credential.id)
