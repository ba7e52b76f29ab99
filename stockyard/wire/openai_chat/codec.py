"""Chat Completions, the format most clients and providers speak."""

from collections.abc import Callable
from typing import Any

import msgspec

from stockyard.core.messages import Audio, Image
from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire import splice
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.expressible import Expressible, everything
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_chat import errors, request, response
from stockyard.wire.openai_chat.breakpoints import with_breakpoints
from stockyard.wire.openai_chat.look import ChatLook
from stockyard.wire.openai_chat.plain import plain_for
from stockyard.wire.openai_chat.shared import with_shared
from stockyard.wire.openai_chat.stream import ChatReader
from stockyard.wire.openai_chat.writer import ChatWriter
from stockyard.wire.renaming import RenamingCodec
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.strict import check_head
from stockyard.wire.tool_names import ToolNames


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Head(msgspec.Struct, gc=False):
    messages: list[msgspec.Raw]
    model: str | msgspec.UnsetType | None = msgspec.UNSET
    """May be named by the path instead; the gateway refuses a call that names no model."""
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    stream_options: _StreamOptions | msgspec.UnsetType | None = msgspec.UNSET
    max_tokens: int | msgspec.UnsetType | None = msgspec.UNSET
    max_completion_tokens: int | msgspec.UnsetType | None = msgspec.UNSET
    store: Any = None


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted(
    "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"
)
_OPTION_KEYS = (b'"include_usage"',)
TOOL_NAMES = ToolNames("a-zA-Z0-9_-")
"""Those that this format takes, and that of Responses."""


class ChatCodec(RenamingCodec):
    name = "openai.chat"
    tool_names = TOOL_NAMES
    terminator = DONE_EVENT
    says = Expressible(cites=everything, parts=(Image, Audio), logprobs=True)

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        wants_usage = False
        if isinstance(head.stream_options, _StreamOptions):
            check_head(body, _OPTION_KEYS)
            wants_usage = head.stream_options.include_usage is True
        limit = head.max_completion_tokens
        if limit is None or limit is msgspec.UNSET:
            limit = None if head.max_tokens is msgspec.UNSET else head.max_tokens
        makes = bool(head.store)
        return RequestHead(head.model or "", head.stream is True, wants_usage, limit, makes)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        request_ = self.fitted(request_)
        request_ = with_shared(request_, self.name, to.traits)
        marked = with_breakpoints(request_, to.traits, self.name, spoken=True)
        return request.encode_request(marked, features=to.features, traits=to.traits)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        if model is not None:
            body = splice.replace_text(body, "model", model)
        return splice.ask_for_usage(body) if include_usage else body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return self.named_back(response.decode_response(body, traits=traits))

    def reader(self, *, traits: Traits) -> ChatReader:
        return ChatReader(traits=traits, names=self._names)

    def plain(self, traits: Traits) -> Callable[[bytes], bytes] | None:
        return plain_for(traits)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> ChatLook:
        return ChatLook(traits=traits, keep_usage=keep_usage, native=native)

    def writer(self, pen: Pen) -> ChatWriter:
        return ChatWriter(pen)
