"""The codecs that are imported only when one is needed; see `formats.py`."""

from stockyard.wire.bedrock_converse.codec import ConverseCodec
from stockyard.wire.bedrock_converse.counting import BedrockCountCodec
from stockyard.wire.bedrock_embed.codec import BedrockEmbedCodec
from stockyard.wire.bedrock_invoke.codec import InvokeCodec
from stockyard.wire.codec import Codec
from stockyard.wire.cohere_chat.codec import CohereCodec
from stockyard.wire.cohere_embed.codec import CohereEmbedCodec
from stockyard.wire.cohere_rerank import words as rerank_words
from stockyard.wire.cohere_rerank.codec import RerankCodec
from stockyard.wire.counting import GeminiCountCodec, MessagesCountCodec, ResponsesCountCodec
from stockyard.wire.gemini.codec import GeminiArrayCodec, GeminiCodec
from stockyard.wire.gemini_embed.codec import GeminiEmbedCodec, GeminiEmbedContentCodec
from stockyard.wire.mistral_speech.codec import MistralSpeechCodec
from stockyard.wire.nvidia_ranking.codec import RankingCodec
from stockyard.wire.ollama_chat.codec import OllamaCodec
from stockyard.wire.ollama_embed.codec import OllamaEmbedCodec
from stockyard.wire.ollama_generate.codec import GenerateCodec
from stockyard.wire.openai_completions.codec import CompletionsCodec
from stockyard.wire.openai_embeddings import words
from stockyard.wire.openai_embeddings.codec import EmbeddingsCodec
from stockyard.wire.openai_images.codec import ImagesCodec
from stockyard.wire.openai_moderations.codec import ModerationsCodec
from stockyard.wire.openai_responses.codec import ResponsesCodec
from stockyard.wire.openai_responses.compaction import CompactCodec
from stockyard.wire.openai_speech.codec import SpeechCodec
from stockyard.wire.openai_transcriptions.codec import TranscriptionsCodec
from stockyard.wire.tei_embed.codec import TeiEmbedCodec
from stockyard.wire.tei_rerank.codec import TeiRerankCodec
from stockyard.wire.vertex_predict.codec import VertexPredictCodec
from stockyard.wire.watsonx_embed.codec import WatsonxEmbedCodec
from stockyard.wire.watsonx_rerank.codec import WatsonxRerankCodec
from stockyard.wire.xai_image_edits.codec import XaiImageEditsCodec

CODECS: tuple[Codec, ...] = (
    ResponsesCodec(),
    CompactCodec(),
    CompletionsCodec(),
    GeminiCodec(),
    GeminiArrayCodec(),
    CohereCodec(),
    OllamaCodec(),
    GenerateCodec(),
    ConverseCodec(),
    InvokeCodec(),
    MessagesCountCodec(),
    ResponsesCountCodec(),
    GeminiCountCodec(),
    BedrockCountCodec(),
    EmbeddingsCodec(),
    EmbeddingsCodec(words.VOYAGE),
    EmbeddingsCodec(words.JINA),
    EmbeddingsCodec(words.PERPLEXITY),
    CohereEmbedCodec(),
    GeminiEmbedCodec(),
    GeminiEmbedContentCodec(),
    VertexPredictCodec(),
    BedrockEmbedCodec(),
    OllamaEmbedCodec(),
    TeiEmbedCodec(),
    WatsonxEmbedCodec(),
    RerankCodec(),
    RerankCodec(rerank_words.JINA),
    RerankCodec(rerank_words.VOYAGE),
    TeiRerankCodec(),
    RankingCodec(),
    WatsonxRerankCodec(),
    ModerationsCodec(),
    SpeechCodec(),
    MistralSpeechCodec(),
    TranscriptionsCodec(),
    ImagesCodec(),
    XaiImageEditsCodec(),
)
