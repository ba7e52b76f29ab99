"""A plain prompt in Ollama's words; what comes back differs from its chat in one place only."""

from stockyard.core.request import Content, Request
from stockyard.wire.codec import Dropped, Traits
from stockyard.wire.ollama_chat.codec import OllamaCodec
from stockyard.wire.ollama_chat.places import BESIDE
from stockyard.wire.ollama_generate import request


class GenerateCodec(OllamaCodec):
    name = BESIDE.format
    _place = BESIDE

    def _decode_request(self, body: bytes) -> Content:
        return request.decode_request(body)

    def encode_request(
        self,
        request_: Request,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        return request.encode_request(request_)
