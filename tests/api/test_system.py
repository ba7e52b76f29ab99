"""What belongs to no app: the first page, version, status, metrics, and the API's description."""

import html
import json
import re
from typing import Any

import pytest

from stockyard import __version__
from stockyard.testing.yard import Yard
from tests.control_plane import Plane

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-site": "none"}


async def test_a_browser_gets_one_page_with_the_first_call(plane: Plane) -> None:
    async with plane.client(**BROWSER) as client:
        page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"curl {plane.url}/v1/chat/completions" in page.text
    assert __version__ in page.text


@pytest.mark.parametrize(
    ("provider", "model"), [(None, "mock"), ("openai", "gpt-4o-mini"), ("groq", "llama-3.3-70b")]
)
async def test_the_call_on_the_page_can_be_answered(
    yard: Yard, provider: str | None, model: str
) -> None:
    if provider:
        yard.provider(provider)
    else:
        yard.set("mock.trial", False)
    await yard.open()
    page = await yard.get("/", headers=BROWSER)
    assert f'"model":"{model}' in html.unescape(page.body.decode())


async def test_the_page_loads_nothing_and_allows_nothing(plane: Plane) -> None:
    async with plane.client(**BROWSER) as client:
        page = await client.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<(script|link|img|iframe)|src=|url\(|@import", page.text)
    assert not [link for link in re.findall(r'href="([^"]*)"', page.text) if link[0] != "/"]


async def test_the_page_does_not_repeat_a_hostile_host(plane: Plane) -> None:
    async with plane.client(**BROWSER, host='"><script>alert(1)</script>') as client:
        page = await client.get("/")
    assert "<script>" not in page.text


async def test_a_program_gets_facts(plane: Plane) -> None:
    async with plane.client() as client:
        assert (await client.get("/")).json()["version"] == __version__
        assert (await client.get("/api/health")).json() == {"status": "ok", "version": __version__}
        assert (await client.get("/api/version")).json()["version"] == __version__
        assert (await client.get("/api/status")).json()["components"]["database"]["state"] == "ok"


async def test_the_apps_name_themselves(plane: Plane) -> None:
    async with plane.as_admin as client:
        apps = (await client.get("/api/apps")).json()
    assert [app["id"] for app in apps["apps"]] == ["chute", "lookout", "billing", "teams"]
    told = {"id", "name", "description", "tier", "path", "console", "tools"}
    assert all(app.keys() == told for app in apps["apps"])


async def test_metrics_are_for_the_admin_and_the_local_user(plane: Plane) -> None:
    async with plane.as_admin as client:
        answer = await client.get("/metrics")
    assert answer.text == "stockyard_up 1\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    async with plane.client() as client:
        assert (await client.get("/metrics")).status_code == 200
    async with plane.client(origin="http://x") as client:
        assert (await client.get("/metrics")).status_code == 401


async def test_the_description_is_openapi_with_our_problems(plane: Plane) -> None:
    async with plane.as_admin as client:
        described = (await client.get("/api/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert "/api/chute/modules/{name}" in described["paths"]
    assert not [path for path in described["paths"] if path.startswith("/api/proxy")]
    change = described["paths"]["/api/chute/modules/{name}"]["put"]
    assert change["x-permission"] == "chute.write"
    assert "Idempotency-Key" in [one["name"] for one in change["parameters"]]
    read = described["paths"]["/api/chute/modules/{name}"]["get"]
    assert "Idempotency-Key" not in [one["name"] for one in read["parameters"]]
    assert "application/problem+json" in change["responses"]["default"]["content"]
    assert "Problem" in described["components"]["schemas"]


async def test_every_operation_is_described_in_sentences(plane: Plane) -> None:
    async with plane.as_admin as client:
        paths = (await client.get("/api/openapi.json")).json()["paths"]
    texts = {
        f"{method} {path}": operation.get("description", "")
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert len(texts) > 40
    assert [name for name, text in texts.items() if not text.endswith(".")] == []


async def test_errors_tell_nothing_of_the_inside(plane: Plane) -> None:
    plane.database.close()
    async with plane.as_admin as client:
        answer = await client.get("/api/lookout/traces")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    for word in ("Traceback", "apsw", "sqlite", "/stockyard", "select"):
        assert word.lower() not in json.dumps(answer.json()).lower()


async def test_the_status_tells_of_load_and_of_providers_that_fail(yard: Yard) -> None:
    yard.provider("openai").fails(500)
    yard.enable("failover", breaker_min_calls=1)
    await yard.chat("hi", model="gpt-4o")
    admin = {"authorization": f"Bearer {yard.stockyard.first_run.admin}"}
    told = (await yard.get("/api/status", headers=admin)).json
    parts = told["components"]
    assert told["status"] == "degraded"
    assert parts["providers"] == {"state": "degraded", "detail": {"openai": "open"}}
    assert parts["calls"]["detail"]["shed"] == 0
    assert parts["traces"]["detail"]["dropped"] == 0
    assert told["memory"]["peak_bytes"] >= told["memory"]["bytes"] > 0


async def test_the_description_tells_what_is_refused_and_what_is_answered(plane: Plane) -> None:
    async with plane.as_admin as client:
        described = (await client.get("/api/openapi.json")).json()
    paths, shapes = described["paths"], described["components"]["schemas"]
    stream = paths["/api/events"]["get"]["responses"]["200"]["content"]
    assert list(stream) == ["text/event-stream"]
    for path, method in (("/api/team/keys", "post"), ("/api/team/keys/{key_id}", "patch")):
        body = paths[path][method]["requestBody"]["content"]["application/json"]["schema"]
        assert shapes[body["$ref"].rpartition("/")[2]]["additionalProperties"] is False
    assert "oneOf" not in str([operation["responses"] for operation in operations(paths)])


def operations(paths: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in paths.values() for operation in path.values()]
