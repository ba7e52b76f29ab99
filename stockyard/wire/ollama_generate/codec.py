"""A plain prompt in Ollama's words; what comes back differs from its chat in one place only."""

from stockyard.wire.ollama_chat.codec import OllamaCodec
from stockyard.wire.ollama_chat.places import BESIDE
from stockyard.wire.ollama_generate import request


class GenerateCodec(OllamaCodec):
    name = BESIDE.format
    _place = BESIDE

    read_request = staticmethod(request.decode_request)
    write_request = staticmethod(request.encode_request)
