"""Bytes that nobody changed pass as they came, both ways; what must change changes alone."""

import msgspec
import pytest

from stockyard.testing import cut_every, cut_randomly
from stockyard.testing.yard import CHAT, MESSAGES, Yard

ODD_REQUEST = (
    b'{ "temperature" :1.0e0,\n\t"model"  :  "gpt-4o", "x_new_field":{"b":1,"a":[ 1.50 ]},'
    b'"messages":[{"role":"user","content":"h\\u00e9\\/ \\ud83d\\ude00", "odd":null}] ,"seed": 1E2}'
)
ODD_ANSWER = (
    b'{"choices" : [ {"index":0,"x":{"b":1,"a":2},"message":{"role":"assistant",'
    b'"content":"h\\u00e9\\/"},"finish_reason":"stop"}],  "id":"c1","object":"chat.completion",'
    b'"created":1.0,"model":"gpt-4o-2024","usage":{"prompt_tokens":3,"completion_tokens":2,'
    b'"total_tokens":5,"x_future":[1.50]},"system_fingerprint":null}\n'
)
ODD_STREAM = (
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":""}}],"obfuscation":"xYz"}\n\n'
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":'
    b'[{"index":0,"delta":{"content":"\\ud83d"},"x":1.50}]}\n\n'
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":'
    b'[{"index":0,"delta":{"content":"\\ude00 \xe2\x80\xa8 \xc3\xa9"}}]}\n\n'
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    b"data: [DONE]\n\n"
)
USAGE_CHUNK = ODD_STREAM.split(b"\n\n")[-3] + b"\n\n"
ODD_MESSAGES = (
    b'{"model":"claude-x","max_tokens" : 10, "messages":[ {"role":"user","content":"hi"}],"x":1.50}'
)
MESSAGES_STREAM = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":'
    b'{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: ping\ndata: {"type": "ping"}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"h\\u00e9"},"x_new":{"a" : 1}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":2}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def asking(body: bytes, **fields: object) -> bytes:
    """These bytes, with further fields at their end."""
    more = b"".join(
        b',"%b":%b' % (name.encode(), msgspec.json.encode(value)) for name, value in fields.items()
    )
    return body[: body.rindex(b"}")] + more + b"}"


