"""A body that names what is not the team's is told that there is no such thing, on every path."""

from typing import Any

import pytest

from stockyard.testing.yard import CHAT, MESSAGES, Yard

FILE = {"type": "file", "file": {"file_id": "file-theirs"}}
DOCUMENT = {"type": "document", "source": {"type": "file", "file_id": "file_theirs"}}
PLACE = "https://generativelanguage.googleapis.com/v1beta/files/theirs"
REFERENCE = {"model": "openai/gpt-x", "input": [{"type": "item_reference", "id": "msg_theirs"}]}
CLAUDE = {
    "model": "anthropic/claude-x",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": [DOCUMENT]}],
}
GEMINI = {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": PLACE}}]}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"model": "openai/gpt-x", "messages": [{"role": "user", "content": [FILE]}]}),
        ("/v1/responses", REFERENCE),
        ("/v1/responses/compact", REFERENCE),
        ("/v1/responses/input_tokens", REFERENCE),
        (
            "/v1/images/edits",
            {
                "model": "openai/gpt-image-1",
                "prompt": "x",
                "images": [{"file_id": "file-theirs"}],
            },
        ),
        (MESSAGES, CLAUDE),
        ("/v1/messages/count_tokens", CLAUDE),
        ("/v1beta/models/gemini-x:generateContent", GEMINI),
        ("/v1beta/models/gemini-x:streamGenerateContent", GEMINI),
        ("/v1beta/models/gemini-x:streamGenerateContent?alt=sse", GEMINI),
        ("/v1beta/models/gemini-x:countTokens", GEMINI),
        ("/openai/v1/responses/compact", REFERENCE),
        ("/openai/v1/some/where", {"file_id": "file-theirs"}),
        ("/openai/v1/fine_tuning/jobs", {"model": "gpt-x", "training_file": "file-theirs"}),
        ("/openai/v1/batches", {"input_file_id": "file-theirs", "endpoint": "/v1/embeddings"}),
        (
            "/openai/v1/evals/eval_1/runs",
            {"data_source": {"type": "jsonl", "source": {"type": "file_id", "id": "file-theirs"}}},
        ),
    ],
)
async def test_a_thing_that_is_not_the_teams_is_not_there(
    yard: Yard, path: str, body: dict[str, Any]
) -> None:
    providers = [yard.provider(name).says("never") for name in ("openai", "anthropic", "gemini")]
    heard = await yard.call(path, body)
    assert heard.status == 404, heard.body
    assert b"theirs" in heard.body
    assert not any(provider.requests for provider in providers)
