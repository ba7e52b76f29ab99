"""Bodies on native routes that are none of their path's format: who lets them pass, and who not."""

from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.testing.yard import Yard

CHAT = "/openai/v1/chat/completions"
JSON = {"content-type": "application/json"}
ANSWER = (
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],'
    b'"id":"c","object":"chat.completion","created":1,"model":"m-1",'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'
)
STREAM = (
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
)
FORM = b'--cut\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--cut--\r\n'

ODD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "application/json"),
    "a comma before a bracket": (b'{"model":"m","messages":[],}', "application/json"),
    "a number that is none": (b'{"model":"m","top_p":NaN}', "application/json"),
    "text": (b"hello", "text/plain"),
    "fields": (b"model=m&prompt=hi", "application/x-www-form-urlencoded"),
    "a form": (FORM, "multipart/form-data; boundary=cut"),
    "bytes": (bytes(range(256)), "application/octet-stream"),
    "many bytes": (bytes(range(256)) * (3 << 12), "application/octet-stream"),
}
JUDGED: dict[str, bytes] = {
    "a key twice": b'{"model":"m","model":"n","messages":[]}',
    "a model that is none": b'{"model":1,"messages":[]}',
    "a list": b"[]",
    "not UTF-8": b'{"model":"m","messages":["\xff"]}',
    "too deep": b'{"model":"m","messages":' + b"[" * 100_000,
    "a byte order mark": b'\xef\xbb\xbf{"model":"m",}',
    **{name: ' {"model":"m"}'.encode(name) for name in ("utf-16", "utf-16-le", "utf-16-be")},
    **{name: '{"model":"m"}'.encode(name) for name in ("utf-32", "utf-32-le", "utf-32-be")},
}


def an_odd_body(what: str) -> tuple[bytes, dict[str, str]]:
    body, kind = ODD[what]
    return body, {"content-type": kind}


class Reads(Module[ModuleConfig]):
    """Wants to know what is asked, and does nothing about it."""

    name, stage = "reads", Stage.OBSERVE

    def on_request(self, x: Exchange) -> None:
        for _ in x.request.texts():
            pass


class Waits(Module[ModuleConfig]):
    """Wants to know what is answered."""

    name, stage = "waits", Stage.OBSERVE
    wants_response = True

    def on_response(self, x: Exchange) -> None:
        assert x.response is not None


