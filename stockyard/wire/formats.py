"""All wire formats, by name."""

from collections.abc import Mapping

from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.bedrock_converse.codec import ConverseCodec
from stockyard.wire.bedrock_invoke.codec import InvokeCodec
from stockyard.wire.codec import Codec
from stockyard.wire.cohere_chat.codec import CohereCodec
from stockyard.wire.gemini.codec import GeminiArrayCodec, GeminiCodec
from stockyard.wire.ollama_chat.codec import OllamaCodec
from stockyard.wire.ollama_generate.codec import GenerateCodec
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_completions.codec import CompletionsCodec
from stockyard.wire.openai_embeddings.codec import EmbeddingsCodec
from stockyard.wire.openai_images.codec import ImagesCodec
from stockyard.wire.openai_responses.codec import ResponsesCodec
from stockyard.wire.openai_speech.codec import SpeechCodec
from stockyard.wire.openai_transcriptions.codec import TranscriptionsCodec

_CODECS: tuple[Codec, ...] = (
    ChatCodec(),
    ResponsesCodec(),
    CompletionsCodec(),
    MessagesCodec(),
    GeminiCodec(),
    GeminiArrayCodec(),
    ConverseCodec(),
    InvokeCodec(),
    CohereCodec(),
    OllamaCodec(),
    GenerateCodec(),
    EmbeddingsCodec(),
    SpeechCodec(),
    TranscriptionsCodec(),
    ImagesCodec(),
)

FORMATS: Mapping[str, Codec] = {codec.name: codec for codec in _CODECS}
