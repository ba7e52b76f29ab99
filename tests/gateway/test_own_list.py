"""Lists of a team's things, filtered from those of the whole account."""

from typing import Any

import pytest

from stockyard.gateway.own_list import MOST_PAGES
from stockyard.testing.yard import Yard
from tests.held_things import JSON, a_file, a_list, answers, uploaded
from tests.teams import another_team


class TestLists:
    async def test_a_list_holds_what_is_the_teams(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-x"), a_file("file-1")))
        heard = await yard.get("/v1/files?purpose=batch")
        assert heard.json["data"] == [a_file("file-1")]
        assert heard.json["has_more"] is False
        assert openai.last.target == "/v1/files?purpose=batch"

    @pytest.mark.parametrize("path", ["/v1/files", "/openai/v1/files"])
    async def test_another_team_has_a_list_of_its_own(self, yard: Yard, path: str) -> None:
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

    async def test_a_list_goes_on_behind_what_the_caller_has(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-1")))
        heard = await yard.get("/v1/files?after=file-0")
        assert openai.last.query == "after=file-0"
        assert len(heard.json["data"]) == 1

    async def test_lists_of_several_providers_are_joined(self, yard: Yard) -> None:
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

    async def test_things_listed_before_a_provider_failed_are_listed(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        answers(openai, a_list(a_file("file-1"), more=True))
        answers(openai, {"error": {"message": "Odd."}}, status=500)
        heard = await yard.get("/v1/files?limit=2")
        assert [file["id"] for file in heard.json["data"]] == ["file-1"]
        assert [one["provider"] for one in heard.json["stockyard"]["missing"]] == ["openai"]
        assert heard.json["has_more"] is True

    async def test_the_first_error_is_told_where_all_providers_fail(self, yard: Yard) -> None:
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
    async def test_an_answer_that_is_no_known_list_shows_nothing(
        self, yard: Yard, said: bytes
    ) -> None:
        yard.provider("openai").sends(200, JSON, said)
        heard = await yard.get("/v1/files")
        assert heard.json["data"] == []
        assert b"file-x" not in heard.body
