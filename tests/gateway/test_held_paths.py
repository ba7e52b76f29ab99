"""Which paths to stored things are served, and what their answers show."""

import json

import pytest

from stockyard.testing.yard import Yard
from tests.held_things import FORM, JSON, a_file, a_form, a_list, answers, uploaded


class TestPaths:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("PUT", "/v1/files", 405),
            ("POST", "/v1/files/file-1", 405),
            ("GET", "/v1/files/file-1/more", 404),
            ("GET", "/v1/batches/b/content", 404),
            ("GET", "/v1/files/", 404),
            ("GET", "/v1/files/a/content/b", 404),
            ("GET", "/v1/files/..%2Fmodels", 404),
        ],
    )
    async def test_only_listed_paths_are_served(
        self, yard: Yard, method: str, path: str, status: int
    ) -> None:
        openai = yard.provider("openai")
        assert (await yard.get(path, method=method)).status == status
        assert not openai.requests

    @pytest.mark.parametrize(
        "path",
        [
            "/openai/v1/organization/admin_api_keys",
            "/openai/v1/organizatio%6e/admin_api_keys",
            "/openai/v1/Organization/Admin_API_Keys",
            "/openai/organization/users",
            "/openai/v1/realtime/client_secrets",
            "/openai/v1/realtime/sessions",
            "/openai/dashboard/billing/usage",
            "/anthropic/v1/organizations/me",
        ],
    )
    async def test_accounts_are_not_managed_through_us(self, yard: Yard, path: str) -> None:
        openai, anthropic = yard.provider("openai"), yard.provider("anthropic")
        for heard in (await yard.get(path), await yard.call(path, {})):
            assert heard.status == 403
            assert b"path_not_allowed" in heard.body
        assert not openai.requests
        assert not anthropic.requests

    async def test_callers_with_a_secret_of_their_own_see_their_own_account(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai")
        answers(openai, a_list(a_file("file-x")))
        own = {"authorization": "Bearer sk-proj-own"}
        heard = await yard.get("/v1/files", headers=own)
        assert heard.json == a_list(a_file("file-x"))
        assert openai.last.headers["authorization"] == "Bearer sk-proj-own"

    async def test_no_header_of_the_account_comes_along(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        said = {
            **JSON,
            "openai-organization": "org",
            "x-odd": "1",
            "x-request-id": "req_theirs",
            "x-ratelimit-limit-requests": "5",
        }
        openai.sends(200, said, json.dumps(a_file("file-1")).encode())
        heard = await yard.call("/v1/files", a_form(), headers=FORM)
        assert "openai-organization" not in heard.headers
        assert "x-odd" not in heard.headers
        assert heard.headers["x-upstream-request-id"] == "req_theirs"
        assert heard.headers["x-request-id"] == yard.last.exchange.id
        assert heard.headers["x-ratelimit-limit-requests"] == "5"

    async def test_a_page_for_browsers_comes_as_bytes(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        await uploaded(yard, openai)
        openai.sends(200, {"content-type": "text/html"}, b"<script>alert(1)</script>")
        heard = await yard.get("/v1/files/file-1/content")
        assert heard.headers["content-type"] == "application/octet-stream"


async def test_paths_to_other_things_pass_natively(yard: Yard) -> None:
    yard.provider("xai").sends(202, JSON, b'{"status":"pending"}')
    answer = await yard.get("/xai/v1/videos/c84748c1-5ec7")
    assert (answer.status, answer.body) == (202, b'{"status":"pending"}')
