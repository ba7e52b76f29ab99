"""What gets in and what does not, in the words of the path that was asked."""

import asyncio

import pytest

from stockyard.testing.yard import CHAT, MESSAGES, Yard
from tests.gateway.endings import assert_in_dialect


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
