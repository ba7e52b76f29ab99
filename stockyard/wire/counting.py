"""Token counting: a chat request in, a number out.

Three formats have an endpoint for it. The request is read and written by the format's chat codec,
keeping only the fields that a counter accepts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.core.counting import CountOutput
from stockyard.core.meaning import AnyContent
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import UpstreamError
from stockyard.wire import strict
from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import (
    Codec,
    Dropped,
    Facts,
    Fault,
    Fields,
    Pen,
    RequestHead,
    StreamLook,
    StreamReader,
    StreamWriter,
    Traits,
    WireError,
)
from stockyard.wire.gemini.codec import GeminiCodec
from stockyard.wire.openai_responses.codec import ResponsesCodec
from stockyard.wire.whole import bad_answer

NOTHING_USED = Usage()
"""Counters are free."""


class CountCodec:
    """A counter beside the chats of `chat`."""

    name: str
    chat: Codec
    number: str
    """Where the answer has its number."""
    takes: frozenset[str]
    """The fields of a chat that a counter takes."""
    stream_type = b"application/json"
    ping = b""
    comments = False
    terminator = b""

    def peek(self, body: bytes) -> RequestHead:
        head = self.chat.peek(self.asked(body))
        return RequestHead(head.model)

    def decode_request(self, body: bytes) -> AnyContent:
        return self.chat.decode_request(self.asked(body))

    def encode_request(
        self,
        request: Request,
        /,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        written = self.chat.encode_request(
            request, features=features, traits=traits, max_output=max_output
        )
        members = msgspec.json.decode(written.body, type=dict[str, msgspec.Raw])
        kept = {name: value for name, value in members.items() if name in self.takes}
        return Dropped(self.question(kept, request.model, traits), written.dropped)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return self.chat.splice_request(body, model=model, include_usage=False)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        self.decode_response(body, traits=traits)
        return Facts(usage=NOTHING_USED)

    def decode_response(self, body: bytes, *, traits: Traits) -> CountOutput:
        try:
            answer = msgspec.json.decode(body, type=dict[str, Any])
        except (ValueError, RecursionError):
            raise bad_answer() from None
        number = answer.get(self.number)
        if type(number) is not int or number < 0:
            raise bad_answer()
        return CountOutput(tokens=number)

    def encode_response(self, response: Response, /, pen: Pen) -> bytes:
        output = response.meaning
        if not isinstance(output, CountOutput):
            raise bad_answer()
        return msgspec.json.encode(self.answer(output))

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return self.chat.decode_error(status, fields, body, traits=traits)

    def encode_error(self, fault: Fault) -> WireError:
        return self.chat.encode_error(fault)

    # What the dialects say each in their own way.

    def asked(self, body: bytes) -> bytes:
        """The chat that a question is about."""
        return body

    def question(
        self, fields: Mapping[str, msgspec.Raw], model: str, traits: Traits = frozenset()
    ) -> bytes:
        """The question about a chat with these fields."""
        return msgspec.json.encode(fields)

    def answer(self, output: CountOutput) -> dict[str, Any]:
        return {self.number: output.tokens}

    # A number does not stream.

    def reader(self, *, traits: Traits) -> StreamReader:
        raise bad_answer()

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> StreamLook:
        raise bad_answer()

    def writer(self, pen: Pen) -> StreamWriter:
        raise bad_answer()

    def failed_stream(self, fault: Fault) -> bytes:
        raise bad_answer()


class MessagesCountCodec(CountCodec):
    """https://docs.anthropic.com/en/api/messages-count-tokens"""

    name = "anthropic.count"
    chat = MessagesCodec()
    number = "input_tokens"
    takes = frozenset(
        {
            *("model", "messages", "system", "tools", "tool_choice", "thinking"),
            *("output_config", "cache_control", "speed"),
            # With their betas only.
            *("mcp_servers", "context_management", "compaction"),
        }
    )


class ResponsesCountCodec(CountCodec):
    """https://platform.openai.com/docs/api-reference/responses/input-tokens"""

    name = "openai.input_tokens"
    chat = ResponsesCodec()
    number = "input_tokens"
    takes = frozenset(
        {
            *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls"),
            *("reasoning", "text", "truncation", "previous_response_id", "conversation"),
            "personality",
        }
    )

    def answer(self, output: CountOutput) -> dict[str, Any]:
        return {"object": "response.input_tokens", "input_tokens": output.tokens}


class _Wrapped(msgspec.Struct):
    generateContentRequest: msgspec.Raw = msgspec.Raw(b"")


_wrapped = msgspec.json.Decoder(_Wrapped).decode


ON_TOP = "count_fields_on_top"
"""Trait of providers that know no `generateContentRequest`: Vertex wants the chat as it is."""


class GeminiCountCodec(CountCodec):
    """https://ai.google.dev/api/tokens#method:-models.counttokens"""

    name = "gemini.count"
    chat = GeminiCodec()
    number = "totalTokens"
    takes = frozenset({"contents", "systemInstruction", "tools", "toolConfig"})

    def asked(self, body: bytes) -> bytes:
        """Clients send contents alone, or a whole request in a field."""
        if b"generateContentRequest" not in body:
            return body
        try:
            inner = _wrapped(body).generateContentRequest
        except (ValueError, RecursionError):
            return body  # the chat's codec says what is wrong with it
        return bytes(inner) or body

    def decode_request(self, body: bytes) -> AnyContent:
        inner = self.asked(body)
        if inner is body:
            return self.chat.decode_request(body)
        chat = strict.parse(inner)
        if isinstance(chat, dict):
            chat.pop("model", None)  # which the path has named
        return self.chat.decode_request(msgspec.json.encode(chat))

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        """The path names the model, and a request in a field does once more."""
        inner = self.asked(body)
        if model is None or inner is body:
            return body
        return self.question(msgspec.json.decode(inner, type=dict[str, msgspec.Raw]), model)

    def question(
        self, fields: Mapping[str, msgspec.Raw], model: str, traits: Traits = frozenset()
    ) -> bytes:
        if ON_TOP in traits:
            kept = {name: value for name, value in fields.items() if name != "toolConfig"}
            return msgspec.json.encode(kept)
        inner = {**fields, "model": f"models/{model}"}
        return msgspec.json.encode({"generateContentRequest": inner})

    def decode_response(self, body: bytes, *, traits: Traits) -> CountOutput:
        output = super().decode_response(body, traits=traits)
        cached = msgspec.json.decode(body, type=dict[str, Any]).get("cachedContentTokenCount")
        return CountOutput(tokens=output.tokens, cached=cached) if type(cached) is int else output

    def answer(self, output: CountOutput) -> dict[str, Any]:
        cached = {"cachedContentTokenCount": output.cached} if output.cached else {}
        return {"totalTokens": output.tokens, **cached}
