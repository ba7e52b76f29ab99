"""Who may ask for what: every operation, every identity, and no way around."""

from typing import Any

import httpx
import pytest

from stockyard.api import LocalReads
from stockyard.api.events import PATHS
from stockyard.api.identity import LOCAL
from tests.control_plane import Plane

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLIC = {"/", "/api/health", "/api/version"}


async def operations(shared: Plane) -> list[tuple[str, str, str]]:
    async with shared.as_admin as client:
        paths = (await client.get("/api/openapi.json")).json()["paths"]
    found = [
        (method.upper(), path, operation["x-permission"])
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    assert len(found) >= 20
    return found


def concrete(path: str) -> str:
    return path.replace("{name}", "fence").replace("{key_id}", "k").replace("{trace_id}", "t")


async def status_of(client: httpx.AsyncClient, method: str, path: str) -> int:
    """Of an answer that may never end."""
    async with client.stream(method, concrete(path)) as answer:
        return answer.status_code


async def test_every_operation_is_described_with_its_permission(shared: Plane) -> None:
    assert all(permission for _, _, permission in await operations(shared))


@pytest.mark.parametrize("secret", ["wrong", "sk-sy-" + "a" * 49, "sya-" + "a" * 49])
async def test_no_operation_but_a_public_one_opens_to_a_wrong_credential(
    shared: Plane, secret: str
) -> None:
    async with shared.client(secret) as client:
        for method, path, permission in await operations(shared):
            status = await status_of(client, method, path)
            assert (status == 401) == (permission != "public"), (method, path)


async def test_without_a_credential_a_same_user_may_read_and_nothing_else(shared: Plane) -> None:
    async with shared.client() as client:
        for method, path, permission in await operations(shared):
            status = await status_of(client, method, path)
            may = permission in LOCAL.permissions | {"public", "any"}
            if method == "GET" and may:
                assert status in (200, 404), (method, path)
            else:
                assert status in (401, 403), (method, path)


async def test_a_key_reads_nothing_of_the_control_plane_but_its_own_calls(shared: Plane) -> None:
    _, secret = await shared.keys.create("mine")
    async with shared.client(secret) as client:
        for method, path, permission in await operations(shared):
            status = await status_of(client, method, path)
            reads_calls = path.startswith("/api/lookout/traces") and "bodies" not in permission
            own = reads_calls or path in PATHS
            allowed = own or permission in ("public", "any")
            assert (status == 403) != allowed, (method, path)


async def test_a_revoked_key_opens_nothing(shared: Plane) -> None:
    record, secret = await shared.keys.create("mine")
    async with shared.client(secret) as client:
        assert (await client.get("/api/lookout/traces")).status_code == 200
        await shared.keys.revoke(record.id)
        assert (await client.get("/api/lookout/traces")).status_code == 401


async def test_the_admin_credential_works_in_both_fields_but_not_in_two(shared: Plane) -> None:
    for fields in (
        {"x-admin-key": shared.admin_secret},
        {"authorization": f"bearer {shared.admin_secret}"},
    ):
        async with shared.client(**fields) as client:
            assert (await client.get("/api/team/keys")).status_code == 200
    both = [("authorization", f"Bearer {shared.admin_secret}")] * 2
    async with httpx.AsyncClient(base_url=shared.url, headers=both) as client:
        assert (await client.get("/api/team/keys")).status_code == 401


async def test_the_mark_of_the_control_socket_cannot_be_sent(shared: Plane) -> None:
    async with shared.client(
        **{"stockyard.identity": "os-user", "x-stockyard-identity": "1"}
    ) as client:
        assert (await client.get("/api/team/keys")).status_code == 403


LOCAL_READ_BREAKERS = {
    "a page of a browser": {"origin": "http://localhost:3000"},
    "a referring page": {"referer": "http://localhost/"},
    "a cookie": {"cookie": "a=b"},
    "fetch metadata": {"sec-fetch-site": "none"},
    "a proxy": {"via": "1.1 proxy"},
    "a forwarded field": {"forwarded": "for=1.2.3.4"},
    "an x-forwarded field": {"x-forwarded-for": "1.2.3.4"},
    "another host": {"host": "stockyard.example.com"},
    "another port": {"host": "localhost:1"},
    "no port": {"host": "localhost"},
    "a rebound name": {"host": "127.0.0.1.nip.io"},
}


@pytest.mark.parametrize("fields", LOCAL_READ_BREAKERS.values(), ids=LOCAL_READ_BREAKERS)
async def test_local_read_ends_with(shared: Plane, fields: dict[str, str]) -> None:
    async with shared.client(**fields) as client:
        assert (await client.get("/api/lookout/traces")).status_code == 401


@pytest.mark.parametrize(
    ("changed", "uid", "allowed"),
    [
        ({}, 0, True),
        ({}, 1, False),
        ({}, None, False),
        ({"client": ("192.0.2.1", 5)}, 0, False),
        ({"server": ("192.0.2.1", 4200)}, 0, False),
        ({"client": None}, 0, False),
        ({"method": "POST"}, 0, False),
        ({"method": "HEAD"}, 0, True),
        ({"client": ("::ffff:127.0.0.1", 5)}, 0, True),
        ({"headers": []}, 0, False),
        ({"headers": [(b"host", b"localhost:4200"), (b"host", b"localhost:4200")]}, 0, False),
    ],
)
async def test_local_read_needs_every_condition(
    changed: dict[str, Any], uid: int | None, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    scope = {
        "method": "GET",
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 4200),
        "headers": [(b"host", b"localhost:4200")],
    } | changed
    reads = LocalReads(enabled=True, owner_of=lambda local, remote: uid)
    assert await reads.allow(scope) is allowed
