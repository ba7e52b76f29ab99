"""Names for models over the API: the next call knows them, and each edit is a version."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from stockyard.testing.yard import CHAT, Yard

ALIASES = "/api/proxy/aliases"


@pytest.fixture
async def client(yard: Yard) -> AsyncIterator[httpx.AsyncClient]:
    yard.provider("openai").says("hello")
    await yard.open()
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    async with httpx.AsyncClient(base_url=yard.url, headers=admin) as client:
        yield client


async def asked_for(yard: Yard, model: str) -> tuple[int, Any]:
    """The status of a call, and which model the provider was asked for."""
    requests = yard.provider("openai").requests
    requests.clear()
    heard = await yard.chat(model=model)
    return heard.status, requests[-1].json["model"] if requests else None


async def test_a_name_counts_from_the_next_call_until_it_is_taken_away(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    assert await asked_for(yard, "fast") == (404, None)
    made = await client.put(f"{ALIASES}/fast", json={"model": "gpt-small"})
    assert made.status_code == 200
    assert (made.json()["alias"], made.json()["model"]) == ("fast", "gpt-small")
    assert await asked_for(yard, "fast") == (200, "gpt-small")
    await client.put(f"{ALIASES}/fast", json={"model": "gpt-large"})
    assert await asked_for(yard, "fast") == (200, "gpt-large")
    listed = (await client.get("/api/chute/aliases")).json()
    assert [row["alias"] for row in listed["aliases"]] == ["fast"]
    gone = await client.delete(f"{ALIASES}/fast")
    assert gone.json() == {"deleted": True, "config_version": 4}
    assert await asked_for(yard, "fast") == (404, None)


async def test_names_may_hold_stars_and_slashes(yard: Yard, client: httpx.AsyncClient) -> None:
    await client.put(f"{ALIASES}/team/x-*", json={"model": "openai/gpt-{1}"})
    assert await asked_for(yard, "team/x-small") == (200, "gpt-small")
    assert (await client.get(f"{ALIASES}/team/x-*")).json()["model"] == "openai/gpt-{1}"
    assert (await client.delete(f"{ALIASES}/team/x-%2A")).status_code == 200


async def test_other_rows_and_options_stay(yard: Yard, client: httpx.AsyncClient) -> None:
    config = {"answer_model": "asked", "aliases": [{"alias": "a", "model": "gpt-a"}]}
    await client.put("/api/proxy/modules/modelalias", json={"config": config})
    await asyncio.gather(
        *(client.post(ALIASES, json={"alias": name, "model": f"gpt-{name}"}) for name in "bcde")
    )
    await client.put(f"{ALIASES}/a", json={"model": "gpt-a2", "hidden": True})
    module = (await client.get("/api/proxy/modules/modelalias")).json()["config"]
    assert module["answer_model"] == "asked"
    assert module["aliases"][0]["model"] == "gpt-a2"
    assert sorted(row["alias"] for row in module["aliases"]) == list("abcde")


async def test_a_circle_is_refused_and_the_old_table_runs_on(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    await client.put(f"{ALIASES}/a", json={"model": "b"})
    await client.put(f"{ALIASES}/b", json={"model": "gpt-b"})
    refused = await client.put(f"{ALIASES}/b", json={"model": "a"})
    assert (refused.status_code, refused.json()["code"]) == (422, "alias_loop")
    assert await asked_for(yard, "a") == (200, "gpt-b")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/none", None, 404),
        ("DELETE", "/none", None, 404),
        ("PUT", "/a", {}, 400),
        ("PUT", "/a", {"model": "m", "colour": "red"}, 400),
        ("POST", "", {"model": "m"}, 400),
        ("PUT", "/a", {"model": "m-{1}"}, 400),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    assert (await client.request(method, ALIASES + path, json=body)).status_code == status


async def test_a_stream_under_way_is_not_touched(yard: Yard, client: httpx.AsyncClient) -> None:
    await client.put(f"{ALIASES}/fast", json={"model": "gpt-small"})
    assert await asked_for(yard, "fast") == (200, "gpt-small")
    openai = yard.provider("openai").streams("one ", "two").stalls_after("first_content")
    async with yard.raw() as caller:
        caller.ask(CHAT, yard.body(model="fast", stream=True), headers=yard.headers)
        await caller.until(b"one ")
        await client.delete(f"{ALIASES}/fast")
        openai.goes_on()
        await caller.until(b"[DONE]")


async def test_a_change_can_be_looked_at_without_being_made(
    yard: Yard, client: httpx.AsyncClient
) -> None:
    await client.put(f"{ALIASES}/fast", json={"model": "gpt-small"})
    before = (await client.get(ALIASES)).json()
    for method, path, body in (
        ("POST", ALIASES, {"alias": "new", "model": "gpt-new"}),
        ("PUT", f"{ALIASES}/fast", {"model": "gpt-large"}),
        ("DELETE", f"{ALIASES}/fast", None),
    ):
        told = await client.request(method, f"{path}?dry_run=true", json=body)
        assert told.status_code == 200, told.text
        (difference,) = told.json()["differences"]
        assert difference["pointer"] == "/config/aliases"
        assert difference["before"] != difference["after"]
    assert (await client.get(ALIASES)).json() == before
    unknown = await client.delete(f"{ALIASES}/none?dry_run=true")
    assert unknown.status_code == 404


@pytest.mark.parametrize("dry_run", ["", "?dry_run=true"])
@pytest.mark.parametrize(
    ("row", "pointer"),
    [({"model": "gpt-small"}, "/alias"), ({"alias": "a", "modle": "x"}, "/modle")],
)
async def test_what_is_wrong_is_told_of_the_row_that_was_sent(
    client: httpx.AsyncClient, row: dict[str, str], pointer: str, dry_run: str
) -> None:
    told = await client.post(f"{ALIASES}{dry_run}", json=row)
    assert told.status_code == 400
    assert [error["pointer"] for error in told.json()["errors"]] == [pointer]
