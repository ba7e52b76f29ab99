"""Native routes: the provider's own dialect, byte for byte, with our Credential and our books."""

from collections.abc import Mapping

import pytest

from stockyard.apps.lookout.traces import status_of
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.errors import UpstreamError
from stockyard.testing import cut_every
from stockyard.testing.yard import Yard
from tests.yard_modules import Shout

CHAT = "/openai/v1/chat/completions"
REQUEST = (
    b'{ "x_new":{"b":1, "a":[1.50]},"messages":[ {"role":"user","content":"h\\u00e9"}],"model":"m"}'
)
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
JSON = {"content-type": "application/json"}


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
    async def test_both_ways_they_are_the_same(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        answer = await yard.call(path, REQUEST)
        assert openai.last.target == "/v1/chat/completions"
        assert openai.last.body == REQUEST
        assert answer.body == ANSWER
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (3, 2)

    async def test_those_of_a_stream_are_and_it_is_metered(self, yard: Yard) -> None:
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

    async def test_so_do_errors_of_a_stream(self, yard: Yard) -> None:
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
    async def test_they_are_relayed(self, yard: Yard, method: str) -> None:
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

    async def test_usage_is_found_where_it_stands(self, yard: Yard) -> None:
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
    async def test_their_errors_come_as_they_are(
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

    async def test_what_breaks_off_does_not_look_complete(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"x" * 1000)
        openai.cuts_after_bytes(500)
        answer = await yard.get("/openai/v1/odd")
        assert answer.body == b"x" * 500
        assert not answer.complete
        assert yard.last.outcomes == ["partial"]


class TestHeaders:
    @pytest.mark.parametrize(
        "stays",
        [
            {"cookie": "a=b"},
            {"x-api-key": "k"},
            {"x-goog-api-key": "k"},
            {"api-key": "k"},
            {"x-admin-key": "k"},
            {"cookie2": "$Version=1"},
            {"x-amz-security-token": "x", "x-amz-date": "x", "x-amz-content-sha256": "x"},
            {"via": "1.1 proxy", "x-real-ip": "10.0.0.1"},
            {"trailer": "x-sum", "keep-alive": "timeout=5", "proxy-connection": "keep-alive"},
            {"x-stainless-os": "Linux"},
            {"x-stockyard-tags": "a=b"},
            {"x-forwarded-for": "10.0.0.1"},
            {"forwarded": "for=10.0.0.1"},
            {"proxy-authorization": "x"},
            {"te": "trailers"},
            {"x-odd": "1", "connection": "x-odd"},
            {"accept-encoding": "gzip"},
            {"x-http-method-override": "GET", "x-http-method": "GET", "x-method-override": "GET"},
            {"x-original-url": "/v1/files", "x-rewrite-url": "/v1/files"},
            {"x-envoy-original-path": "/v1/files"},
        ],
    )
    async def test_some_of_the_clients_stay_here(
        self, yard: Yard, stays: Mapping[str, str]
    ) -> None:
        openai = yard.provider("openai").says("hello")
        assert (await yard.call(CHAT, REQUEST, headers=stays)).status == 200
        sent = openai.last.headers
        kept = {name: sent[name] for name in stays if name in sent and name != "accept-encoding"}
        assert kept == {}
        assert sent["accept-encoding"] == "identity"
        assert sent["authorization"] == "Bearer secret-of-openai"
        assert yard.key not in str(openai.last.raw_headers)

    async def test_our_key_stays_here_in_whatever_field_it_comes(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        await yard.open()
        admin = "sya-" + "x" * 49
        odd = {"helicone-auth": f"Bearer {yard.key}", "x-mine": yard.key, "x-admin": admin}
        assert (await yard.call(CHAT, REQUEST, headers=odd)).status == 200
        assert yard.key not in str(openai.last.raw_headers)
        assert admin not in str(openai.last.raw_headers)

    async def test_only_our_secret_is_shown_in_the_field_that_its_provider_reads(
        self, yard: Yard
    ) -> None:
        elevenlabs = yard.provider("elevenlabs").sends(200, {}, b"{}")
        mine = {"xi-api-key": "a-secret-of-mine"}
        assert (await yard.get("/elevenlabs/v1/voices", headers=mine)).status == 200
        shown = [v for n, v in elevenlabs.last.raw_headers if n.lower() == b"xi-api-key"]
        assert shown == [b"secret-of-elevenlabs"]

    async def test_the_others_go_on(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        goes = {"openai-beta": "x=v1", "user-agent": "mine/1", "x-odd": "1", "accept": "*/*"}
        await yard.call(CHAT, REQUEST, headers=goes)
        assert goes.items() <= openai.last.headers.items()
        assert openai.last.headers["host"] == openai.url.removeprefix("http://")

    async def test_some_of_the_providers_stay_there(self, yard: Yard) -> None:
        stays = {
            "set-cookie": "a=b",
            "set-cookie2": "a=b",
            "openai-organization": "org",
            "openai-project": "proj",
            "anthropic-organization-id": "org",
            "anthropic-workspace-id": "ws",
            "server": "nginx",
            "alt-svc": "h3",
            "keep-alive": "timeout=5",
            "proxy-authenticate": "Basic",
            "connection": "x-hop",
            "x-hop": "1",
            "nel": '{"report_to":"x"}',
            "report-to": "{}",
            "reporting-endpoints": 'x="https://192.0.2.1/"',
            "access-control-allow-origin": "*",
            "strict-transport-security": "max-age=1",
            "content-security-policy-report-only": "x",
            "cross-origin-opener-policy": "x",
            "clear-site-data": "*",
            "refresh": "0;url=http://192.0.2.1/",
            "x-accel-redirect": "/internal/",
            "x-sendfile": "/etc/passwd",
            "x-lighttpd-send-file": "/etc/passwd",
            "service-worker-allowed": "/",
            "x-stockyard-cost": "0.000001",
        }
        goes = {"x-ratelimit-remaining-requests": "7", "x-odd": "1", "openai-version": "2"}
        yard.provider("openai").says("hello").with_headers({**stays, **goes})
        answer = await yard.call(CHAT, REQUEST)
        assert not set(stays) & set(answer.headers)
        assert goes.items() <= answer.headers.items()
        assert answer.headers["x-stockyard-provider"] == "openai"

    async def test_no_provider_speaks_in_our_name(self, yard: Yard) -> None:
        forged = {"x-stockyard-provider": "another", "x-request-id": "up_1"}
        yard.provider("openai").says("hello").with_headers(forged)
        answer = await yard.call(CHAT, REQUEST)
        ours = [value for name, value in answer.raw_headers if name == "x-stockyard-provider"]
        ids = [value for name, value in answer.raw_headers if name == "x-request-id"]
        assert ours == ["openai"]
        assert ids == [yard.last.exchange.id]
        assert answer.headers["x-upstream-request-id"] == "up_1"


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


class TestRules:
    async def test_failover_stays_off(self, yard: Yard) -> None:
        yard.provider("openai").fails(503)
        anthropic = yard.provider("anthropic").says("never")
        yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
        assert (await yard.call(CHAT, REQUEST)).status == 503
        assert not anthropic.requests

    async def test_a_callers_own_secret_goes_to_its_provider(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        own = {"authorization": "Bearer sk-proj-mine"}
        assert (await yard.call(CHAT, REQUEST, headers=own)).status == 200
        assert openai.last.headers["authorization"] == "Bearer sk-proj-mine"

    async def test_and_to_no_other(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("never")
        own = {"authorization": "Bearer sk-proj-mine"}
        answer = await yard.call("/anthropic/v1/messages", yard.body("hi"), headers=own)
        assert answer.status == 401
        assert answer.json["type"] == "error"
        assert not anthropic.requests

    @pytest.mark.parametrize(("path", "name"), [("/v1/messages", "anthropic"), (CHAT, "openai")])
    async def test_modules_still_apply(self, yard: Yard, path: str, name: str) -> None:
        yard.provider(name).streams("hel", "lo")
        yard.add(Shout)
        where = path if name == "openai" else "/anthropic/v1/messages"
        answer = await yard.call(where, yard.body("hi", stream=True))
        assert answer.pieces == ["HEL", "LO"]
        assert answer.ended
        whole = await yard.call(where, yard.body("hi"))
        assert whole.text == "HELLO"

    async def test_a_path_that_leads_out_is_not_followed(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("never")
        for path in ("/openai/v1/../../admin", "/openai//v1/models", "/openai/v1/%2e%2e/x"):
            answer = await yard.get(path)
            assert answer.status in (400, 404)
        assert not openai.requests

    async def test_one_without_a_credential_is_told_nothing_of_a_prompt(self, yard: Yard) -> None:
        openai = yard.provider("openai", api_key=None).says("never")
        answer = await yard.call(CHAT, REQUEST)
        assert answer.status == 503
        assert answer.headers["x-should-retry"] == "false"
        assert answer.error is not None
        assert answer.error["code"] == "no_target"
        assert "Set OPENAI_API_KEY" in answer.error["message"]
        assert not openai.requests

    @pytest.mark.parametrize(
        ("path", "header", "words"),
        [
            ("/anthropic/v1/nothing", {"anthropic-version": "2023-06-01"}, '{"type":"error"'),
            ("/gemini/v1beta/tunedModels", {"x-goog-api-client": "x"}, '{"error":{"code":503'),
            ("/ollama/api/ps", {}, '{"error":"'),
            ("/openai/v1/assistants", {}, '{"error":{"message":'),
        ],
    )
    async def test_where_no_codec_reads_it_is_refused_in_the_words_of_the_client(
        self, yard: Yard, path: str, header: dict[str, str], words: str
    ) -> None:
        answer = await yard.get(path, headers=header)
        assert answer.status == 503
        assert answer.body.decode().startswith(words)

    async def test_one_that_needs_none_is_called_without(self, yard: Yard) -> None:
        llamas = yard.provider("llamas", kind="openai.chat", api_key=None).says("hello")
        answer = await yard.call("/llamas/v1/chat/completions", REQUEST)
        assert (answer.status, answer.text) == (200, "hello")
        assert "authorization" not in llamas.last.headers

    async def test_unreachable_is_said_in_the_words_of_the_path(self, yard: Yard) -> None:
        yard.provider("anthropic", base_url="http://127.0.0.1:9")
        answer = await yard.call("/anthropic/v1/messages", yard.body("hi"))
        assert answer.status == 502
        assert answer.json["type"] == "error"


class TestBrokenStreams:
    async def test_one_that_is_cut_is_cut(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").cuts_after("first_content")
        answer = await yard.call(CHAT, yard.body("hi", stream=True))
        assert answer.pieces == ["hel"]
        assert not answer.complete
        assert answer.error is None
        assert yard.last.outcomes == ["partial"]

    @pytest.mark.parametrize(
        ("path", "frames"),
        [
            (CHAT, b'data: {"error":{"message":"no more"}}\n\n: bye\n\ndata: [DONE]\n\n'),
            (CHAT, b'error: {"code":500,"message":"no more","type":"server_error"}\n\n'),
            (
                "/anthropic/v1/messages",
                b"event: error\ndata: "
                b'{"type":"error","error":{"type":"overloaded_error","message":"no more"}}\n\n',
            ),
            (
                "/cohere/v2/chat",
                b"event: message-end\ndata: "
                b'{"type":"message-end","delta":{"finish_reason":"ERROR","error":"no more"}}\n\n',
            ),
        ],
    )
    async def test_an_error_inside_one_is_heard_in_the_providers_words(
        self, yard: Yard, path: str, frames: bytes
    ) -> None:
        provider = yard.provider(path.split("/")[1]).streams("hel", "lo")
        provider.ends_with(frames, after="first_content").in_pieces(cut_every(7))
        answer = await yard.call(path, yard.body("hi", stream=True))
        assert answer.body.endswith(frames)
        assert answer.complete
        assert yard.last.outcomes == ["partial"]
        assert "dispatch failed_inside" in yard.last.findings
        assert isinstance(yard.last.error, UpstreamError)
        assert status_of(yard.last.exchange) == "partial"

    async def test_an_error_before_any_content_is_tried_elsewhere(self, yard: Yard) -> None:
        cohere = yard.provider("cohere").streams("never").fails_after("open").streams("hello")
        yard.enable("retrypilot", base_ms=1, budget_min_per_second=100)
        answer = await yard.call("/cohere/v2/chat", yard.body("hi", stream=True))
        assert b"hello" in answer.body
        assert b"ERROR" not in answer.body
        assert len(cohere.requests) == 2

    async def test_one_that_ends_early_ends_as_it_did_and_is_noted(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo")
        openai.without_finish().without_terminator()
        answer = await yard.call(CHAT, yard.body("hi", stream=True))
        assert answer.pieces == ["hel", "lo"]
        assert answer.complete
        assert "dispatch truncated" in yard.last.findings

    async def test_a_client_that_leaves_closes_the_provider(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"x" * 1000).stalls_after_bytes(10)
        async with yard.raw() as client:
            client.ask("/openai/v1/odd", b"{}", headers=yard.headers)
            await client.until(b"xxxxxxxxxx")
        assert await openai.closed_by_client()
        assert await yard.ended(1)
        assert yard.last.abandoned


class TestAliases:
    """`wire.md` 2.3: the model is used as sent, after alias lookup."""

    @pytest.fixture(autouse=True, params=["setting", "module"])
    def named(self, yard: Yard, request: pytest.FixtureRequest) -> None:
        meant = {"smart": "openai/gpt-4o", "quick": "gemini/gemini-2.5-flash"}
        if request.param == "module":
            rows = [{"alias": alias, "model": model} for alias, model in meant.items()]
            yard.enable("modelalias", aliases=rows)
            return
        for alias, model in meant.items():
            yard.set(f"aliases.{alias}", model)

    async def test_in_a_body(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        body = {"x": 1, **yard.body("hi", model="smart")}
        assert (await yard.call(CHAT, body)).status == 200
        assert openai.last.json == {**body, "model": "gpt-4o"}

    @pytest.mark.parametrize("verb", ["generateContent", "countTokens"])
    async def test_in_a_path(self, yard: Yard, verb: str) -> None:
        gemini = yard.provider("gemini").sends(200, JSON, b'{"totalTokens": 7}')
        asked = {"contents": [{"parts": [{"text": "hi"}]}]}
        await yard.call(f"/gemini/v1beta/models/quick:{verb}", asked)
        assert gemini.last.target == f"/v1beta/models/gemini-2.5-flash:{verb}"

    async def test_one_of_another_provider_is_sent_as_it_is(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        assert (await yard.call(CHAT, yard.body("hi", model="quick"))).status == 200
        assert openai.last.json["model"] == "quick"
