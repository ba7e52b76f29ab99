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
