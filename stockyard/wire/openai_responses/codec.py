"""Responses, the format of typed items that command-line agents speak."""

import msgspec

from stockyard.core.messages import Image
from stockyard.core.request import Request
from stockyard.core.response import Output, Response
from stockyard.wire.codec import Addressee, Dropped, Facts, Fault, Pen, RequestHead, Traits
from stockyard.wire.expressible import Expressible
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_chat.breakpoints import with_breakpoints
from stockyard.wire.openai_chat.codec import TOOL_NAMES
from stockyard.wire.openai_chat.shared import with_shared
from stockyard.wire.openai_responses import errors, request, response
from stockyard.wire.openai_responses.look import ResponsesLook
from stockyard.wire.openai_responses.parts import FORMAT
from stockyard.wire.openai_responses.stream import ResponsesReader
from stockyard.wire.openai_responses.writer import ResponsesWriter
from stockyard.wire.renaming import RenamingCodec


class _Head(msgspec.Struct, gc=False):
    model: str | msgspec.UnsetType | None = msgspec.UNSET
    """May be named by a stored prompt instead; the gateway refuses a call that names no model."""
    input: str | list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    """Absent is fine: an earlier answer or a stored prompt can stand for it."""
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    max_output_tokens: int | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "input", "stream", "max_output_tokens")


class ResponsesCodec(RenamingCodec):
    name = "openai.responses"
    tool_names = TOOL_NAMES
    says = Expressible(
        cites=lambda citation: bool(response.annotations((citation,))),
        parts=(Image,),
        logprobs=True,
        blocks=FORMAT,
    )

    read_request = staticmethod(request.decode_request)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        # Usage is part of every stream of this format.
        limit = None if head.max_output_tokens is msgspec.UNSET else head.max_output_tokens
        return RequestHead(
            head.model or "", head.stream is True, wants_usage=True, max_output=limit
        )

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        request_ = self.fitted(request_)
        request_ = with_shared(request_, FORMAT, to.traits)
        marked = with_breakpoints(request_, to.traits, FORMAT, spoken=False)
        return request.encode_request(marked)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return self.named_back(response.decode_response(body))

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        return response.encode_response(response_, pen)

    def reader(self, *, traits: Traits) -> ResponsesReader:
        return ResponsesReader(traits=traits, names=self._names)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> ResponsesLook:
        return ResponsesLook(traits=traits, native=native)

    def writer(self, pen: Pen) -> ResponsesWriter:
        return ResponsesWriter(pen)

    def failed_after(self, fault: Fault, first: bytes, last: bytes) -> bytes:
        return errors.failed_after(fault, first, last)