class TestWhereNobodyReads:
    @pytest.mark.parametrize("what", ODD)
    async def test_odd_bodies_pass_as_they_are_and_are_metered(self, yard: Yard, what: str) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        body, kind = an_odd_body(what)
        heard = await yard.call(CHAT, body, headers=kind)
        assert (heard.status, heard.body) == (200, ANSWER)
        assert openai.last.body == body
        assert openai.last.target == "/v1/chat/completions"
        assert openai.last.headers["content-type"] == kind["content-type"]
        assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
        assert yard.last.outcomes == ["ok"]
        assert yard.last.exchange.kind == "chat"
        assert yard.last.exchange.request.model == ""
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (3, 2)

    @pytest.mark.parametrize(
        "path",
        [
            "/openai/v1/embeddings",
            "/openai/v1/images/edits",
            "/openai/v1/audio/transcriptions",
            "/anthropic/v1/messages",
            "/gemini/v1beta/models/gemini-2.5-pro:generateContent",
            "/cohere/v2/rerank",
            "/ollama/v1/chat/completions",
        ],
    )
    async def test_odd_bodies_pass_on_every_path(self, yard: Yard, path: str) -> None:
        name = path.split("/")[1]
        provider = yard.provider(name).sends(400, JSON, b'{"error":"what is this?"}')
        body, kind = an_odd_body("bytes")
        heard = await yard.call(path, body, headers=kind)
        assert (heard.status, heard.body) == (400, b'{"error":"what is this?"}')
        assert provider.last.body == body

    async def test_answers_are_heard_as_they_come(self, yard: Yard) -> None:
        openai = yard.provider("openai").plays(STREAM).stalls_after_bytes(20)
        body, kind = an_odd_body("a comma before a bracket")
        async with yard.raw() as client:
            client.ask(CHAT, body, headers=yard.headers | kind)
            await client.until(STREAM[:20])
            openai.goes_on()
            await client.until(b"[DONE]")
        assert await yard.ended(1)
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 2

    async def test_a_model_in_the_path_is_known(self, yard: Yard) -> None:
        yard.provider("gemini").sends(200, JSON, b"{}")
        path = "/gemini/v1beta/models/gemini-2.5-pro:generateContent"
        await yard.call(path, b'{"contents":[],}')
        assert yard.last.exchange.request.model == "gemini-2.5-pro"

    async def test_json_is_judged_all_the_same(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        for what, body in JUDGED.items():
            heard = await yard.call(CHAT, body)
            assert heard.status == 400, what
        assert not openai.requests

    async def test_a_form_that_two_readers_could_read_differently_is_judged_too(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"{}")
        twice = FORM.removesuffix(b"--cut--\r\n") + FORM
        other, ahead = FORM.replace(b"--cut", b"--cot"), b"See below.\r\n" + FORM
        for body in (twice, FORM[:-6], other, ahead, ahead + bytes(3 << 20)):
            kind = {"content-type": "multipart/form-data; boundary=cut"}
            heard = await yard.call("/openai/v1/audio/transcriptions", body, headers=kind)
            assert heard.status == 400
        assert not openai.requests

    @pytest.mark.parametrize("what", ODD)
    async def test_unified_paths_take_no_odd_bodies(self, yard: Yard, what: str) -> None:
        openai = yard.provider("openai")
        body, kind = an_odd_body(what)
        assert (await yard.call("/v1/chat/completions", body, headers=kind)).status == 400
        assert not openai.requests

    async def test_paths_that_lead_past_us_stay_closed(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        body, kind = an_odd_body("bytes")
        for path in ("/openai/v1/organization/users", "/openai/v1/realtime/client_secrets"):
            assert (await yard.call(path, body, headers=kind)).status == 403
        assert not openai.requests


class TestWhereSomebodyReads:
    @pytest.mark.parametrize("what", ODD)
    @pytest.mark.parametrize("module", [Reads, Waits])
    async def test_odd_bodies_are_refused_where_a_module_reads(
        self, yard: Yard, module: type[Any], what: str
    ) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        yard.add(module)
        body, kind = an_odd_body(what)
        heard = await yard.call(CHAT, body, headers=kind)
        assert heard.status == 400
        assert heard.error is not None
        assert heard.error["code"] == "json_invalid"
        assert not openai.requests

    @pytest.mark.parametrize("what", ODD)
    @pytest.mark.parametrize(
        ("name", "config"),
        [
            ("secretscan", {}),
            ("secretscan", {"prompts": "off", "answers": "off"}),
            ("promptguard", {}),
            ("promptguard", {"mode": "note", "answers": "off"}),
            ("modelalias", {"aliases": [{"alias": "*", "model": "gpt-5"}]}),
            ("ratelimit", {"limits": [{"by": "global", "tokens": 10, "per_seconds": 60}]}),
        ],
        ids=str,
    )
    async def test_no_module_is_bypassed_by_an_odd_body(
        self, yard: Yard, name: str, config: dict[str, Any], what: str
    ) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        yard.enable(name, **config)
        body, kind = an_odd_body(what)
        assert (await yard.call(CHAT, body, headers=kind)).status == 400
        assert not openai.requests

    async def test_limits_of_models_hold_for_who_names_none(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, ANSWER)
        row = {"by": "global", "calls": 1, "per_seconds": 60, "models": ["gpt-5*"]}
        yard.enable("ratelimit", limits=[{**row, "kinds": ["chat"]}])
        body, kind = an_odd_body("bytes")
        assert (await yard.call(CHAT, body, headers=kind)).status == 200
        assert (await yard.call(CHAT, body, headers=kind)).status == 429
        assert len(openai.requests) == 1


class TestWhatNobodyCanRead:
    """Paths without a format, files and sessions, while a module has to look at what is sent."""

    PATHS = ("/openai/v1/some/where", "/v1/files", "/openai/v1/files", "/cohere/v1/chat")

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("name", ["secretscan", "promptguard"])
    async def test_a_body_that_nobody_can_read_is_kept_away(
        self, yard: Yard, name: str, path: str
    ) -> None:
        providers = [yard.provider("openai"), yard.provider("cohere")]
        yard.enable(name)
        kind = {"content-type": "multipart/form-data; boundary=cut"}
        heard = await yard.call(path, FORM, headers=kind)
        assert heard.status == 403
        assert heard.error is not None
        assert heard.error["code"] == "kind_not_allowed"
        assert heard.error["stockyard"]["module"] == name
        assert name in heard.error["message"]
        assert not any(provider.requests for provider in providers)

    async def test_bodies_of_formats_that_are_not_read_here_are_kept_away(self, yard: Yard) -> None:
        bedrock = yard.provider("bedrock")
        yard.enable("promptguard")
        body = b'{"inputText":"I am jane@example.com"}'
        heard = await yard.call("/bedrock/model/amazon.titan-text-lite-v1/invoke", body)
        assert heard.status == 403
        assert not bedrock.requests

    async def test_sessions_are_kept_away(self, yard: Yard) -> None:
        yard.provider("openai")
        yard.enable("secretscan")
        fields = {
            "upgrade": "websocket",
            "connection": "upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        heard = await yard.get("/v1/realtime?model=gpt-realtime", headers=fields)
        assert heard.status == 403
        assert heard.error is not None
        assert heard.error["code"] == "kind_not_allowed"

    @pytest.mark.parametrize(
        ("name", "config"),
        [
            ("secretscan", {"prompts": "note", "answers": "off", "own": False}),
            ("promptguard", {"mode": "note", "answers": "note", "injection": "note"}),
        ],
        ids=str,
    )
    async def test_a_module_that_only_notes_keeps_nothing_away(
        self, yard: Yard, name: str, config: dict[str, Any]
    ) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"{}")
        yard.enable(name, **config)
        assert (await yard.call("/openai/v1/some/where", b"{}")).status == 200
        assert len(openai.requests) == 1

    async def test_a_call_without_a_body_passes(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"{}")
        yard.enable("secretscan")
        assert (await yard.get("/openai/v1/some/where")).status == 200
        assert (await yard.call("/openai/v1/some/where/begin")).status == 200
        assert len(openai.requests) == 2

    async def test_an_operator_may_let_unread_bodies_pass(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, b"{}")
        yard.enable("secretscan")
        yard.set("auth.allow_unread", True)
        assert (await yard.call("/openai/v1/some/where", b"{}")).status == 200
        # Where it can be read it still is, so what cannot be is refused.
        assert (await yard.call(CHAT, b'{"model":"m",}')).status == 400
        assert len(openai.requests) == 1
