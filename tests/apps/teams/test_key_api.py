"""Keys over the API."""

import pytest

from stockyard.apps.teams.keys import now_ms
from tests.control_plane import Plane


async def test_a_key_is_made_shown_once_and_taken_back(plane: Plane) -> None:
    async with plane.as_admin as client:
        made = await client.post("/api/team/keys", json={"name": "my app"})
        key = made.json()
        listed = (await client.get("/api/team/keys")).json()
        one = await client.get(f"/api/team/keys/{key['id']}")
        gone = await client.delete(f"/api/team/keys/{key['id']}")
    assert made.status_code == 201
    assert listed["count"] == 1
    assert key["key"] not in str(listed) + one.text
    assert one.json()["last4"] == key["key"][-4:]
    assert gone.json()["deleted"]
    assert plane.keys.caller_of(key["key"].encode()) is None


async def test_an_unknown_key_is_404(plane: Plane) -> None:
    async with plane.as_admin as client:
        assert (await client.get("/api/team/keys/key_none")).status_code == 404
        assert (await client.delete("/api/team/keys/key_none")).status_code == 404


async def test_a_key_is_told_where_it_can_be_read(plane: Plane) -> None:
    async with plane.as_admin as client:
        made = await client.post("/api/team/keys", json={"name": "my app"})
        read = await client.get(made.headers["location"])
    assert read.json()["id"] == made.json()["id"]


async def test_keys_are_listed_in_pages_that_stay_right_while_keys_are_made(plane: Plane) -> None:
    made = [(await plane.keys.create(f"key {n}"))[0].id for n in range(7)]
    async with plane.as_admin as client:
        seen: list[str] = []
        cursor = ""
        for _ in range(9):
            page = (await client.get(f"/api/team/keys?limit=3{cursor}")).json()
            seen += [key["id"] for key in page["keys"]]
            assert page["count"] == len(page["keys"])
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
            await plane.keys.create("another")
        elsewhere = await client.get(f"/api/lookout/traces?cursor={page['next'] or 'x'}")
    assert seen == made[::-1]
    assert elsewhere.json()["code"] == "cursor_invalid"


async def test_a_change_can_be_looked_at_without_being_made(plane: Plane) -> None:
    record, secret = await plane.keys.create("my app")
    one = f"/api/team/keys/{record.id}"
    async with plane.as_admin as client:
        for method, path, body, pointers in (
            ("PATCH", one, {"name": "other", "addresses": ["10.0.0.0/8"]}, ["/name", "/addresses"]),
            ("POST", f"{one}/pause", None, ["/paused_at"]),
            ("POST", f"{one}/resume", None, []),
            ("POST", f"{one}/rotate", {"overlap_ms": 1000}, ["/overlap_until"]),
            ("POST", "/api/team/keys/revoke-all", {}, ["/revoked_at"]),
            ("POST", "/api/team/keys/revoke-all", {"kept": [record.id]}, []),
            ("DELETE", one, None, ["/revoked_at"]),
        ):
            told = await client.request(method, f"{path}?dry_run=true", json=body)
            assert told.status_code == 200, told.text
            assert told.json()["dry_run"]
            found = told.json()["differences"]
            assert [difference["pointer"] for difference in found] == pointers
            assert all(difference["key_id"] == record.id for difference in found)
    assert plane.keys.list() == [record]
    assert plane.keys.caller_of(secret.encode()) is not None


async def test_a_new_key_can_be_looked_at_without_being_made(plane: Plane) -> None:
    asked = {"name": "my app", "limits": [{"calls": 5, "per_seconds": 60}]}
    async with plane.as_admin as client:
        told = await client.post("/api/team/keys?dry_run=true", json=asked)
        wrong = await client.post("/api/team/keys?dry_run=true", json={"name": "", "x": 1})
        late = await client.post("/api/team/keys?dry_run=true", json={"name": "a", "expires_at": 1})
    assert told.status_code == 200
    assert "sk-sy-" not in told.text
    found = {one["pointer"]: one["after"] for one in told.json()["differences"]}
    assert found["/name"] == "my app"
    assert found["/limits"][0]["calls"] == 5
    assert (wrong.status_code, late.status_code) == (400, 400)
    assert plane.keys.list() == []


async def test_what_could_not_be_changed_is_told_as_it_would_be(plane: Plane) -> None:
    record, _ = await plane.keys.create("my app")
    await plane.keys.revoke(record.id)
    async with plane.as_admin as client:
        for path, status in ((record.id, 409), ("key_none", 404)):
            told = await client.post(f"/api/team/keys/{path}/pause?dry_run=true")
            assert told.status_code == status


async def test_what_may_be_lost_for_a_key_is_set_when_it_is_made(plane: Plane) -> None:
    async with plane.as_admin as client:
        made = await client.post("/api/team/keys", json={"name": "exact", "lossy": "strict"})
    secret = made.json()["key"].encode()
    caller = plane.keys.caller_of(secret)
    assert caller is not None
    assert caller.lossy == "strict"


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["b", "A", "d", "b", "c"]),
        ("-created_at", ["b", "A", "d", "b", "c"]),
        ("created_at", ["c", "b", "d", "A", "b"]),
        ("name", ["A", "b", "b", "c", "d"]),
        ("-name", ["d", "c", "b", "b", "A"]),
        ("expires_at", ["A", "d", "c", "b", "b"]),
        ("-expires_at", ["b", "b", "c", "d", "A"]),
    ],
)
async def test_keys_are_listed_in_the_order_asked_for_in_pages_that_stay_right(
    plane: Plane, sort: str, names: list[str]
) -> None:
    later = now_ms() + 60_000
    ends = {"d": later + 2, "A": later + 1, "c": later + 3}
    for name in ("c", "b", "d", "A", "b"):
        await plane.keys.create(name, expires_at=ends.get(name))
    listed: list[str] = []
    asked = f"&sort={sort}" if sort else ""
    async with plane.as_admin as client:
        cursor = ""
        while True:
            page = (await client.get(f"/api/team/keys?limit=2{asked}{cursor}")).json()
            listed += [key["name"] for key in page["keys"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
            if sort in ("", "-created_at", "-name", "-expires_at"):
                await plane.keys.create("zz")  # stands before what was shown already
            other = await client.get(f"/api/team/keys?limit=2&sort=-name{cursor}")
            assert sort == "-name" or other.json()["code"] == "cursor_invalid"
    assert listed == names


async def test_an_order_that_there_is_not_is_refused(plane: Plane) -> None:
    async with plane.as_admin as client:
        told = (await client.get("/api/team/keys?sort=secret")).json()
    assert (told["status"], told["code"]) == (400, "invalid")
