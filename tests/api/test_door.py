"""Paths, parameters and bodies that could be read in two ways are refused."""

import json
from time import process_time

import pytest

from stockyard.api.door import check_target
from stockyard.errors import Refused
from tests.control_plane import Plane

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "path",
    [
        "/api/team/keys/",
        "/api//team/keys",
        "//api/team/keys",
        "/api/./team/keys",
        "/api/team/../team/keys",
        "/api/team%2fkeys",
        "/api/team%2Fkeys",
        "/api/team/%2e%2e/team/keys",
        "/api/team/keys%00",
        "/api/team/keys;x=1",
        "/api/team\\keys",
        "/api/team%5ckeys",
        "/api/team/keys%252f",
        "/API/team/keys",
        "/api/team/Keys",
        "/api/team/keys.",
        "/api/none",
    ],
)
async def test_a_path_that_is_not_exactly_ours_is_not_found(shared: Plane, path: str) -> None:
    status, body = await shared.status_of(path)
    assert (status, json.loads(body)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/api/chute/modules?zebra=1", "invalid"),
        ("/api/lookout/traces?limit=1&LIMIT=2", "invalid"),
        ("/api/lookout/traces?limit=0", "invalid"),
        ("/api/lookout/traces?limit=1001", "invalid"),
        ("/api/lookout/traces?status=odd", "invalid"),
        ("/api/lookout/traces?from=yesterday", "invalid"),
        ("/api/lookout/traces?cursor=abc", "cursor_invalid"),
        ("/api/lookout/traces?token=abc", "secret_in_url"),
        ("/api/lookout/traces?admin_key=abc", "secret_in_url"),
        ("/api/lookout/traces?key=sk-sy-abc", "secret_in_url"),
    ],
)
async def test_a_wrong_query_is_an_error(shared: Plane, url: str, code: str) -> None:
    async with shared.as_admin as client:
        answer = await client.get(url)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


DEEP = "[" * 65 + "]" * 65


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid"),
        (b"{", 400, "json_invalid"),
        (b"\xff{}", 400, "json_invalid"),
        (b'{"name": "a", "name": "b"}', 400, "json_invalid"),
        (b'{"name": NaN}', 400, "json_invalid"),
        (b'{"name": "\\ud800"}', 400, "json_invalid"),
        (b'{"name": ' + DEEP.encode() + b"}", 400, "json_invalid"),
        (b'{"name": "a"} x', 400, "json_invalid"),
        (b'{"name": "a", "scope": 1}', 400, "invalid"),
        (b'{"name": 7}', 400, "invalid"),
        (b'{"name": ""}', 400, "invalid"),
        (b'{"name": "a\\u0000b"}', 400, "invalid"),
        (b"[]", 400, "invalid"),
        (b'{"name": "' + b"a" * (5 << 20) + b'"}', 413, "too_large"),
    ],
)
async def test_a_wrong_body_is_an_error_and_changes_nothing(
    shared: Plane, body: bytes, status: int, code: str
) -> None:
    async with shared.as_admin as client:
        answer = await client.post(
            "/api/team/keys", content=body, headers={"content-type": "application/json"}
        )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(shared.keys) == 0


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_called_json_is_refused(shared: Plane, media_type: str) -> None:
    async with shared.as_admin as client:
        answer = await client.post(
            "/api/team/keys", content=b'{"name":"a"}', headers={"content-type": media_type}
        )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_problem_names_the_field_and_the_request(shared: Plane) -> None:
    async with shared.as_admin as client:
        answer = await client.put(
            "/api/chute/modules/fence",
            json={"enabled": True, "confg": {}},
            headers={"x-request-id": "my-request-7"},
        )
    problem = answer.json()
    assert answer.headers["x-request-id"] == problem["request_id"] == "my-request-7"
    assert problem["type"] == "urn:stockyard:problem:invalid"
    assert problem["errors"][0]["pointer"] == "/confg"


async def test_every_answer_carries_its_id_and_is_not_stored(shared: Plane) -> None:
    async with shared.as_admin as client:
        for path in ("/api/version", "/api/none", "/api/team/keys?x=1"):
            answer = await client.get(path, headers={"x-request-id": "too short"})
            assert answer.headers["x-request-id"].startswith("req_")
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-stockyard-config-version"] == "1"


async def test_head_is_get_without_the_body(shared: Plane) -> None:
    async with shared.as_admin as client:
        got = await client.get("/api/chute/modules/fence")
        head = await client.head("/api/chute/modules/fence")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))


