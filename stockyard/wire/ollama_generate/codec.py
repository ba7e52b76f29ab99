"""A plain prompt in Ollama's words; what comes back differs from its chat in one place only."""

from stockyard.core.request import Request
from stockyard.wire.codec import Addressee, Dropped
from stockyard.wire.expressible import Expressible
from stockyard.wire.ollama_chat.codec import OllamaCodec
from stockyard.wire.ollama_chat.places import BESIDE
from stockyard.wire.ollama_generate import request


class GenerateCodec(OllamaCodec):
    name = BESIDE.format
    _place = BESIDE
    says = Expressible(logprobs=True)

    read_request = staticmethod(request.decode_request)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)
