"""Modules over the API: what is changed is checked, stored, in effect at once, and kept."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from stockyard.core.signals import ModuleChanged
from stockyard.errors import CannotStart
from stockyard.settings import ModuleSection
from tests.control_plane import Plane

FENCE = "/api/chute/modules/fence"


async def test_the_list_holds_every_module_in_order_under_both_prefixes(plane: Plane) -> None:
    async with plane.as_admin as client:
        new = (await client.get("/api/chute/modules")).json()
        old = (await client.get("/api/proxy/modules")).json()
    assert new == old
    assert [module["name"] for module in new["modules"]] == ["counting", "fence", "lamp"]
    assert (new["count"], new["next"]) == (3, None)
    fence = new["modules"][1]
    assert (fence["priority"], fence["in_chain"]) == (fence["order"], fence["in_line"])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("enabled=true", ["counting"]),
        ("enabled=false", ["fence", "lamp"]),
        ("category=nothing", []),
    ],
)
async def test_the_list_can_be_narrowed(plane: Plane, query: str, names: list[str]) -> None:
    async with plane.as_admin as client:
        found = (await client.get(f"/api/chute/modules?{query}")).json()
    assert [module["name"] for module in found["modules"]] == names


async def test_a_change_is_in_effect_when_it_is_answered(plane: Plane) -> None:
    async with plane.as_admin as client:
        answer = await client.put(FENCE, json={"enabled": True, "config": {"most": 3}})
    told = answer.json()
    assert (told["status"], told["config_version"], told["previous_version"]) == ("updated", 2, 0)
    assert told["module"]["config"] == {"words": [], "most": 3}
    assert told["module"]["updated_by"] == "admin"
    running = plane.line.module("fence")
    assert running is not None
    assert running.config.most == 3
    assert plane.signals == [ModuleChanged("fence", True, 2)]


async def test_a_dry_run_tells_the_difference_and_changes_nothing(plane: Plane) -> None:
    def told(pointer: str, before: Any, after: Any) -> dict[str, Any]:
        return {"module": "fence", "pointer": pointer, "before": before, "after": after}

    async with plane.as_admin as client:
        wish = {"enabled": True, "config": {"most": 3}}
        answer = await client.put(f"{FENCE}?dry_run=true", json=wish)
        assert answer.json() == {
            "dry_run": True,
            "differences": [told("/enabled", False, True), told("/config/most", 5, 3)],
            "config_version": 1,
        }
        bulk = {"modules": ["fence", "counting"], "enabled": True}
        answer = await client.post("/api/chute/modules/bulk?dry_run=true", json=bulk)
        assert answer.json()["differences"] == [told("/enabled", False, True)]
        assert (await client.get(FENCE)).json()["version"] == 0
        assert plane.signals == []

        await client.put(FENCE, json=wish)
        answer = await client.delete(f"{FENCE}?dry_run=true")
        assert answer.json()["differences"] == [
            told("/enabled", True, False),
            told("/config/most", 3, 5),
        ]
        assert (await client.get(FENCE)).json()["config"]["most"] == 3


async def test_a_dry_run_refuses_what_the_change_would(plane: Plane) -> None:
    async with plane.as_admin as client:
        bad = await client.put(f"{FENCE}?dry_run=true", json={"config": {"most": 0}})
        assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (400, "/config/most")
        unknown = {"modules": ["nothing"], "enabled": True}
        answer = await client.post("/api/chute/modules/bulk?dry_run=true", json=unknown)
        assert (answer.status_code, answer.json()["code"]) == (404, "module_unknown")


async def test_what_is_left_out_of_a_change_stays(plane: Plane) -> None:
    async with plane.as_admin as client:
        await client.put(FENCE, json={"config": {"most": 3}})
        await client.put(FENCE, json={"enabled": True})
        fence = (await client.get(FENCE)).json()
    assert (fence["enabled"], fence["config"]["most"]) == (True, 3)


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"most": 0}, "/config/most"),
        ({"mots": 1}, "/config/mots"),
        ({"words": ["a", 7]}, "/config/words/1"),
    ],
)
async def test_a_bad_config_is_refused_with_its_place_and_the_old_one_runs_on(
    plane: Plane, config: dict[str, Any], pointer: str
) -> None:
    async with plane.as_admin as client:
        await client.put(FENCE, json={"enabled": True, "config": {"most": 3}})
        answer = await client.put(FENCE, json={"config": config})
        fence = (await client.get(FENCE)).json()
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (fence["config"]["most"], fence["version"]) == (3, 2)


@pytest.mark.parametrize("path", ["", "/schema", "/stats"])
async def test_an_unknown_module_is_404(plane: Plane, path: str) -> None:
    async with plane.as_admin as client:
        answer = await client.get("/api/chute/modules/fenc" + path)
    assert (answer.status_code, answer.json()["code"]) == (404, "module_unknown")


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ('"v{now}"', 200),
        ('"v0", "v{now}"', 200),
        ("*", 200),
        ('"v0"', 412),
        ('W/"v{now}"', 412),
        ('"somebody-elses"', 412),
        ("v{now}", 400),
        ('"v{now}" "v0"', 400),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_change_is_made_only_to_the_version_it_was_meant_for(
    plane: Plane, method: str, tags: str, status: int
) -> None:
    async with plane.as_admin as client:
        made = await client.put("/api/chute/modules/fence", json={"enabled": True})
        now = made.json()["module"]["version"]
        answer = await client.request(
            method,
            FENCE,
            headers={"if-match": tags.format(now=now)},
            json={"enabled": False} if method == "PUT" else None,
        )
        after = (await client.get("/api/chute/modules/fence")).json()["version"]
    assert answer.status_code == status
    assert (after != now) == (status == 200)
    if status == 412:
        assert answer.json()["hint"] == f'Read it again and send If-Match: "v{now}".'


async def test_a_change_is_told_with_the_version_that_it_made(plane: Plane) -> None:
    async with plane.as_admin as client:
        made = await client.put("/api/chute/modules/fence", json={"enabled": True})
    assert made.headers["x-stockyard-config-version"] == str(made.json()["config_version"])


async def test_a_stale_if_match_is_412_and_changes_nothing(plane: Plane) -> None:
    async with plane.as_admin as client:
        etag = (await client.get(FENCE)).headers["etag"]
        first = await client.put(FENCE, json={"enabled": True}, headers={"if-match": etag})
        second = await client.put(FENCE, json={"enabled": False}, headers={"if-match": etag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["code"] == "version_conflict"
    assert second.json()["current_version"] == 2
    assert plane.line.state("fence").enabled


async def test_a_reset_module_does_not_reuse_a_version(plane: Plane) -> None:
    async with plane.as_admin as client:
        await client.put(FENCE, json={"enabled": True})
        etag = (await client.get(FENCE)).headers["etag"]
        await client.delete(FENCE)
        await client.put(FENCE, json={"enabled": True})
        late = await client.put(FENCE, json={"enabled": False}, headers={"if-match": etag})
    assert late.status_code == 412


async def test_what_a_module_did_is_told_since_when(plane: Plane) -> None:
    plane.standings.of("fence").noticed("blocked")
    plane.standings.of("fence").noticed("noted")
    async with plane.as_admin as client:
        counters = (await client.get(f"{FENCE}/stats")).json()["counters"]
    assert counters["decisions"] == {"blocked": 1, "noted": 1}
    assert counters["findings"] == 2
    assert 0 <= time.time() * 1000 - counters["since"] < 60_000


async def test_a_category_that_is_not_there_is_404(plane: Plane) -> None:
    async with plane.as_admin as client:
        body = {"category": "saftey", "enabled": True}
        answer = await client.post("/api/chute/modules/bulk", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_bulk_switches_all_or_none(plane: Plane) -> None:
    async with plane.as_admin as client:
        bulk = "/api/chute/modules/bulk"
        unknown = await client.post(bulk, json={"modules": ["fence", "fens"], "enabled": True})
        assert not plane.line.state("fence").enabled
        both = await client.post(bulk, json={"modules": ["fence", "lamp"], "enabled": True})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "module_unknown")
    assert "fens" in unknown.json()["detail"]
    assert both.json() == {"affected": 2, "config_version": 2}
    assert plane.line.state("fence").enabled
    assert plane.line.state("lamp").enabled


async def test_a_locked_module_must_be_unlocked_first(plane: Plane) -> None:
    async with plane.as_admin as client:
        await client.put(FENCE, json={"enabled": True, "locked": True})
        refused = await client.put(FENCE, json={"enabled": False})
        kept = await client.delete(FENCE)
        allowed = await client.put(FENCE, json={"enabled": False, "locked": False})
    assert [refused.status_code, kept.status_code, allowed.status_code] == [409, 409, 200]
    assert refused.json()["code"] == "locked"


async def test_another_name_sets_the_module_it_stands_for(
    open_plane: Callable[..., Any],
) -> None:
    async with open_plane() as plane, plane.as_admin as client:
        await client.put("/api/proxy/modules/hedge", json={"config": {"most": 2}})
        shown = (await client.get("/api/proxy/modules/hedge")).json()
    assert (shown["name"], shown["renamed_from"]) == ("fence", "hedge")
    assert shown["config"]["words"] == ["x"]
    async with open_plane() as plane:
        assert list(plane.line.state("fence").config["words"]) == ["x"]


async def test_another_name_presets_what_the_operator_has_not_set(
    open_plane: Callable[..., Any],
) -> None:
    async with open_plane() as plane, plane.as_admin as client:
        await client.put(FENCE, json={"config": {"most": 3}})
        await client.put("/api/proxy/modules/hedge", json={"enabled": True})
        now = (await client.get(FENCE)).json()
        assert now["config"] == {"words": ["x"], "most": 3}
        await client.put("/api/proxy/modules/hedge", json={"config": {"words": ["mine"]}})
        assert (await client.get(FENCE)).json()["config"]["words"] == ["mine"]


async def test_changes_are_kept_over_a_restart(open_plane: Callable[..., Any]) -> None:
    async with open_plane() as plane, plane.as_admin as client:
        await client.put(FENCE, json={"enabled": True, "config": {"most": 3}})
        await client.put("/api/chute/modules/counting", json={"enabled": False})
    async with open_plane() as plane:
        assert plane.line.state("fence").config["most"] == 3
        assert plane.line.state("fence").enabled
        assert not plane.line.state("counting").enabled
        assert plane.line.config_version == 3


ON = ModuleSection(config={"most": 7})


async def test_the_file_sets_a_module_and_the_api_may_change_it(
    open_plane: Callable[..., Any],
) -> None:
    async with open_plane(sections={"fence": ON}) as plane, plane.as_admin as client:
        assert (await client.get(FENCE)).json()["set_at"] == "file"
        await client.put(FENCE, json={"config": {"most": 3}})
    async with open_plane(sections={"fence": ON}) as plane:
        assert plane.line.state("fence").config["most"] == 3


async def test_an_edited_section_wins_over_an_older_change(open_plane: Callable[..., Any]) -> None:
    async with open_plane(sections={"fence": ON}) as plane, plane.as_admin as client:
        await client.put(FENCE, json={"config": {"most": 3}})
    edited = ModuleSection(config={"most": 8})
    async with open_plane(sections={"fence": edited}) as plane:
        assert plane.line.state("fence").config["most"] == 8
    async with open_plane(sections={"fence": ON}) as plane:
        assert plane.line.state("fence").config["most"] == 7


async def test_reset_goes_back_to_the_file_or_to_how_it_was_shipped(
    open_plane: Callable[..., Any],
) -> None:
    async with open_plane(sections={"fence": ON}) as plane, plane.as_admin as client:
        await client.put(FENCE, json={"enabled": False, "config": {"most": 3}})
        told = (await client.delete(FENCE)).json()
        assert (told["module"]["enabled"], told["module"]["config"]["most"]) == (True, 7)
        await client.put("/api/chute/modules/counting", json={"enabled": False})
        told = (await client.delete("/api/chute/modules/counting")).json()
        assert told["module"]["enabled"]
        assert told["module"]["set_at"] == "shipped"


async def test_what_the_file_owns_cannot_be_changed_over_the_api(
    open_plane: Callable[..., Any],
) -> None:
    opened = open_plane(sections={"fence": ON}, owner="file")
    async with opened as plane, plane.as_admin as client:
        owned = await client.put(FENCE, json={"enabled": False})
        free = await client.put("/api/chute/modules/lamp", json={"enabled": True})
    assert (owned.status_code, owned.json()["code"]) == (409, "owned_by_file")
    assert free.status_code == 200


async def test_a_lock_in_the_file_holds(open_plane: Callable[..., Any]) -> None:
    locked = ModuleSection(locked=True)
    async with open_plane(sections={"fence": locked}) as plane, plane.as_admin as client:
        answer = await client.put(FENCE, json={"enabled": False, "locked": False})
    assert (answer.status_code, answer.json()["code"]) == (409, "locked")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"fens": ModuleSection()}, "modules.fens"),
        ({"fence": ModuleSection(config={"most": 0})}, "modules.fence.most"),
    ],
)
async def test_a_section_that_cannot_be_used_stops_the_start(
    open_plane: Callable[..., Any], sections: dict[str, ModuleSection], words: str
) -> None:
    with pytest.raises(CannotStart, match=words) as stopped:
        async with open_plane(sections=sections):
            pass
    assert stopped.value.exit_code == 78


async def test_what_the_file_says_is_not_copied_into_the_database(
    open_plane: Callable[..., Any],
) -> None:
    section = ModuleSection(config={"words": ["from-the-file"]})
    async with open_plane(sections={"fence": section}) as plane, plane.as_admin as client:
        await client.put(FENCE, json={"enabled": False})
        stored = plane.database.read("select config from module_states")
    assert stored == [(None,)]


async def test_the_line_names_the_modules_that_a_kind_of_call_passes(plane: Plane) -> None:
    async with plane.as_admin as client:
        await client.put(FENCE, json={"enabled": True})
        line = (await client.get("/api/chute/line?kind=chat")).json()
        old = (await client.get("/api/proxy/chain?kind=chat")).json()
    assert [entry["name"] for entry in line["line"]] == ["counting", "fence"]
    assert line == old


async def test_providers_and_models_can_be_read(plane: Plane) -> None:
    async with plane.as_admin as client:
        providers = (await client.get("/api/chute/providers")).json()
        one = await client.get("/api/chute/providers/openai")
        none = await client.get("/api/chute/providers/nobody")
        models = (await client.get("/api/chute/models?q=GPT&provider=openai")).json()
        no_models = (await client.get("/api/chute/models?provider=nobody")).json()
    assert [provider["name"] for provider in providers["providers"]] == ["openai"]
    assert (one.status_code, none.status_code) == (200, 404)
    assert [model["id"] for model in models["models"]] == ["gpt-4o"]
    assert no_models["count"] == 0
