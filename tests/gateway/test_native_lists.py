"""Lists of what providers keep, filtered: they hold what is the team's."""

from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.held_things import JSON, answers


@pytest.mark.parametrize(
    ("provider", "path", "make", "made", "page", "token"),
    [
        (
            "gemini",
            "/v1beta/cachedContents",
            "/v1beta/cachedContents",
            {"name": "cachedContents/1"},
            lambda things: {"cachedContents": things},
            ("nextPageToken", "pageToken"),
        ),
        (
            "gemini",
            "/v1beta/batches",
            "/v1beta/models/m:batchGenerateContent",
            {"name": "batches/1"},
            lambda things: {"operations": things},
            ("nextPageToken", "pageToken"),
        ),
        (
            "xai",
            "/v1/batches",
            "/v1/batches",
            {"batch_id": "b1"},
            lambda things: {"batches": things},
            ("pagination_token", "pagination_token"),
        ),
        (
            "cohere",
            "/v2/batches",
            "/v2/batches",
            {"id": "b1"},
            lambda things: {"batches": things},
            ("next_page_token", "page_token"),
        ),
    ],
)
async def test_lists_hold_what_is_the_team_s(
    yard: Yard,
    provider: str,
    path: str,
    make: str,
    made: dict[str, Any],
    page: Any,
    token: tuple[str, str],
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, made)
    await yard.call(f"/{provider}{make}", {})
    other = {name: f"{value}x" for name, value in made.items()}
    answers(scripted, page([other]) | {token[0]: "t 1"})
    answers(scripted, page([other, made]) | {token[0]: "t2"})
    heard = await yard.get(f"/{provider}{path}?size=3")
    assert heard.json == page([made]) | {token[0]: "t2"}
    asked = [request.query for request in list(scripted.requests)[1:]]
    assert asked == ["size=3", f"size=3&{token[1]}=t%201"]


@pytest.mark.parametrize("what", ["containers", "chat/completions"])
async def test_lists_of_an_account_hold_what_is_the_team_s(yard: Yard, what: str) -> None:
    openai = yard.provider("openai")
    if what == "containers":
        answers(openai, {"id": "mine"})
        await yard.call("/openai/v1/containers", {})
    else:
        openai.sends(200, JSON, b'{"id":"mine","object":"chat.completion","choices":[]}')
        await yard.call("/openai/v1/chat/completions", yard.body(store=True))
    page = {"object": "list", "data": [{"id": "other"}, {"id": "mine"}], "has_more": False}
    answers(openai, page)
    heard = await yard.get(f"/openai/v1/{what}")
    assert [thing["id"] for thing in heard.json["data"]] == ["mine"]
