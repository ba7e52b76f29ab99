"""Lists of models in three dialects, page by page, of what the caller may name (`wire.md` 2.2 and
11)."""

from typing import Any

import pytest

from stockyard.gateway.model_pages import MOST, PageWanted, by_ids, by_token, page_of
from stockyard.testing.yard import Yard

ANTHROPIC = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-client": "google-genai-sdk/3"}
NAMES = ["a", "b", "c", "d", "e"]


def named(name: str) -> str:
    return name


@pytest.mark.parametrize(
    ("asked", "page", "more"),
    [
        (PageWanted(), NAMES, False),
        (PageWanted(size=2), ["a", "b"], True),
        (PageWanted(size=5), NAMES, False),
        (PageWanted(size=2, after="b"), ["c", "d"], True),
        (PageWanted(size=2, after="c"), ["d", "e"], False),
        (PageWanted(after="e"), [], False),
        (PageWanted(size=2, before="d"), ["b", "c"], True),
        (PageWanted(size=9, before="d"), ["a", "b", "c"], False),
        (PageWanted(before="a"), [], False),
        (PageWanted(size=1, after="a", before="e"), ["b"], True),
    ],
)
def test_a_page_lies_where_the_client_says(asked: PageWanted, page: list[str], more: bool) -> None:
    assert page_of(asked, NAMES, named) == (page, more)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", PageWanted()),
        ("limit=7&after_id=openai%2Fgpt", PageWanted(7, "openai/gpt")),
        ("before_id=x", PageWanted(None, None, "x")),
        ("limit=99999999999999999999", PageWanted(MOST)),
    ],
)
def test_pages_by_ids(query: str, asked: PageWanted) -> None:
    assert by_ids(query) == asked


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("key=k", PageWanted()),
        ("pageSize=7&pageToken=a%2Fb", PageWanted(7, "a/b")),
        ("page_size=7&page_token=x", PageWanted(7, "x")),
        ("pageSize=0&pageToken=", PageWanted()),
    ],
)
def test_pages_by_tokens(query: str, asked: PageWanted) -> None:
    assert by_token(query) == asked


async def all_ids(yard: Yard) -> list[str]:
    return [model["id"] for model in (await yard.get("/v1/models")).json["data"]]


async def test_anthropics_clients_turn_pages(yard: Yard) -> None:
    yard.provider("anthropic")
    ids = await all_ids(yard)
    seen: list[str] = []
    more: Any = True
    while more:
        after = f"&after_id={seen[-1]}" if seen else ""
        page = (await yard.get(f"/v1/models?limit=4{after}", headers=ANTHROPIC)).json
        assert len(page["data"]) <= 4
        assert (page["first_id"], page["last_id"]) == (
            page["data"][0]["id"],
            page["data"][-1]["id"],
        )
        seen += [model["id"] for model in page["data"]]
        more = page["has_more"]
    assert seen == ids
    assert len(ids) > 4
    back = (await yard.get(f"/v1/models?limit=2&before_id={ids[3]}", headers=ANTHROPIC)).json
    assert [model["id"] for model in back["data"]] == ids[1:3]
    assert back["has_more"]


async def test_claude_code_finds_names_that_begin_as_it_wants(yard: Yard) -> None:
    """`wire.md` 2.2: it reads ids that begin with `claude` or `anthropic`."""
    yard.provider("anthropic")
    page = (await yard.get("/v1/models?limit=1000", headers=ANTHROPIC)).json
    assert any(model["id"].startswith("claude") for model in page["data"])


async def test_googles_clients_turn_pages(yard: Yard) -> None:
    yard.provider("gemini")
    names = [f"models/{name}" for name in await all_ids(yard)]
    seen: list[str] = []
    token: Any = ""
    while token is not None:
        page = (await yard.get(f"/v1beta/models?pageSize=5&pageToken={token}")).json
        assert len(page["models"]) <= 5
        seen += [model["name"] for model in page["models"]]
        token = page.get("nextPageToken")
    assert seen == names
    assert len(names) > 5


async def test_googles_clients_are_told_what_a_model_can(yard: Yard) -> None:
    yard.provider("gemini")
    models = {m["name"]: m for m in (await yard.get("/v1/models", headers=GOOGLE)).json["models"]}
    flash = models["models/gemini-2.5-flash"]
    assert flash["inputTokenLimit"] > 100_000
    assert flash["outputTokenLimit"] > 1000
    assert "generateContent" in flash["supportedGenerationMethods"]
    assert "countTokens" in flash["supportedGenerationMethods"]
    embedding = models["models/gemini-embedding-001"]
    assert embedding["supportedGenerationMethods"] == ["embedContent", "batchEmbedContents"]
    assert (await yard.get("/v1beta/models/gemini-2.5-flash")).json == flash


