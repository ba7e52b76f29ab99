"""Where a path that leads nowhere was meant to lead, and that no other is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.gateway.endpoints import find
from stockyard.gateway.signpost import LONGEST, meant_by
from stockyard.testing.yard import Yard

CHAT = "/v1/chat/completions"
GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"
MEANT = [
    # what was asked for, what there is
    ("/v1/chat/completions/", CHAT),
    ("//v1/chat/completions", CHAT),
    ("/v1//chat/completions", CHAT),
    ("/V1/Chat/Completions", CHAT),
    ("/v1/chat/completion", CHAT),
    ("/v1/chat", CHAT),
    ("/v1/images", "/v1/images/generations"),
    ("/v1/openai/chat/completions", CHAT),
    ("/v1beta/openai/chat/completions", CHAT),
    ("/v1/chat/completions/chat/completions", CHAT),
    ("/api/chat/completions", CHAT),
    ("/api/v1/chat/completions", CHAT),
    ("/v1/messages/", "/v1/messages"),
    ("/v1/messages/v1/messages", "/v1/messages"),
    ("/v1/message", "/v1/messages"),
    ("/v1/embedding", "/v1/embeddings"),
    ("/v1/models/", "/v1/models"),
    ("//v1beta/models/gemini-2.5-flash:generateContent", GENERATE),
    ("/api/v1beta/models/gemini-2.5-flash:generateContent", GENERATE),
    ("/api/chat", "/ollama/api/chat"),
    ("/api/tags", "/ollama/api/tags"),
]
NOT_MEANT = [
    "/",
    "/v1",
    "/v1/",
    "/v1/nothing",
    "/nonsense",
    "/ui/",
    "/health/",
    "/api/version",
    "/api/lookout/traces",
    "/api/chute/models",
    "/static/messages",
    "/" + "v1/" * LONGEST,
]


@pytest.mark.parametrize(("path", "meant"), MEANT)
def test_a_slip_of_the_pen_is_understood(path: str, meant: str) -> None:
    assert meant_by(path) == meant


@pytest.mark.parametrize("path", NOT_MEANT)
def test_other_paths_are_left_alone(path: str) -> None:
    assert meant_by(path) is None


@given(st.text(st.sampled_from("/v1ab.:%{}"), max_size=LONGEST + 20))
def test_whatever_is_asked_for_the_answer_is_a_path_of_ours(path: str) -> None:
    meant = meant_by(path)
    assert meant is None or find(meant, "POST", lambda *_: None) is not None


async def test_the_refusal_says_so_in_the_words_of_the_path_that_was_meant(yard: Yard) -> None:
    for path, meant in MEANT:
        answer = await yard.call(path, yard.body("hi"))
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/json"
        assert f"Did you mean {meant}?" in answer.body.decode()
        assert ('"type":"error"' in answer.body.decode()) is (meant == "/v1/messages")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/openai//v1/chat/completions", "/openai/v1/chat/completions"),
        ("/openai/v1//files/file-1", "/openai/v1/files/file-1"),
        ("//openai/v1/models", "/openai/v1/models"),
        ("/OpenAI/v1/models", "/openai/v1/models"),
        ("/nobody//v1/models", "/v1/models"),
    ],
)
async def test_a_slash_too_many_leads_nowhere_below_a_provider_too(
    yard: Yard, path: str, meant: str
) -> None:
    openai = yard.provider("openai")
    for answer in (await yard.get(path), await yard.call(path, yard.body("hi"))):
        assert answer.status == 404
        assert f"Did you mean {meant}?" in answer.body.decode()
    assert not openai.requests


async def test_where_nothing_was_meant_the_refusal_tells_of_base_urls(yard: Yard) -> None:
    answer = await yard.call("/v1/nothing", b"{}")
    assert answer.error is not None
    assert "A base URL ends in /v1" in answer.error["message"]


async def test_the_control_plane_keeps_its_paths(yard: Yard) -> None:
    assert (await yard.get("/api/version")).status == 200
    nothing = await yard.get("/api/nothing")
    assert "problem" in nothing.headers["content-type"]
    assert "Models are called below /v1" in nothing.json["detail"]
