"""The control socket and the switch of local reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Controller, get

from stockyard.api import Identities, Identity, build
from stockyard.api.identity import OS_USER
from stockyard.apps.app import App
from stockyard.apps.repeats.results import StoredResults


async def test_the_control_socket_is_the_owner(control_socket: Path) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(control_socket))
    async with httpx.AsyncClient(base_url="http://localhost", transport=transport) as client:
        made = await client.post("/api/team/keys", json={"name": "cli"})
    assert made.status_code == 201
    assert made.json()["created_by"] == OS_USER.name


async def test_local_read_can_be_switched_off(open_plane: Callable[..., Any]) -> None:
    async with open_plane(local_reads=False) as plane, plane.client() as client:
        assert (await client.get("/api/lookout/traces")).status_code == 401


NEEDED = {"metrics_text": bytes, "status_now": None, "example_model": str}


def test_an_endpoint_without_a_permission_stops_the_start() -> None:
    class Open(Controller):
        @get("/open")
        async def opened(self) -> str:
            return "everybody"

    app = App(
        id="x", name="X", description="", path="/api/x", package="x", endpoints=lambda: [Open]
    )
    with pytest.raises(LookupError, match="permission"):
        build(
            [app],
            identities=Identities.__new__(Identities),
            provided=NEEDED,
            feeds=[],
            results=StoredResults.__new__(StoredResults),
            config_version=int,
            stopping=bool,
        )


def test_identities_hold_exactly_what_they_name() -> None:
    viewer = Identity(name="v", permissions=frozenset({"chute.read"}))
    assert viewer.may("chute.read")
    assert viewer.may("any")
    assert not viewer.may("chute.write")
    assert OS_USER.may("anything")