@pytest.mark.parametrize(
    ("path", "headers", "param"),
    [
        ("/v1/models?limit=0", ANTHROPIC, "limit"),
        ("/v1/models?limit=many", ANTHROPIC, "limit"),
        ("/v1/models?after_id=none-such", ANTHROPIC, None),
        ("/v1beta/models?pageSize=-1", {}, "pageSize"),
        ("/v1beta/models?pageToken=none-such", {}, None),
    ],
)
async def test_a_page_that_cannot_be_is_400(
    yard: Yard, path: str, headers: dict[str, str], param: str | None
) -> None:
    answer = await yard.get(path, headers=headers)
    assert answer.status == 400
    assert param is None or param in answer.json["error"]["message"]
    # In the words of whoever asks.
    assert ("type" in answer.json) == bool(headers)
    assert (answer.json["error"].get("status") == "INVALID_ARGUMENT") == (not headers)


async def test_clients_of_chat_know_no_pages(yard: Yard) -> None:
    everything = await all_ids(yard)
    answer = await yard.get("/v1/models?limit=1&after=x&pageSize=1")
    assert [model["id"] for model in answer.json["data"]] == everything


async def test_a_caller_with_its_own_secret_sees_the_models_that_it_reaches(yard: Yard) -> None:
    yard.provider("openai")
    yard.provider("anthropic")
    own = {"authorization": "Bearer sk-proj-mine"}
    ids = [m["id"] for m in (await yard.get("/v1/models", headers=own)).json["data"]]
    assert "gpt-4o" in ids
    assert not any(name.startswith("claude") or name == "mock" for name in ids)
    assert (await yard.get("/v1/models/gpt-4o", headers=own)).status == 200
    assert (await yard.get("/v1/models/mock", headers=own)).status == 404


async def test_models_are_listed_in_the_dialect_of_chats(yard: Yard) -> None:
    yard.set("aliases.smart", "mock/echo")
    answer = await yard.get("/v1/models")
    assert answer.status == 200
    assert answer.json["object"] == "list"
    assert {"smart", "mock"} <= {model["id"] for model in answer.json["data"]}
    assert all(model["object"] == "model" for model in answer.json["data"])
    assert all(model["type"] == "model" for model in answer.json["data"])


async def test_models_are_listed_in_the_dialect_of_messages(yard: Yard) -> None:
    answer = await yard.get("/v1/models", headers={"anthropic-version": "2023-06-01"})
    assert answer.json["has_more"] is False
    assert answer.json["data"][0]["type"] == "model"
    assert answer.json["first_id"] == answer.json["data"][0]["id"]


async def test_aliases_of_a_module_are_listed_unless_hidden(yard: Yard) -> None:
    rows = [
        {"alias": "shown", "model": "mock"},
        {"alias": "hidden", "model": "mock", "hidden": True},
    ]
    yard.enable("modelalias", aliases=rows)
    ids = [model["id"] for model in (await yard.get("/v1/models")).json["data"]]
    assert "shown" in ids
    assert "hidden" not in ids


@pytest.mark.parametrize("headers", [{}, {"anthropic-version": "2023-06-01"}])
async def test_a_single_model_is_shown(yard: Yard, headers: dict[str, str]) -> None:
    yard.provider("openai")
    assert (await yard.get("/v1/models/mock", headers=headers)).json["id"] == "mock"
    for unlisted in ("gpt-99", "openai%2Fanything"):
        found = await yard.get(f"/v1/models/{unlisted}", headers=headers)
        assert found.json["id"] == unlisted.replace("%2F", "/")
    missing = await yard.get("/v1/models/none%2Fsuch", headers=headers)
    assert missing.status == 404
    assert "none/such" in missing.body.decode()
    assert ("type" in missing.json) == bool(headers)


async def test_head_is_get_without_the_body(yard: Yard) -> None:
    get = await yard.get("/v1/models")
    head = await yard.get("/v1/models", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))


async def test_a_list_needs_a_key_too(yard: Yard) -> None:
    answer = await yard.get("/v1/models", headers={"authorization": "Bearer nonsense"})
    assert answer.status == 401
