"""Files and batches: kept by a provider, in our account there, and each for one team only."""

import asyncio
import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.apps.responses.store import held_by
from stockyard.core.ports import Held
from stockyard.errors import Refused
from stockyard.gateway.held import with_results_here
from stockyard.gateway.own_list import MOST_PAGES
from stockyard.gateway.spool import MAX_FILES, Spool
from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard, becomes
from stockyard.wire.multipart import start_of_file
from tests.teams import another_team

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
VERSION = {"anthropic-version": "2023-06-01"}
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
MESSAGE_BATCH = {
    "requests": [{"custom_id": "a", "params": {"model": "claude-scripted", "max_tokens": 9}}]
}


def a_form(file: bytes = b'{"prompt": 1}\n', purpose: str = "batch") -> bytes:
    return (
        b'--cut\r\ncontent-disposition: form-data; name="purpose"\r\n\r\n%b\r\n'
        b'--cut\r\ncontent-disposition: form-data; name="file"; filename="in.jsonl"\r\n'
        b"content-type: application/octet-stream\r\n\r\n%b\r\n--cut--\r\n"
    ) % (purpose.encode(), file)


def lines_for(model: str) -> bytes:
    line = {**LINE, "body": {"model": model, "messages": []}}
    return json.dumps(line).encode() + b"\n" + b'{"more": 1}\n'


def answers(provider: ScriptedProvider, said: object, status: int = 200) -> None:
    provider.sends(status, JSON, json.dumps(said).encode())


def a_file(thing: str) -> dict[str, Any]:
    return {"id": thing, "object": "file", "bytes": 3, "filename": "in.jsonl", "purpose": "batch"}


def a_list(*things: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(things), "has_more": more}


async def uploaded(
    yard: Yard, provider: ScriptedProvider, thing: str = "file-1", **headers: str
) -> Heard:
    """Upload a file that gets this id."""
    answers(provider, a_file(thing))
    heard = await yard.call("/v1/files", a_form(), headers=FORM | headers)
    assert heard.status == 200, heard.body
    return heard


