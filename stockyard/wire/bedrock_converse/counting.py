"""Counting the tokens of a chat as clients of Bedrock ask for it: a body of Converse or of Invoke,
wrapped up.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html
"""

from base64 import b64decode
from collections.abc import Mapping

import msgspec

from stockyard.core.meaning import AnyContent
from stockyard.errors import Refused
from stockyard.wire import strict
from stockyard.wire.bedrock_converse.codec import ConverseCodec
from stockyard.wire.bedrock_invoke.codec import InvokeCodec
from stockyard.wire.codec import Codec, RequestHead, Traits
from stockyard.wire.counting import CountCodec


class BedrockCountCodec(CountCodec):
    name = "bedrock.count"
    chat = ConverseCodec()
    invoke = InvokeCodec()
    number = "inputTokens"
    takes = frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"})

    def peek(self, body: bytes) -> RequestHead:
        chat, asked = self._chat_in(body)
        return RequestHead(chat.peek(asked).model)

    def decode_request(self, body: bytes) -> AnyContent:
        chat, asked = self._chat_in(body)
        return chat.decode_request(asked)

    def question(
        self, fields: Mapping[str, msgspec.Raw], model: str, traits: Traits = frozenset()
    ) -> bytes:
        return msgspec.json.encode({"input": {"converse": fields}})

    def _chat_in(self, body: bytes) -> tuple[Codec, bytes]:
        """The body that is asked about, and who reads it."""
        said = strict.parse(body)
        wrapped = said.get("input") if isinstance(said, dict) else None
        match wrapped:
            case {"converse": dict() as chat}:
                return self.chat, msgspec.json.encode(chat)
            case {"invokeModel": {"body": str() as text}}:
                return self.invoke, _decoded(text)
        raise _refused("Send `converse` or `invokeModel`.")


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise _refused("The body is not base64.") from None


def _refused(message: str) -> Refused:
    return Refused(400, "invalid_request", message, param="input")