async def test_no_other_origin_is_let_in(shared: Plane) -> None:
    async with shared.as_admin as client:
        asked = await client.options("/api/team/keys", headers={"origin": "https://evil.example"})
        got = await client.get("/api/version", headers={"origin": "https://evil.example"})
    assert asked.status_code == 405
    assert not [name for name in (*asked.headers, *got.headers) if name.startswith("access-")]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/chute/modules/fence", "DELETE, GET, HEAD, PUT"),
        ("GET", "/api/chute/modules/bulk2/x", None),
        ("DELETE", "/api/lookout/traces", "GET, HEAD"),
        ("PUT", "/metrics", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_offered_is_told_those_that_are(
    shared: Plane, method: str, path: str, allowed: str | None
) -> None:
    async with shared.as_admin as client:
        answer = await client.request(method, path)
    assert answer.status_code == (404 if allowed is None else 405)
    assert answer.headers.get("allow") == allowed


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("limit=1&limit=2", 'The parameter "limit" is there twice.'),
        ("limt=1", 'There is no parameter "limt" here. Did you mean "limit"?'),
        ("from=yesterday", 'The parameter "from" must be'),
        ("limit=0", "must be at least 1"),
        ("filter=" + "a" * 3_000, "must have a length of at most 2048"),
        ("status=odd", "'odd' is none of the possible values"),
        ("limit=x", "must be a whole number, not a text"),
    ],
)
async def test_a_wrong_parameter_is_named_as_the_client_knows_it(
    shared: Plane, query: str, told: str
) -> None:
    async with shared.as_admin as client:
        problem = (await client.get(f"/api/lookout/traces?{query}")).json()
    [error] = problem["errors"]
    assert error["pointer"] == "/query/" + query.partition("=")[0]
    assert told in error["message"]
    assert told in problem["detail"]


@pytest.mark.parametrize(
    ("body", "pointer", "code", "allowed"),
    [
        ({"name": ""}, "/name", "too_short", {"min_length": 1}),
        ({"name": "n" * 101}, "/name", "too_long", {"max_length": 100}),
        ({"name": 7}, "/name", "wrong_type", None),
        ({}, "/name", "missing", None),
        ({"name": "n", "nmae": 1}, "/nmae", "unknown", None),
        ([], "", "wrong_type", None),
    ],
)
async def test_a_wrong_field_is_told_with_what_would_be_right(
    shared: Plane, body: object, pointer: str, code: str, allowed: object
) -> None:
    async with shared.as_admin as client:
        problem = (await client.post("/api/team/keys", json=body)).json()
    [error] = problem["errors"]
    assert (problem["code"], error["pointer"], error["code"]) == ("invalid", pointer, code)
    assert error["allowed"] == allowed
    assert "`" not in problem["detail"]


async def test_a_wrong_header_is_named_as_the_client_knows_it(shared: Plane) -> None:
    async with shared.as_admin as client:
        answer = await client.delete("/api/chute/modules/fence", headers={"x-reason": "r" * 501})
    assert answer.json()["errors"][0]["pointer"] == "/header/X-Reason"


async def test_a_compressed_body_is_refused(shared: Plane) -> None:
    async with shared.as_admin as client:
        answer = await client.post(
            "/api/team/keys", json={"name": "n"}, headers={"content-encoding": "gzip"}
        )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "found"),
    [("/llm/", True), ("/llm", True), ("/llm/api/version", True), ("/llm//", False),
     ("/llm/api/", False), ("/llm/../api", False)],
)  # fmt: skip
async def test_below_a_path_of_somebodys_app_the_same_paths_are_ours(
    path: str, found: bool
) -> None:
    scope = {"raw_path": path.encode(), "path": path, "root_path": "/llm", "query_string": b""}
    if found:
        check_target(scope)
        return
    with pytest.raises(Refused, match="Not found"):
        check_target(scope)


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"scope": "team:x"}', 400), (b"[]", 400), (b"{}", 200), (b"", 200)]
)
async def test_what_nobody_would_read_of_a_body_is_refused(
    shared: Plane, body: bytes, status: int
) -> None:
    async with shared.as_admin as client:
        answer = await client.request(
            "DELETE",
            "/api/chute/modules/fence",
            content=body,
            headers={"content-type": "application/json"},
        )
    assert answer.status_code == status


async def test_a_long_path_is_looked_at_once() -> None:
    scope = {"raw_path": b"/" + b"a" * 400_000, "path": "", "query_string": b""}
    before = process_time()
    check_target(scope)
    assert process_time() - before < 2  # one look for each byte takes minutes
    with pytest.raises(Refused):
        check_target(scope | {"raw_path": b"/" + b"a" * 400_000 + b"/"})