class TestUploads:
    async def test_they_go_on_as_they_came_with_our_credential(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        heard = await uploaded(yard, openai, cookie="c=1")
        assert heard.json == a_file("file-1")
        assert openai.last.target == "/v1/files"
        assert openai.last.body == a_form()
        assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
        assert openai.last.headers["content-type"] == FORM["content-type"]
        assert openai.last.headers["user-agent"].startswith("stockyard/")
        assert "cookie" not in openai.last.headers
        assert yard.last.exchange.kind == "passthrough"

    async def test_they_are_found_without_a_version_too(self, yard: Yard) -> None:
        answers(yard.provider("openai"), a_file("file-1"))
        heard = await yard.call("/files", a_form(), headers=FORM)
        assert heard.status == 200

    @pytest.mark.parametrize(
        ("file", "header", "wins"),
        [
            (lines_for("gpt-scripted"), "", "openai"),
            (lines_for("groq/llama"), "", "groq"),
            (lines_for("gpt-scripted"), "groq", "groq"),
            (b'{"prompt": 1}\n', "groq", "groq"),
        ],
    )
    async def test_the_header_says_where_to_else_the_model_of_the_first_line(
        self, yard: Yard, file: bytes, header: str, wins: str
    ) -> None:
        for name in ("openai", "groq"):
            answers(yard.provider(name), a_file("file-1"))
        named = {"x-stockyard-provider": header} if header else {}
        heard = await yard.call("/v1/files", a_form(file), headers=FORM | named)
        assert heard.status == 200, heard.body
        assert len(yard.provider(wins).requests) == 1
        assert heard.headers["x-stockyard-provider"] == wins

    async def test_without_either_there_must_be_one_provider_only(self, yard: Yard) -> None:
        yard.provider("openai")
        yard.provider("groq")
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert heard.status == 400
        assert "X-Stockyard-Provider" in heard.json["error"]["message"]

    @pytest.mark.parametrize("header", ["cerebras", "nobody"])
    async def test_a_provider_that_takes_none_is_refused(self, yard: Yard, header: str) -> None:
        yard.provider("openai")
        named = {"x-stockyard-provider": header}
        heard = await yard.call("/v1/files", a_form(), headers=FORM | named)
        assert heard.status == 400

    async def test_a_form_with_two_boundaries_is_refused(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        other = {"content-type": "multipart/form-data; boundary=other"}
        heard = await yard.call("/v1/files", a_form(), headers=other)
        assert heard.status == 400
        assert not openai.requests

    async def test_with_the_version_of_messages_they_are_that_providers(self, yard: Yard) -> None:
        openai, anthropic = yard.provider("openai"), yard.provider("anthropic")
        answers(anthropic, {"id": "file_a", "type": "file"})
        betas = {"anthropic-beta": "files-api-2025-04-14"}
        heard = await yard.call("/v1/files", a_form(), headers=FORM | VERSION | betas)
        assert heard.status == 200
        assert anthropic.last.headers["anthropic-version"] == "2023-06-01"
        assert anthropic.last.headers["anthropic-beta"] == betas["anthropic-beta"]
        assert anthropic.last.headers["x-api-key"] == "secret-of-anthropic"
        assert not openai.requests

    async def test_nobody_who_takes_them_is_told(self, yard: Yard) -> None:
        yard.provider("anthropic")
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert heard.status == 503
        assert heard.json["error"]["code"] == "no_target"


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
    async def test_they_pass_for_the_team_that_made_them_and_for_no_other(
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

    async def test_those_that_were_made_elsewhere_are_not_there(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        heard = await yard.get("/v1/files/file-of-the-account")
        assert heard.status == 404
        assert not openai.requests

    async def test_they_lead_to_the_provider_that_gave_them(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        await uploaded(yard, groq, "file-g", **{"x-stockyard-provider": "groq"})
        answers(groq, a_file("file-g"))
        heard = await yard.get("/v1/files/file-g")
        assert heard.status == 200
        assert groq.last.target == "/openai/v1/files/file-g"
        assert not openai.requests

    async def test_on_another_providers_route_they_are_not_there(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        await uploaded(yard, groq, "file-g", **{"x-stockyard-provider": "groq"})
        heard = await yard.get("/openai/v1/files/file-g")
        assert heard.status == 404
        assert not openai.requests

    async def test_what_a_native_route_made_is_the_teams_as_well(self, yard: Yard) -> None:
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
    async def test_what_a_body_names_must_be_the_teams_as_well(
        self, yard: Yard, body: object
    ) -> None:
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
    async def test_that_we_are_refused_is_not_told_as_if_the_caller_was(
        self, yard: Yard, path: str, status: int
    ) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, {"error": {"message": "Wrong key: secret-of-openai."}}, status=status)
        heard = await yard.get(path)
        assert (heard.status, heard.json["error"]["code"]) == (502, "provider_error")
        assert b"secret-of-openai" not in heard.body

    async def test_they_are_written_down(self, yard: Yard) -> None:
        await uploaded(yard, yard.provider("openai"))
        database = yard.stockyard.database
        assert await becomes(lambda: held_by(database, "default", "file-1") is not None)
        kept = held_by(database, "default", "file-1")
        assert kept is not None
        credential = yard.stockyard.reach.directory.credentials("openai")[0]
        assert kept == Held("openai", credential.id)


class TestLists:
    async def test_they_hold_what_is_the_teams(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-x"), a_file("file-1")))
        heard = await yard.get("/v1/files?purpose=batch")
        assert heard.json["data"] == [a_file("file-1")]
        assert heard.json["has_more"] is False
        assert openai.last.target == "/v1/files?purpose=batch"

    @pytest.mark.parametrize("path", ["/v1/files", "/openai/v1/files"])
    async def test_another_team_has_one_of_its_own(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-1")))
        heard = await yard.get(path, headers=await another_team(yard))
        assert (heard.status, heard.json["data"]) == (200, [])

    async def test_pages_are_asked_for_until_there_is_enough(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        for n in range(3):
            await uploaded(yard, openai, f"file-{n}")
        answers(openai, a_list(a_file("file-x"), a_file("file-y"), more=True))
        answers(openai, a_list(a_file("file-0"), a_file("file-z"), more=True))
        answers(openai, a_list(a_file("file-1"), a_file("file-2")))
        heard = await yard.get("/v1/files?limit=2")
        assert [file["id"] for file in heard.json["data"]] == ["file-0", "file-1"]
        assert heard.json["has_more"] is True
        assert heard.json["last_id"] == "file-1"
        assert [request.query for request in list(openai.requests)[3:]] == [
            "limit=100",
            "limit=100&after=file-y",
            "limit=100&after=file-z",
        ]

    async def test_a_list_without_end_is_given_up(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, a_list(a_file("file-x"), a_file("file-y"), more=True))
        heard = await yard.get("/v1/files?limit=2")
        assert (heard.status, heard.json["data"]) == (200, [])
        assert len(openai.requests) == MOST_PAGES

    async def test_they_go_on_behind_what_the_caller_has(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-1")))
        heard = await yard.get("/v1/files?after=file-0")
        assert openai.last.query == "after=file-0"
        assert len(heard.json["data"]) == 1

    async def test_one_provider_follows_the_other(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        for provider, name in ((openai, "openai"), (groq, "groq")):
            await uploaded(yard, provider, f"file-{name}", **{"x-stockyard-provider": name})
            answers(provider, a_list(a_file(f"file-{name}")))
        heard = await yard.get("/v1/files")
        assert {file["id"] for file in heard.json["data"]} == {"file-openai", "file-groq"}
        assert heard.json["has_more"] is False

    @pytest.mark.parametrize("failing", ["openai", "groq"])
    @pytest.mark.parametrize(
        ("status", "said", "told"),
        [
            (500, {"error": {"message": "Odd."}}, {"status": 502, "message": "Odd."}),
            (429, {"error": {"message": "Slow."}}, {"status": 429, "message": "Slow."}),
        ],
    )
    async def test_a_provider_that_fails_is_told_beside_what_the_others_have(
        self, yard: Yard, failing: str, status: int, said: object, told: dict[str, Any]
    ) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        for provider, name in ((openai, "openai"), (groq, "groq")):
            await uploaded(yard, provider, f"file-{name}", **{"x-stockyard-provider": name})
            if name == failing:
                answers(provider, said, status=status)
            else:
                answers(provider, a_list(a_file(f"file-{name}")))
        heard = await yard.get("/v1/files")
        assert heard.status == 200
        assert [file["id"] for file in heard.json["data"]] == [
            name for name in ("file-openai", "file-groq") if name != f"file-{failing}"
        ]
        assert heard.json["has_more"] is False
        assert heard.json["stockyard"] == {"missing": [{"provider": failing, **told}]}

    async def test_a_provider_that_breaks_off_is_told_too(self, yard: Yard) -> None:
        openai, groq = yard.provider("openai"), yard.provider("groq")
        await uploaded(yard, groq, "file-groq", **{"x-stockyard-provider": "groq"})
        answers(openai, a_list(a_file("file-x")))
        openai.cuts_after_bytes(9)
        answers(groq, a_list(a_file("file-groq")))
        heard = await yard.get("/v1/files")
        assert [file["id"] for file in heard.json["data"]] == ["file-groq"]
        (missing,) = heard.json["stockyard"]["missing"]
        assert (missing["provider"], missing["status"]) == ("openai", 502)

    async def test_what_was_listed_before_a_provider_failed_is_listed(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-1"), more=True))
        answers(openai, {"error": {"message": "Odd."}}, status=500)
        heard = await yard.get("/v1/files?limit=2")
        assert [file["id"] for file in heard.json["data"]] == ["file-1"]
        assert [one["provider"] for one in heard.json["stockyard"]["missing"]] == ["openai"]
        assert heard.json["has_more"] is True

    async def test_where_all_fail_the_first_is_heard(self, yard: Yard) -> None:
        for name, status in (("openai", 429), ("groq", 500)):
            answers(yard.provider(name), {"error": {"message": name}}, status=status)
        heard = await yard.get("/v1/files")
        assert (heard.status, heard.json["error"]["message"]) == (429, "openai")

    async def test_an_account_without_an_end_is_not_searched_for_ever(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        for n in range(25):
            answers(openai, a_list(a_file(f"file-x{n}"), more=True))
        heard = await yard.get("/v1/files?limit=5")
        assert (heard.json["data"], heard.json["has_more"]) == ([], True)
        assert len(openai.requests) == 20

    async def test_an_error_is_told(self, yard: Yard) -> None:
        answers(yard.provider("openai"), {"error": {"message": "No."}}, status=418)
        heard = await yard.get("/v1/files")
        assert (heard.status, heard.json["error"]["message"]) == (400, "No.")

    @pytest.mark.parametrize("said", [b"[]", b"not json", b'{"files": [{"id": "file-x"}]}'])
    async def test_what_is_no_list_that_we_know_shows_nothing(
        self, yard: Yard, said: bytes
    ) -> None:
        yard.provider("openai").sends(200, JSON, said)
        heard = await yard.get("/v1/files")
        assert heard.json["data"] == []
        assert b"file-x" not in heard.body


class TestBatches:
    async def test_they_go_where_their_file_is(self, yard: Yard) -> None:
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

    async def test_their_output_is_the_teams_once_it_is_told_of(self, yard: Yard) -> None:
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

    async def test_they_are_cancelled_and_listed(self, yard: Yard) -> None:
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

    async def test_those_of_messages_go_to_their_provider(self, yard: Yard) -> None:
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

    async def test_of_another_team_they_are_not_there_in_the_words_of_the_dialect(
        self, yard: Yard
    ) -> None:
        yard.provider("anthropic")
        heard = await yard.get("/v1/messages/batches/msgbatch_1", headers=VERSION)
        assert heard.status == 404
        assert heard.json["type"] == "error"
        assert heard.json["error"]["type"] == "not_found_error"


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("PUT", "/v1/files", 405),
            ("POST", "/v1/files/file-1", 405),
            ("GET", "/v1/files/file-1/more", 404),
            ("GET", "/v1/batches/b/content", 404),
            ("GET", "/v1/files/", 404),
            ("GET", "/v1/files/a/content/b", 404),
            ("GET", "/v1/files/..%2Fmodels", 404),
        ],
    )
    async def test_only_what_is_listed_is_served(
        self, yard: Yard, method: str, path: str, status: int
    ) -> None:
        openai = yard.provider("openai")
        assert (await yard.get(path, method=method)).status == status
        assert not openai.requests

    @pytest.mark.parametrize(
        "path",
        [
            "/openai/v1/organization/admin_api_keys",
            "/openai/v1/organizatio%6e/admin_api_keys",
            "/openai/v1/Organization/Admin_API_Keys",
            "/openai/organization/users",
            "/openai/v1/realtime/client_secrets",
            "/openai/v1/realtime/sessions",
            "/openai/dashboard/billing/usage",
            "/anthropic/v1/organizations/me",
        ],
    )
    async def test_accounts_are_not_managed_through_us(self, yard: Yard, path: str) -> None:
        openai, anthropic = yard.provider("openai"), yard.provider("anthropic")
        for heard in (await yard.get(path), await yard.call(path, {})):
            assert heard.status == 403
            assert b"path_not_allowed" in heard.body
        assert not openai.requests
        assert not anthropic.requests

    async def test_callers_with_a_secret_of_their_own_see_their_own_account(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai")
        answers(openai, a_list(a_file("file-x")))
        own = {"authorization": "Bearer sk-proj-own"}
        heard = await yard.get("/v1/files", headers=own)
        assert heard.json == a_list(a_file("file-x"))
        assert openai.last.headers["authorization"] == "Bearer sk-proj-own"

    async def test_no_field_of_the_account_comes_along(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        said = {
            **JSON,
            "openai-organization": "org",
            "x-odd": "1",
            "x-request-id": "req_theirs",
            "x-ratelimit-limit-requests": "5",
        }
        openai.sends(200, said, json.dumps(a_file("file-1")).encode())
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert "openai-organization" not in heard.headers
        assert "x-odd" not in heard.headers
        assert heard.headers["x-upstream-request-id"] == "req_theirs"
        assert heard.headers["x-request-id"] == yard.last.exchange.id
        assert heard.headers["x-ratelimit-limit-requests"] == "5"

    async def test_a_page_for_browsers_comes_as_bytes(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        openai.sends(200, {"content-type": "text/html"}, b"<script>alert(1)</script>")
        heard = await yard.get("/v1/files/file-1/content")
        assert heard.headers["content-type"] == "application/octet-stream"


class TestLargeUploads:
    """They pass through a file, so that they take no memory."""

    FORM = a_form(lines_for("gpt-scripted") + b"x" * (6 << 20))

    def head(self, yard: Yard, *more: str) -> bytes:
        key = yard.headers["authorization"]
        lines = ("POST /v1/files HTTP/1.1", "host: localhost", f"authorization: {key}")
        return "\r\n".join(
            [*lines, f"content-type: {FORM['content-type']}", *more, "", ""]
        ).encode()

    async def spool(self, yard: Yard) -> Spool:
        return (await yard.open()).stockyard.plane.spool

    async def test_the_provider_gets_them_whole_and_nothing_is_left(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        yard.provider("groq")
        answers(openai, a_file("file-1"))
        spool = await self.spool(yard)
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[:-1])
            assert await becomes(lambda: spool.files == 1)
            client.send(self.FORM[-1:])
            assert (await client.answer()).status == 200
        assert openai.last.body == self.FORM
        assert openai.last.headers["content-length"] == str(len(self.FORM))
        yard.calls.clear()
        assert await becomes(lambda: spool.files == 0)

    async def test_chunked_ones_too(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, a_file("file-1"))
        spool = await self.spool(yard)
        async with yard.raw() as client:
            client.send(self.head(yard, "transfer-encoding: chunked"))
            for at in range(0, len(self.FORM), 1 << 20):
                piece = self.FORM[at : at + (1 << 20)]
                client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            client.send(b"0\r\n\r\n")
            assert (await client.answer()).status == 200
        assert openai.last.body == self.FORM
        yard.calls.clear()
        assert await becomes(lambda: spool.files == 0)

    async def test_who_leaves_in_the_middle_leaves_nothing(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        spool = await self.spool(yard)
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[:-1])
            assert await becomes(lambda: spool.files == 1)
        assert await becomes(lambda: spool.files == 0)
        assert not openai.requests

    @pytest.mark.parametrize("framing", ["content-length: 104857601", "transfer-encoding: chunked"])
    async def test_those_that_are_too_large_are_refused(self, yard: Yard, framing: str) -> None:
        yard.provider("openai")
        await yard.open()
        async with yard.raw() as client:
            client.send(self.head(yard, framing) + b"6400001\r\n" * ("chunked" in framing))
            answer = await client.answer()
        assert answer.status == 413

    async def test_when_there_are_too_many_the_next_is_to_come_again(self, yard: Yard) -> None:
        yard.provider("openai")
        spool = await self.spool(yard)
        spool.files = MAX_FILES
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[: 2 << 20])
            answer = await client.answer()
        assert answer.status == 503
        assert b"too many large uploads" in answer.body.lower()

    async def test_without_room_they_are_refused(self, yard: Yard) -> None:
        yard.provider("openai")
        await self.spool(yard)
        (yard.stockyard.folder.path / "uploads").rmdir()
        async with yard.raw() as client:
            client.send(self.head(yard, f"content-length: {len(self.FORM)}") + self.FORM[: 2 << 20])
            assert (await client.answer()).status == 503

    async def test_no_more_than_a_little_of_them_is_in_memory(self, yard: Yard) -> None:
        yard.provider("openai").fails(503)
        await self.spool(yard)
        form = a_form(b"x" * (48 << 20))
        _, writer = await asyncio.open_connection("127.0.0.1", yard.stockyard.settings.server.port)
        tracemalloc.start()
        try:
            writer.write(self.head(yard, f"content-length: {len(form)}"))
            most = 0
            for at in range(0, len(form) - 1, 1 << 20):
                writer.write(form[at : min(at + (1 << 20), len(form) - 1)])
                await writer.drain()
                most = max(most, tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
            writer.close()
        assert most < 12 << 20

    async def test_large_batches_are_judged_like_small_ones(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic")
        theirs = {"type": "document", "source": {"type": "file", "file_id": "file_theirs"}}
        large = {"type": "text", "text": "x" * (2 << 20)}
        for content, status in (([large], 200), ([large, theirs], 404)):
            answers(anthropic, {"id": "msgbatch_1"})
            params = {"model": "claude-x", "messages": [{"role": "user", "content": content}]}
            body = {"requests": [{"custom_id": "a", "params": params}]}
            heard = await yard.call("/v1/messages/batches", body, headers=VERSION)
            assert heard.status == status
        assert len(anthropic.requests) == 1


class TestTheModelOfTheFirstLine:
    @pytest.mark.parametrize(
        ("body", "start"),
        [
            (a_form(b"{}"), b"{}"),
            (a_form(b"", "p" * 1000), b"\r\n--cut--"),
            (a_form(b"{}", "p" * (65 << 10)), None),
            (b"{}", None),
            (b"--cut\r\n\r\n", None),
            (b"--cut\r\nx: " + b"y" * 20_000, None),
            (b"--cut--\r\n", None),
        ],
    )
    def test_it_is_looked_for_near_the_beginning(self, body: bytes, start: bytes | None) -> None:
        found = start_of_file(body, "file")
        assert (found is None) is (start is None)
        if start is not None and found is not None:
            assert body[found:].startswith(start)

    @given(st.binary(max_size=300))
    def test_odd_forms_come_to_nothing_or_a_refusal(self, rest: bytes) -> None:
        with suppress(Refused):
            start = start_of_file(b"--cut\r\n" + rest, "file")
            assert start is None or b"name=" in rest[:start]


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


async def test_a_batch_that_its_provider_names_otherwise_is_its_maker_s_too(yard: Yard) -> None:
    provider = yard.provider("xai").sends(200, JSON, b'{"batch_id":"batch_9"}')
    provider.sends(200, JSON, b'{"batch_id":"batch_9","state":{}}')
    await yard.call("/xai/v1/batches", {"name": "mine"})
    answer = await yard.get("/xai/v1/batches/batch_9")
    assert (answer.status, answer.body) == (200, b'{"batch_id":"batch_9","state":{}}')
    assert (await yard.get("/xai/v1/batches/batch_8")).status == 404


async def test_what_is_no_file_batch_answer_or_thread_passes_natively(yard: Yard) -> None:
    yard.provider("xai").sends(202, JSON, b'{"status":"pending"}')
    answer = await yard.get("/xai/v1/videos/c84748c1-5ec7")
    assert (answer.status, answer.body) == (202, b'{"status":"pending"}')
