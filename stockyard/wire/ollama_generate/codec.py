"""A plain prompt in Ollama's words; what comes back differs from its chat in one place only."""

from stockyard.core.request import Request
from stockyard.wire.codec import Addressee, Dropped
from stockyard.wire.ollama_chat.codec import OllamaCodec
from stockyard.wire.ollama_chat.places import BESIDE
from stockyard.wire.ollama_generate import request
from stockyard.wire.sayable import Sayable


class GenerateCodec(OllamaCodec):
    name = BESIDE.format
    _place = BESIDE
    says = Sayable(logprobs=True)

    read_request = staticmethod(request.decode_request)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)
