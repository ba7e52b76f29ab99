"""Keys over the API."""

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
