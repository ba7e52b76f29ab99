"""Deployments at Azure: v1 and classic paths, Foundry, Claude there, and what answers look like."""

from typing import Any

import pytest

from stockyard.providers.catalog import load
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
VERSION = "2024-10-21"
CLASSIC: Any = {"settings": {"api_version": VERSION}}


class TestPaths:
    async def test_v1_names_the_deployment_in_the_body(self, yard: Yard) -> None:
        azure = yard.provider("azure").says("hello")
        assert (await yard.chat("hi", model="azure/my-gpt")).text == "hello"
        assert azure.last.target == "/openai/v1/chat/completions"
        assert azure.last.json["model"] == "my-gpt"
        assert azure.last.headers["api-key"] == "secret-of-azure"

    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("/v1/chat/completions", "/openai/deployments/my-gpt/chat/completions"),
            ("/v1/completions", "/openai/deployments/my-gpt/completions"),
            ("/v1/responses", "/openai/responses"),
        ],
    )
    async def test_a_version_leads_to_the_classic_paths(
        self, yard: Yard, ours: str, theirs: str
    ) -> None:
        azure = yard.provider("azure", **CLASSIC)
        azure.says("hello")
        body = {"messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi"}
        await yard.call(ours, {"model": "azure/my-gpt", **body})
        assert azure.last.target == f"{theirs}?api-version={VERSION}"

    def test_classic_paths_name_the_deployment_for_these_only(self) -> None:
        environ = {"AZURE_OPENAI_ENDPOINT": "x.openai.azure.com", "OPENAI_API_VERSION": VERSION}
        azure = load(environ=environ).get("azure")
        assert azure is not None
        entries = {**azure.speaks, **azure.endpoints}
        deployed = {name for name, entry in entries.items() if "/deployments/" in entry.path}
        assert deployed == {
            *("openai.chat", "openai.completions", "embeddings", "speech", "transcriptions"),
            *("images", "image_edits"),
        }
        assert azure.query == f"api-version={VERSION}"

    @pytest.mark.parametrize(
        ("model", "target"),
        [
            ("gpt-4o", "/models/chat/completions?api-version=2024-05-01-preview"),
            ("claude-sonnet-4-5", "/anthropic/v1/messages"),
        ],
    )
    async def test_foundry_has_a_place_for_each_family(
        self, yard: Yard, model: str, target: str
    ) -> None:
        foundry = yard.provider("azure-foundry").says("hello")
        answer = await yard.chat("hi", model=f"azure-foundry/{model}")
        assert answer.text == "hello"
        assert foundry.last.target == target

    async def test_a_native_call_on_the_classic_path_is_read_and_not_touched(
        self, yard: Yard
    ) -> None:
        azure = yard.provider("azure").says("hello")
        path = "/openai/deployments/d/chat/completions?api-version=2024-06-01"
        body = b'{"messages": [{"role":"user","content":"hi"}]  }'
        await yard.call(f"/azure{path}", body)
        assert (azure.last.target, azure.last.body) == (path, body)
        assert yard.last.exchange.request.model == "d"
        assert yard.last.exchange.usage is not None


FILTERS = (
    b'data: {"choices":[],"created":0,"id":"","model":"","object":"",'
    b'"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}\n\n'
)
TEXT = (
    b'data: {"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},'
    b'"delta":{"content":"hello","role":"assistant"},"finish_reason":null,"index":0}],"created":1,'
    b'"id":"c-1","model":"gpt-4o","object":"chat.completion.chunk"}\n\n'
)
LATE = (
    b'data: {"choices":[{"content_filter_offsets":{"start_offset":0,"end_offset":5},'
    b'"content_filter_results":{},"delta":{},"finish_reason":null,"index":0}],"created":0,"id":"",'
    b'"model":"","object":""}\n\n'
)
DONE = b"data: [DONE]\n\n"


def finish(reason: bytes) -> bytes:
    return (
        b'data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"%b",'
        b'"index":0}],"created":1,"id":"c-1","model":"gpt-4o","object":"chat.completion.chunk"}\n\n'
    ) % reason


class TestStreams:
    async def test_the_first_chunk_has_no_choices(self, yard: Yard) -> None:
        stream = FILTERS + TEXT + finish(b"stop") + DONE
        yard.provider("azure").plays(stream)
        answer = await yard.stream("hi", model="azure/d")
        assert answer.text == "hello"
        assert answer.body.startswith(stream.removesuffix(DONE))

    async def test_late_filters_and_another_format(self, yard: Yard) -> None:
        yard.provider("azure").plays(FILTERS + TEXT + finish(b"content_filter") + LATE + DONE)
        answer = await yard.messages("hi", model="azure/d", stream=True)
        assert answer.text == "hello"
        assert b'"stop_reason":"refusal"' in answer.body
        assert b'"model":"gpt-4o"' in answer.body or b'"model":"d"' in answer.body


@pytest.mark.parametrize(
    ("status", "body", "shown", "kind"),
    [
        (404, b'{"error":{"code":"DeploymentNotFound","message":"No."}}', 404, "model_unknown"),
        (401, b'{"error":{"code":"401","message":"Wrong key."}}', 502, "auth"),
        (401, b'{"statusCode": 401, "message": "Unauthorized."}', 502, "auth"),
        (429, b'{"error":{"code":"RateLimitReached","message":"Wait."}}', 429, "rate_limited"),
        (
            400,
            b'{"error":{"code":"content_filter","message":"No.","innererror":{"code":"X"}}}',
            400,
            "content_filtered",
        ),
    ],
)
async def test_errors_have_codes_that_are_words_or_numbers(
    yard: Yard, status: int, body: bytes, shown: int, kind: str
) -> None:
    yard.provider("azure").sends(status, JSON, body)
    yard.disable("retrypilot")
    assert (await yard.chat("hi", model="azure/d")).status == shown
    assert yard.last.exchange.attempts[0].error == kind


async def test_the_longer_of_two_retry_hints_is_told(yard: Yard) -> None:
    hints = {"retry-after": "7", "retry-after-ms": "0"}
    yard.provider("azure").sends(429, JSON | hints, b'{"error":{"code":"429","message":"Wait."}}')
    yard.disable("retrypilot")
    answer = await yard.chat("hi", model="azure/d")
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
