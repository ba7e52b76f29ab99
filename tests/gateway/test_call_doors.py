"""Who gets in and who does not, in the words of the path that was asked."""

import asyncio
from collections.abc import Mapping

import pytest

from stockyard.apps.teams.keys import now_ms
from stockyard.testing.yard import CHAT, MESSAGES, Yard

UNKNOWN_KEY = "sk-sy-" + "x" * 40
UNKNOWN_ADMIN = "sya-" + "x" * 49
HAS_NO_KEY: list[Mapping[str, str]] = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer "},
    {"authorization": f"Bearer {UNKNOWN_KEY}"},
    {"authorization": "Basic abc"},
    {"authorization": "Basic abc", "x-api-key": UNKNOWN_KEY},
    {"authorization": "Bearer nonsense", "x-api-key": "$KEY"},
    {"x-api-key": UNKNOWN_KEY},
    {"authorization": "Bearer nonsense"},
    {"x-stockyard-key": "nonsense", "authorization": "Bearer $KEY"},
    {"authorization": "Bearer sk-proj-a b"},
]


def with_key(yard: Yard, headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value.replace("$KEY", yard.key) for name, value in headers.items()}


class TestKeys:
    @pytest.mark.parametrize(
        "headers",
        [
            {"authorization": "Bearer $KEY"},
            {"authorization": "bearer  $KEY"},
            {"x-api-key": "$KEY"},
            {"api-key": "$KEY"},
            {"x-goog-api-key": "$KEY"},
            {"x-stockyard-key": "$KEY"},
            {"x-stockyard-key": "$KEY", "authorization": "Bearer sk-ant-somebody"},
            {"authorization": "Bearer $KEY", "x-api-key": "sk-ant-somebody"},
            {"authorization": "Basic abc", "x-api-key": "$KEY"},
            {"authorization": "", "api-key": "$KEY"},
        ],
    )
    async def test_a_key_may_be_shown_in_many_ways(
        self, yard: Yard, headers: Mapping[str, str]
    ) -> None:
        openai = yard.provider("openai").says("hello")
        await yard.open()
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi"), headers=with_key(yard, headers))
            assert (await client.answer()).status == 200
        assert openai.last.headers["authorization"] == "Bearer secret-of-openai"
        assert yard.key not in str(openai.last.raw_headers)
        assert yard.last.exchange.caller.key_name == "first-key"

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    @pytest.mark.parametrize("headers", HAS_NO_KEY)
    async def test_a_call_without_a_key_is_a_401(
        self, yard: Yard, path: str, headers: Mapping[str, str]
    ) -> None:
        openai = yard.provider("openai").says("never")
        await yard.open()
        async with yard.raw() as client:
            client.ask(path, yard.body("hi"), headers=with_key(yard, headers))
            reply = await client.answer()
        assert reply.status == 401
        assert_in_dialect(path, reply.body, "authentication_error", "invalid_api_key")
        assert b"x" * 40 not in reply.body
        assert not openai.requests
        assert not yard.calls

    @pytest.mark.parametrize(
        ("authorization", "hint"),
        [
            ("", "Make one: `stockyard keys create my-app`"),
            ("Bearer ", "(Your bearer was empty.)"),
            ("Basic abc", "does not begin with `Bearer `"),
            ("$KEY", "does not begin with `Bearer `"),
            ('Bearer "$KEY"', "one begins with `sk-sy-`, without quotes"),
            ("Bearer Bearer $KEY", "one begins with `sk-sy-`, without quotes"),
            ("Bearer sya-abc", "This is an admin credential. Calls take a Key (`sk-sy-...`)."),
            ("Bearer undefined", "This is not a Key of this gateway."),
        ],
    )
    async def test_a_refusal_says_what_is_wrong_with_the_key(
        self, yard: Yard, authorization: str, hint: str
    ) -> None:
        await yard.open()
        sent = {"authorization": authorization.replace("$KEY", yard.key)}
        answer = await yard.chat("hi", headers=sent)
        assert answer.status == 401
        assert answer.error is not None
        assert hint in answer.error["message"]
        assert yard.key not in answer.body.decode()

    async def test_two_authorizations_are_taken_for_none(self, yard: Yard) -> None:
        await yard.open()
        line = f"authorization: Bearer {yard.key}\r\n"
        async with yard.raw() as client:
            head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{line}{line}"
            client.send(f"{head}content-length: 2\r\n\r\n{{}}".encode())
            assert (await client.answer()).status == 401

    async def test_a_revoked_key_is_refused_on_a_connection_that_used_it(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi"), headers=yard.headers)
            assert (await client.answer()).status == 200
            keys = yard.stockyard.keys
            await keys.revoke(keys.list()[0].id)
            client.ask(CHAT, yard.body("hi"), headers=yard.headers)
            assert (await client.answer()).status == 401

    async def test_a_key_whose_time_is_over_is_refused_on_a_connection_that_used_it(
        self, yard: Yard
    ) -> None:
        yard.provider("openai").says("hello")
        await yard.open()
        _, secret = await yard.stockyard.keys.create("short", expires_at=now_ms() + 500)
        headers = {"authorization": f"Bearer {secret}"}
        statuses: list[int] = []
        async with yard.raw() as client, asyncio.timeout(10):
            while 401 not in statuses:
                client.ask(CHAT, yard.body("hi"), headers=headers)
                statuses.append((await client.answer()).status)
                await asyncio.sleep(0.1)
        assert statuses[0] == 200

    @pytest.mark.parametrize(
        "path",
        [
            f"{CHAT}?key={UNKNOWN_KEY}",
            f"{CHAT}?a=b&key={UNKNOWN_KEY.replace('-', '%2D')}",
            f"{CHAT}?k%65y={UNKNOWN_KEY}",
            f"/openai/v1/{UNKNOWN_KEY}",
            f"/openai/v1/models/{UNKNOWN_KEY.replace('s', '%73')}",
            f"/v1beta/models/{UNKNOWN_KEY}:generateContent",
            f"/v1beta/models/m:generateContent?k%65y={UNKNOWN_KEY}",
            f"/gemini/v1beta/models/m:generateContent?access_token={UNKNOWN_KEY}",
            f"{CHAT}?token={UNKNOWN_ADMIN}",
            f"/openai/v1/odd?token={UNKNOWN_ADMIN.replace('-', '%2D')}",
        ],
    )
    async def test_a_key_does_not_belong_into_a_url(self, yard: Yard, path: str) -> None:
        openai = yard.provider("openai")
        answer = await yard.call(path, b"{}")
        assert answer.status == 400
        assert "secret_in_url" in answer.body.decode()
        assert UNKNOWN_KEY not in answer.body.decode()
        assert not openai.requests


class TestOwnSecrets:
    async def test_a_callers_own_secret_goes_to_its_provider_and_is_never_kept(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").says("hello")
        own = {"authorization": "Bearer sk-proj-mine"}
        answer = await yard.chat("hi", headers=own)
        assert answer.status == 200
        assert openai.last.headers["authorization"] == "Bearer sk-proj-mine"
        caller = yard.last.exchange.caller
        assert caller.key_id.startswith("own:")
        assert "sk-proj-mine" not in repr(yard.last.exchange)

    async def test_a_callers_own_secret_goes_nowhere_else(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("never")
        own = {"authorization": "Bearer sk-proj-mine"}
        answer = await yard.messages("hi", headers=own)
        assert answer.status in (404, 503)
        assert not anthropic.requests

    async def test_failover_does_not_take_a_callers_own_secret_elsewhere(self, yard: Yard) -> None:
        yard.provider("openai").fails(503)
        anthropic = yard.provider("anthropic").says("never")
        yard.enable("failover", chains=[{"targets": [{"provider": "anthropic"}]}])
        own = {"authorization": "Bearer sk-proj-mine"}
        answer = await yard.chat("hi", headers=own)
        assert answer.status == 503
        assert not anthropic.requests

    @pytest.mark.parametrize(
        ("status", "code"), [(401, "invalid_api_key"), (403, "provider_error")]
    )
    async def test_a_refusal_of_a_callers_own_secret_is_told_as_it_is(
        self, yard: Yard, status: int, code: str
    ) -> None:
        yard.provider("openai").fails(status)
        answer = await yard.chat("hi", headers={"authorization": "Bearer sk-proj-mine"})
        assert answer.status == status
        assert answer.error is not None
        assert answer.error["code"] == code

    async def test_a_callers_own_secret_is_looked_for_in_header_fields_only(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").says("never")
        await yard.open()
        protocol = "realtime, openai-insecure-api-key.sk-proj-mine"
        async with yard.raw() as client:
            client.ask(f"{CHAT}?key=sk-proj-mine", yard.body("hi"))
            assert (await client.answer()).status == 401
            client.ask(CHAT, yard.body("hi"), headers={"sec-websocket-protocol": protocol})
            assert (await client.answer()).status == 401
        assert not openai.requests

    async def test_own_secrets_can_be_switched_off(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("never")
        yard.set("auth.bring_your_own", "off")
        answer = await yard.chat("hi", headers={"authorization": "Bearer sk-proj-mine"})
        assert answer.status == 401
        assert not openai.requests

    async def test_our_own_keys_are_never_taken_for_one(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("never")
        answer = await yard.chat("hi", headers={"authorization": f"Bearer {UNKNOWN_KEY}"})
        assert answer.status == 401
        assert not openai.requests


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        ["/chat/completions", "/v1/v1/chat/completions", "/messages", "/v1/v1/messages"],
    )
    async def test_a_path_may_be_spelled_in_several_ways(self, yard: Yard, path: str) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.call(path, yard.body("hi"))
        assert (answer.status, answer.text) == (200, "hello")

    async def test_a_query_does_not_matter(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.call(f"{MESSAGES}?beta=true", yard.body("hi"))
        assert (answer.status, answer.text) == (200, "hello")

    @pytest.mark.parametrize("path", ["/v1/nothing", "/v1/chat", "/v1/"])
    async def test_an_unknown_path_is_a_404(self, yard: Yard, path: str) -> None:
        answer = await yard.call(path, b"{}")
        assert answer.status == 404
        assert answer.error is not None
        assert answer.headers["x-request-id"]
        assert answer.error["type"] == "invalid_request_error"

    async def test_a_404_is_told_in_the_words_of_the_client(self, yard: Yard) -> None:
        answer = await yard.call("/v1/nothing", b"{}", headers={"anthropic-version": "2023-06-01"})
        assert answer.status == 404
        assert answer.json["type"] == "error"

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    @pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
    async def test_a_wrong_method_is_a_405(self, yard: Yard, path: str, method: str) -> None:
        answer = await yard.get(path, method=method)
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"
        assert f"This path takes POST, not {method}." in answer.body.decode()
        assert_in_dialect(path, answer.body, "invalid_request_error", "method_not_allowed")

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    async def test_a_compressed_body_is_a_415(self, yard: Yard, path: str) -> None:
        answer = await yard.call(path, b"\x1f\x8b", headers={"content-encoding": "gzip"})
        assert answer.status == 415
        assert_in_dialect(path, answer.body, "invalid_request_error", "unsupported_encoding")

    async def test_a_body_that_says_it_is_not_compressed_is_taken(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.chat("hi", headers={"content-encoding": "Identity"})
        assert (answer.status, answer.text) == (200, "hello")

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    async def test_a_body_that_is_too_large_is_a_413(self, yard: Yard, path: str) -> None:
        yard.set("http.max_body", "1KiB")
        answer = await yard.call(path, b" " * 2000)
        assert answer.status == 413
        assert_in_dialect(path, answer.body, "request_too_large", "body_too_large")

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("x-stockyard-tags", "no pairs"),
            ("x-stockyard-cache", "perhaps"),
            ("x-stockyard-explain", "2"),
            ("x-stockyard-provider", "../x"),
        ],
    )
    async def test_a_control_header_that_cannot_be_used_is_a_400(
        self, yard: Yard, header: str, value: str
    ) -> None:
        answer = await yard.chat("hi", headers={header: value})
        assert answer.status == 400
        assert answer.error is not None
        assert answer.error["code"] == "invalid_control_header"
        assert answer.error["param"] == header


class TestModels:
    async def test_models_are_listed_in_the_dialect_of_chats(self, yard: Yard) -> None:
        yard.set("aliases.smart", "mock/echo")
        answer = await yard.get("/v1/models")
        assert answer.status == 200
        assert answer.json["object"] == "list"
        assert {"smart", "mock"} <= {model["id"] for model in answer.json["data"]}
        assert all(model["object"] == "model" for model in answer.json["data"])
        assert all(model["type"] == "model" for model in answer.json["data"])

    async def test_models_are_listed_in_the_dialect_of_messages(self, yard: Yard) -> None:
        answer = await yard.get("/v1/models", headers={"anthropic-version": "2023-06-01"})
        assert answer.json["has_more"] is False
        assert answer.json["data"][0]["type"] == "model"
        assert answer.json["first_id"] == answer.json["data"][0]["id"]

    async def test_aliases_of_a_module_are_listed_unless_hidden(self, yard: Yard) -> None:
        rows = [
            {"alias": "shown", "model": "mock"},
            {"alias": "hidden", "model": "mock", "hidden": True},
        ]
        yard.enable("modelalias", aliases=rows)
        ids = [model["id"] for model in (await yard.get("/v1/models")).json["data"]]
        assert "shown" in ids
        assert "hidden" not in ids

    @pytest.mark.parametrize("headers", [{}, {"anthropic-version": "2023-06-01"}])
    async def test_a_single_model_is_shown(self, yard: Yard, headers: dict[str, str]) -> None:
        yard.provider("openai")
        assert (await yard.get("/v1/models/mock", headers=headers)).json["id"] == "mock"
        for unlisted in ("gpt-99", "openai%2Fanything"):
            found = await yard.get(f"/v1/models/{unlisted}", headers=headers)
            assert found.json["id"] == unlisted.replace("%2F", "/")
        missing = await yard.get("/v1/models/none%2Fsuch", headers=headers)
        assert missing.status == 404
        assert "none/such" in missing.body.decode()
        assert ("type" in missing.json) == bool(headers)

    async def test_head_is_get_without_the_body(self, yard: Yard) -> None:
        get = await yard.get("/v1/models")
        head = await yard.get("/v1/models", method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(get.body))

    async def test_a_list_needs_a_key_too(self, yard: Yard) -> None:
        answer = await yard.get("/v1/models", headers={"authorization": "Bearer nonsense"})
        assert answer.status == 401


class TestOneConnection:
    async def test_calls_that_were_sent_ahead_are_answered_in_order(self, yard: Yard) -> None:
        openai = yard.provider("openai").says(*map(str, range(5)))
        async with yard.raw() as client:
            for n in range(5):
                client.ask(CHAT, yard.body(str(n)), headers=yard.headers)
            for n in range(5):
                await client.until(b'"content":"%d"' % n)
        assert openai.prompts == ["0", "1", "2", "3", "4"]
        assert len(yard.calls) == 5

    async def test_streams_and_refusals_that_were_sent_ahead_are_answered_in_order(
        self, yard: Yard
    ) -> None:
        yard.provider("openai").streams("first").says("third")
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("a", stream=True), headers=yard.headers)
            client.ask(CHAT, yard.body("b", model="nobody-s"), headers=yard.headers)
            client.ask(CHAT, yard.body("c"), headers=yard.headers)
            wire = await client.until(b"third")
        assert wire.index(b"[DONE]") < wire.index(b"model_not_found") < wire.index(b"third")

    async def test_many_connections_at_once(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        answers = await asyncio.gather(*(yard.chat(str(n)) for n in range(50)))
        assert {answer.text for answer in answers} == {"hello"}
        assert len({answer.headers["x-request-id"] for answer in answers}) == 50


def assert_in_dialect(path: str, body: bytes, kind: str, code: str) -> None:
    if path == MESSAGES:
        assert b'{"type":"error","error":{"type":"%b"' % kind.encode() in body
    else:
        assert b'"code":"%b"' % code.encode() in body
        assert body.startswith(b'{"error":{"message":')


async def test_control_headers_that_nobody_obeys_are_noted_and_change_nothing(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    heard = await yard.chat(
        headers={"x-stockyard-region": "eu", "x-stockyard-cach": "off", "x-stockyard-cache": "off"}
    )
    assert heard.text == "hello"
    [finding] = yard.last.exchange.findings
    assert (finding.module, finding.action) == ("ingress", "ignored")
    assert finding.detail == {"headers": ["x-stockyard-region", "x-stockyard-cach"]}


class TestOneReading:
    """A body is the same text to its provider as to us."""

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            (["content-type: audio/pcm", "Content-Type: application/json"], 400),
            (["content-encoding: identity", "Content-Encoding: gzip"], 400),
            (["content-encoding: identity", "content-encoding: identity"], 400),
            (["content-type: application/json; charset=utf-16"], 415),
            (['content-type: application/json; Charset = "ibm037"'], 415),
            (["content-type: application/x-www-form-urlencoded;charset=utf-7"], 415),
            (['content-type: application/json; charset="UTF-8"'], 200),
            (["content-type: text/plain; charset=iso-8859-1"], 200),
            (["content-encoding: Identity"], 200),
        ],
    )
    @pytest.mark.parametrize("path", ["/openai/v1/odd", "/openai/v1/chat/completions"])
    async def test_the_type_and_coding_of_a_body_are_said_once_and_in_our_encoding(
        self, yard: Yard, path: str, fields: list[str], status: int
    ) -> None:
        said = b'{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}'
        openai = yard.provider("openai").sends(200, {"content-type": "application/json"}, said)
        body = b'{"model": "gpt-4o", "messages": []}'
        async with yard.raw() as client:
            key = f"authorization: Bearer {yard.key}"
            lines = [f"POST {path} HTTP/1.1", "host: a", key, *fields]
            lines += [f"content-length: {len(body)}", "", ""]
            client.send("\r\n".join(lines).encode() + body)
            answer = await client.answer()
        assert answer.status == status
        assert bool(openai.requests) is (status == 200)