class TestRequests:
    async def test_an_untouched_request_is_sent_as_it_came(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        assert (await yard.call(CHAT, ODD_REQUEST)).status == 200
        assert openai.last.body == ODD_REQUEST

    async def test_an_untouched_request_of_messages_is_sent_as_it_came(self, yard: Yard) -> None:
        anthropic = yard.provider("anthropic").says("hello")
        assert (await yard.call(MESSAGES, ODD_MESSAGES)).status == 200
        assert anthropic.last.body == ODD_MESSAGES

    async def test_a_prefix_is_taken_from_the_model_and_nothing_else(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        prefixed = ODD_REQUEST.replace(b'"gpt-4o"', b'"openai/gpt-4o"')
        assert (await yard.call(CHAT, prefixed)).status == 200
        assert openai.last.body == ODD_REQUEST

    @pytest.mark.parametrize("text", [r"\"model\"", r"\"model\":\"gpt-4o\"", "openai/gpt-4o"])
    async def test_words_of_the_user_are_never_taken_for_the_model(
        self, yard: Yard, text: str
    ) -> None:
        openai = yard.provider("openai").says("hello")
        body = b'{"messages":[{"role":"user","content":"%b" }],"model":"openai/gpt-4o"}' % (
            text.encode()
        )
        assert (await yard.call(CHAT, body)).status == 200
        assert openai.last.body == body.replace(b':"openai/gpt-4o"}', b':"gpt-4o"}')

    async def test_an_alias_of_a_module_is_replaced_where_it_stands(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        yard.enable("modelalias", aliases=[{"alias": "smart", "model": "gpt-4o"}])
        answer = await yard.call(CHAT, ODD_REQUEST.replace(b"gpt-4o", b"smart"))
        assert answer.status == 200
        assert openai.last.body == ODD_REQUEST
        assert answer.headers["x-stockyard-alias"] == "smart"

    async def test_an_alias_of_the_config_file_is_replaced_where_it_stands(
        self, yard: Yard
    ) -> None:
        openai = yard.provider("openai").says("hello")
        yard.set("aliases.smart", "openai/gpt-4o")
        answer = await yard.call(CHAT, ODD_REQUEST.replace(b"gpt-4o", b"smart"))
        assert answer.status == 200
        assert openai.last.body == ODD_REQUEST

    async def test_a_module_switched_off_again_leaves_no_trace(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        yard.enable("modelalias", aliases=[{"alias": "gpt-4o", "model": "gpt-4.1"}])
        await yard.call(CHAT, ODD_REQUEST)
        assert openai.last.fields["model"] == "gpt-4.1"
        yard.disable("modelalias")
        await yard.call(CHAT, ODD_REQUEST)
        assert openai.last.body == ODD_REQUEST

    async def test_usage_is_asked_for_in_streams_and_nothing_else_changes(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        body = asking(ODD_REQUEST, stream=True)
        await yard.call(CHAT, body)
        assert openai.last.body.replace(b'"stream_options":{"include_usage":true},', b"") == body

    async def test_a_client_that_asks_for_usage_itself_is_not_corrected(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        body = asking(ODD_REQUEST, stream=True, stream_options={"include_usage": True})
        await yard.call(CHAT, body)
        assert openai.last.body == body

    async def test_a_large_request_arrives_whole(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        body = asking(ODD_REQUEST, user="x" * 3_000_000)
        assert (await yard.call(CHAT, body)).status == 200
        assert openai.last.body == body


class TestAnswers:
    async def test_an_untouched_answer_is_sent_as_it_came(self, yard: Yard) -> None:
        yard.provider("openai").sends(200, {"content-type": "application/json"}, ODD_ANSWER)
        answer = await yard.chat("hi", model="gpt-4o")
        assert answer.body == ODD_ANSWER
        assert answer.headers["content-type"] == "application/json"
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 2

    async def test_a_large_answer_arrives_whole(self, yard: Yard) -> None:
        body = ODD_ANSWER.replace(b"h\\u00e9", b"x" * 8_000_000)
        yard.provider("openai").sends(200, {"content-type": "application/json"}, body)
        assert (await yard.chat("hi", model="gpt-4o")).body == body

    async def test_a_compressed_answer_arrives_plain(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        openai.sends(200, {"content-type": "application/json"}, ODD_ANSWER).gzips("always")
        answer = await yard.chat("hi", model="gpt-4o")
        assert answer.body == ODD_ANSWER
        assert "content-encoding" not in answer.headers
        assert openai.last.headers["accept-encoding"] == "identity"

    async def test_s49_headers_of_the_provider_stay_there(self, yard: Yard) -> None:
        headers = {
            "set-cookie": "a=b",
            "openai-organization": "org-1",
            "server": "nginx",
            "x-request-id": "up_1",
            "x-ratelimit-remaining-tokens": "7",
            "connection": "keep-alive",
            "x-odd": "1",
        }
        yard.provider("openai").says("hello").with_headers(headers)
        answer = await yard.chat("hi")
        assert not {"set-cookie", "openai-organization", "server", "x-odd"} & set(answer.headers)
        assert answer.headers["x-request-id"] == yard.last.exchange.id
        assert answer.headers["x-upstream-request-id"] == "up_1"
        assert answer.headers["x-ratelimit-remaining-tokens"] == "7"

    async def test_s49_rate_limits_of_one_dialect_are_told_in_the_words_of_all(
        self, yard: Yard
    ) -> None:
        told = {"anthropic-ratelimit-requests-remaining": "5", "request-id": "req_up"}
        yard.provider("anthropic").says("hello").with_headers(told)
        answer = await yard.messages("hi")
        assert answer.headers["x-ratelimit-remaining-requests"] == "5"
        assert answer.headers["x-upstream-request-id"] == "req_up"


class TestStreams:
    @pytest.mark.parametrize("cuts", [None, cut_every(1), cut_every(7), cut_randomly(3)])
    async def test_s01_s06_events_pass_as_they_came_however_they_are_cut(
        self, yard: Yard, cuts: object
    ) -> None:
        yard.provider("openai").plays(ODD_STREAM, cuts=cuts)  # type: ignore[arg-type]  # the table holds lists and numbers
        yard.enable("responseheaders", stream_totals="off")
        options = {"include_usage": True}
        answer = await yard.stream("hi", model="gpt-4o", stream_options=options)
        assert answer.body == ODD_STREAM
        assert answer.complete

    async def test_s31_padding_is_kept(self, yard: Yard) -> None:
        yard.provider("openai").plays(ODD_STREAM)
        answer = await yard.stream("hi", model="gpt-4o")
        assert b'"obfuscation":"xYz"' in answer.body

    async def test_s22_usage_nobody_asked_for_is_read_and_taken_out(self, yard: Yard) -> None:
        yard.provider("openai").plays(ODD_STREAM)
        yard.enable("responseheaders", stream_totals="off")
        answer = await yard.stream("hi", model="gpt-4o")
        assert answer.body == ODD_STREAM.replace(USAGE_CHUNK, b"")
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (3, 2)

    async def test_s20_a_count_after_the_end_is_still_read(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo").counts_after_the_end()
        answer = await yard.stream("hi")
        assert answer.ended
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 12

    async def test_s20_bytes_after_the_end_go_nowhere(self, yard: Yard) -> None:
        yard.provider("openai").plays(ODD_STREAM + b"data: {}\n\nrubbish\n\n")
        yard.enable("responseheaders", stream_totals="off")
        answer = await yard.stream("hi", model="gpt-4o")
        assert answer.body == ODD_STREAM.replace(USAGE_CHUNK, b"")

    @pytest.mark.parametrize("cuts", [None, cut_every(1), cut_randomly(5)])
    async def test_the_messages_dialect_passes_too(self, yard: Yard, cuts: object) -> None:
        yard.provider("anthropic").plays(MESSAGES_STREAM, cuts=cuts)  # type: ignore[arg-type]  # the table holds lists and numbers
        yard.enable("responseheaders", stream_totals="off")
        answer = await yard.messages("hi", stream=True)
        assert answer.body == MESSAGES_STREAM
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (3, 2)

    async def test_the_totals_are_a_comment_before_the_terminator(self, yard: Yard) -> None:
        yard.provider("openai").plays(ODD_STREAM)
        answer = await yard.stream("hi", model="gpt-4o")
        head, comment, terminator = answer.body.rpartition(b": stockyard ")
        assert head == ODD_STREAM.replace(USAGE_CHUNK, b"").removesuffix(b"data: [DONE]\n\n")
        assert comment
        assert terminator.endswith(b"}\n\ndata: [DONE]\n\n")

    async def test_the_totals_are_a_comment_in_the_messages_dialect_too(self, yard: Yard) -> None:
        yard.provider("anthropic").plays(MESSAGES_STREAM)
        answer = await yard.messages("hi", stream=True)
        assert len(answer.comments) == 1
        assert answer.blocks[-2].startswith(b": stockyard {")
        assert answer.ended

    async def test_s11_a_compressed_stream_arrives_plain_and_in_time(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo")
        openai.gzips("always").stalls_after("first_content")
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
            assert b"hel" in await client.until(b"hel")
            openai.goes_on()
            await client.until(b"[DONE]")
            assert client.reply.header("content-encoding") is None

    async def test_the_head_of_a_stream(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo")
        answer = await yard.stream("hi")
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-length" not in answer.headers

    async def test_s36_head_and_first_event_leave_in_one_write(self, yard: Yard) -> None:
        openai = yard.provider("openai").streams("hel", "lo").stalls_after("first_content")
        async with yard.raw() as client:
            client.ask(CHAT, yard.body("hi", stream=True), headers=yard.headers)
            first = await client.read()
            assert first.startswith(b"HTTP/1.1 200")
            assert b"hel" in first
            openai.goes_on()
            await client.until(b"[DONE]")
