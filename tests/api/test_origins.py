"""Pages of other origins may call the API when the operator lists them, and only then."""

import httpx
import pytest

from stockyard.errors import CannotStart
from stockyard.settings import load
from tests.control_plane import ORIGINS, Plane

pytestmark = pytest.mark.asyncio(loop_scope="module")

[DESK] = ORIGINS
ASKS = {"access-control-request-method": "PUT", "access-control-request-headers": "if-match"}


async def asked(plane: Plane, method: str, origin: str | None, path: str) -> httpx.Response:
    fields = {"origin": origin} if origin is not None else {}
    async with plane.client(plane.admin_secret, **fields, **ASKS) as client:
        return await client.request(method, path)


async def test_a_listed_page_may_ask_and_read(shared: Plane) -> None:
    first = await asked(shared, "OPTIONS", DESK, "/api/chute/modules/fence")
    assert (first.status_code, first.content) == (204, b"")
    assert "PUT" in first.headers["access-control-allow-methods"]
    assert "if-match" in first.headers["access-control-allow-headers"]
    then = await asked(shared, "GET", DESK, "/api/chute/modules/fence")
    refused = await asked(shared, "GET", DESK, "/api/chute/modules/nothing")
    for answer in (first, then, refused):
        assert answer.headers["access-control-allow-origin"] == DESK
        assert answer.headers["vary"] == "origin"
        assert "access-control-allow-credentials" not in answer.headers
    assert "etag" in then.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [
        None, "null", "*", "https://desk.example.evil.example", "https://evil.desk.example",
        "http://desk.example", "https://desk.example:8443", "https://desk.example/",
        "HTTPS://DESK.EXAMPLE", "",
    ],
)  # fmt: skip
async def test_nobody_else_is_told_anything(shared: Plane, origin: str | None) -> None:
    for method in ("OPTIONS", "GET"):
        answer = await asked(shared, method, origin, "/api/chute/modules")
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["vary"] == "origin"
        assert answer.status_code == (405 if method == "OPTIONS" else 200)


async def test_a_listed_page_still_needs_a_credential(shared: Plane) -> None:
    async with shared.client(origin=DESK) as client:
        answer = await client.get("/api/chute/modules")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "origin", ["*", "null", "desk.example", "https://desk.example/", "https://Desk.example"]
)
async def test_an_origin_is_listed_as_browsers_write_it(
    origin: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    environ = {"XDG_CONFIG_HOME": str(folder), "STOCKYARD__http__cors_origins": origin}
    with pytest.raises(CannotStart, match="is not an origin"):
        load({}, environ, folder)
