"""Native routes: the provider's own dialect, byte for byte, with our Credential and our books."""

import pytest

from stockyard.apps.lookout.traces import status_of
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.errors import UpstreamError
from stockyard.testing.yard import Yard
from tests.gateway.native_calls import CHAT, JSON, REQUEST

ANSWER = (
    b'{"choices" :[{"index":0,"message":{"role":"assistant","content":"h\\u00e9"},"x":1.50,'
    b'"finish_reason":"stop"}],"id":"c","object":"chat.completion","created":1,"model":"m-1",'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\r\n'
)
STREAM = (
    b": hello\r\n\r\n"
    b'data:{"id":"c","choices":[{"index":0,"delta":{"content":"h\\u00e9"}}]}\r\n\r\n'
    b'id: 7\r\ndata: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\r\n\r\n'
    b"data: [DONE]\r\n\r\n: bye\r\n\r\n"
)


class ReadsLater(Module[ModuleConfig]):
    name = "reads_later"
    category = "observe"
    stage = Stage.OBSERVE
    wants_response = True
    seen: list[str | None] = []  # noqa: RUF012  what was read, for the test

    def on_response(self, x: Exchange) -> None:
        self.seen.append(x.response.text if x.response is not None else None)


class TestBytes:
    @pytest.mark.parametrize("path", [CHAT, "/openai/chat/completions"])
    async def test_bytes_are_the_same_both_ways(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        answer = await yard.call(path, REQUEST)
        assert openai.last.target == "/v1/chat/completions"
        assert openai.last.body == REQUEST
        assert answer.body == ANSWER
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (3, 2)

    async def test_bytes_of_a_stream_are_the_same_and_it_is_metered(self, yard: Yard) -> None:
        yard.provider("openai").plays(STREAM)
        answer = await yard.call(CHAT, REQUEST[:-1] + b',"stream":true}')
        assert answer.body == STREAM
        assert answer.complete
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 2
        assert yard.last.streamed

    async def test_usage_is_not_asked_for_in_the_callers_name(self, yard: Yard) -> None:
        openai = yard.provider("openai").plays(STREAM)
        body = REQUEST[:-1] + b',"stream":true}'
        await yard.call(CHAT, body)
        assert openai.last.body == body

    async def test_messages_are_spoken_natively_too(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").streams("hel", "lo")
        answer = await yard.call(
            "/anthropic/v1/messages",
            yard.body("hi", stream=True),
            headers={"anthropic-version": "2024-01-01", "anthropic-beta": "one,two"},
        )
        assert answer.pieces == ["hel", "lo"]
        assert answer.ended
        assert anthropic.last.headers["anthropic-version"] == "2024-01-01"
        assert anthropic.last.headers["anthropic-beta"] == "one,two"
        assert yard.last.usage is not None

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 529])
    async def test_errors_come_as_they_are(self, yard: Yard, status: int) -> None:
        body = b'{ "error" : {"message":"No.", "x":1.50} }'
        headers = {"content-type": "application/problem+json", "retry-after": "17", "x-odd": "1"}
        yard.provider("openai").sends(status, headers, body)
        answer = await yard.call(CHAT, REQUEST)
        assert (answer.status, answer.body) == (status, body)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "17"
        assert answer.headers["x-odd"] == "1"
        assert yard.last.outcomes == ["failed"]
        assert yard.last.status == status

    async def test_errors_of_a_call_for_a_stream_come_as_they_are(self, yard: Yard) -> None:
        body = b'{"error":{"message":"No."}}'
        yard.provider("openai").sends(429, JSON, body)
        answer = await yard.call(CHAT, REQUEST[:-1] + b',"stream":true}')
        assert (answer.status, answer.body) == (429, body)

    async def test_a_redirect_is_handed_on_and_not_followed(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(307, {"location": "/elsewhere"}, b"")
        answer = await yard.call(CHAT, REQUEST)
        assert answer.status == 307
        assert answer.headers["location"] == "/elsewhere"
        assert len(openai.requests) == 1


class TestUnknownPaths:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_a_path_that_no_codec_reads_is_relayed(self, yard: Yard, method: str) -> None:
        openai = yard.provider("openai").sends(200, {"content-type": "text/plain"}, b"fine")
        answer = await yard.get("/openai/v1/evals?limit=2&key=secret", method=method)
        assert answer.status == 200
        assert answer.body == (b"" if method == "HEAD" else b"fine")
        assert openai.last.method == method
        assert openai.last.target == "/v1/evals?limit=2"
        assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
        assert "content-length" not in openai.last.headers

    async def test_binary_bodies_pass_both_ways(self, yard: Yard) -> None:
        body = bytes(range(256)) * 4000
        kind = {"content-type": "audio/mpeg"}
        openai = yard.provider("openai").sends(200, kind, body)
        answer = await yard.call("/openai/v1/uploads", body, headers=kind)
        assert openai.last.body == body
        assert openai.last.headers["content-type"] == "audio/mpeg"
        assert answer.body == body
        assert answer.headers["content-type"] == "audio/mpeg"

    async def test_usage_of_embeddings_is_metered(self, yard: Yard) -> None:
        body = b'{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}'
        yard.provider("openai").sends(200, JSON, body)
        await yard.call("/openai/v1/embeddings", b'{"model":"e","input":"hi"}')
        assert yard.last.usage is not None
        assert yard.last.usage.prompt == 8

    async def test_a_module_that_reads_answers_is_told_that_nobody_can(self, yard: Yard) -> None:
        ReadsLater.seen.clear()
        yard.provider("openai").sends(200, JSON, b"not even json")
        yard.add(ReadsLater)
        answer = await yard.call("/openai/v1/fine_tuning/jobs", b"{}")
        assert (answer.status, answer.body) == (200, b"not even json")
        assert answer.complete
        assert ReadsLater.seen == [None]

    @pytest.mark.parametrize("modules", [(), ("failover", "retrypilot")], ids=str)
    @pytest.mark.parametrize(
        ("status", "kind"), [(404, "model_unknown"), (429, "rate_limited"), (500, "provider_fault")]
    )
    async def test_errors_of_unknown_paths_come_as_they_are(
        self, yard: Yard, status: int, kind: str, modules: tuple[str, ...]
    ) -> None:
        yard.provider("openai").sends(status, {"content-type": "text/html"}, b"<p>No")
        for module in modules:
            yard.enable(module)
        answer = await yard.get("/openai/v1/odd")
        assert (answer.status, answer.body) == (status, b"<p>No")
        assert yard.last.outcomes == ["failed"]
        assert isinstance(yard.last.error, UpstreamError)
        assert (yard.last.error.kind, status_of(yard.last.exchange)) == (kind, "error")

    async def test_an_answer_that_breaks_off_does_not_look_complete(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"x" * 1000)
        openai.cuts_after_bytes(500)
        answer = await yard.get("/openai/v1/odd")
        assert answer.body == b"x" * 500
        assert not answer.complete
        assert yard.last.outcomes == ["partial"]


VERSION = "api-version=2024-05-01-preview"


class TestQueries:
    @pytest.mark.parametrize(
        ("asked", "sent"),
        [
            ("/models/x", f"/models/x?{VERSION}"),
            ("/models/x?a=2", f"/models/x?a=2&{VERSION}"),
            ("/models/x?api-version=2&a=2", "/models/x?api-version=2&a=2"),
            ("/openai/v1/responses?a=2", "/openai/v1/responses?a=2"),
        ],
    )
    async def test_the_rows_own_parameters_are_for_its_base_and_never_said_twice(
        self, yard: Yard, asked: str, sent: str
    ) -> None:
        foundry = yard.provider("azure-foundry")
        foundry.sends(200, JSON, b"{}")
        await yard.get(f"/azure-foundry{asked}")
        assert foundry.last.target == sent

    async def test_the_root_of_a_provider_can_be_asked(self, yard: Yard) -> None:
        tgi = yard.provider("tgi").sends(200, JSON, b"{}")
        assert (await yard.call("/tgi/", b"{}")).status == 200
        assert tgi.last.target == "/v1/"
