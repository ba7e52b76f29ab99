"""All wire formats, by name.

Two of them serve nearly every installation and are imported at the start. The others are imported
together when one is first needed, because that takes as long as the rest of the start.
"""

from collections.abc import Iterator, Mapping

from stockyard.wire.anthropic_messages.codec import MessagesCodec
from stockyard.wire.codec import Codec
from stockyard.wire.openai_chat.codec import ChatCodec

FURTHER = frozenset(
    (
        "openai.responses openai.compact openai.completions openai.input_tokens openai.embeddings"
        " openai.moderations openai.speech openai.transcriptions openai.images"
        " gemini gemini.array gemini.count gemini.embed gemini.embed_content vertex.predict"
        " anthropic.count bedrock.converse bedrock.count bedrock.invoke bedrock.embed"
        " cohere.chat cohere.embed cohere.rerank ollama.chat ollama.generate ollama.embed"
        " voyage.embed voyage.rerank jina.embed jina.rerank tei.embed tei.rerank"
        " perplexity.embed nvidia.ranking mistral.speech xai.image_edits"
        " watsonx.embed watsonx.rerank"
    ).split()
)
"""Names of the formats in `further_formats.py`, known without importing it."""


class Formats(Mapping[str, Codec]):
    def __init__(self) -> None:
        self._codecs: dict[str, Codec] = {
            codec.name: codec for codec in (ChatCodec(), MessagesCodec())
        }
        self._names = (*self._codecs, *sorted(FURTHER))

    def load(self) -> None:
        """Import the further formats. May be called in a thread."""
        from stockyard.wire.further_formats import CODECS

        self._codecs = {**self._codecs, **{codec.name: codec for codec in CODECS}}

    def __getitem__(self, name: str) -> Codec:
        codec = self._codecs.get(name)
        if codec is None:
            if name not in FURTHER:
                raise KeyError(name)
            self.load()
            codec = self._codecs[name]
        return codec

    def __contains__(self, name: object) -> bool:
        return name in self._codecs or name in FURTHER

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


FORMATS = Formats()
