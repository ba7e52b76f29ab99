"""Recorded traffic of real providers, read from beside the project.

`ROOT` may be absent: every test that reads it skips then. What the fields of a record mean stands
in the README there.
"""

import base64
import gzip
import json
import pathlib
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

ROOT = pathlib.Path(__file__).parents[3] / "shared" / "traffic"
ABSENT = "no recorded traffic beside the project"

FORMATS_OF_APIS = {
    "mistral.chat": "openai.chat",
    "writer.chat": "openai.chat",
    "gemini.generate": "gemini",
    "gemini.stream": "gemini",
    "vertex.raw_predict": "anthropic.messages",
    "vertex.stream_raw_predict": "anthropic.messages",
    "bedrock.converse_stream": "bedrock.converse",
    "bedrock.invoke_stream": "bedrock.invoke",
    "mistral.embeddings": "openai.embeddings",
    "voyage.embeddings": "voyage.embed",
    "bedrock.embeddings": "bedrock.embed",
    "openai.audio_speech": "openai.speech",
    "openai.audio_transcriptions": "openai.transcriptions",
    "mistral.audio_transcriptions": "openai.transcriptions",
}
"""Recorders tell more kinds apart than we have formats; other names are ours (`wire.md` 1.1)."""

ROWS_OF_RECORDERS = {"zai": "zai-coding", "mock": "mock-server"}
"""What recorders call otherwise than the catalog: z.ai was called at its coding address, and a
mock server of the recorder's is not ours."""

_MODEL_IN_PATH = re.compile(r"/(?:models?|deployments)/([^/:?]+)")


Record = Mapping[str, Any]
"""The fields of one recording."""


def bodies(record: Record, side: str) -> bytes:
    text, encoded = record[f"{side}_body"], record[f"{side}_body_b64"]
    return base64.b64decode(encoded) if encoded is not None else (text or "").encode()


@dataclass(frozen=True)
class Recording:
    """One HTTP interaction with a provider."""

    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def provider(self) -> str:
        return str(self.fields["provider"])

    @property
    def api(self) -> str:
        return str(self.fields["api"])

    @property
    def row(self) -> str:
        """The provider on whose native route this was said."""
        if self.api == "huggingface.textgen":
            return "textgen-server"  # a machine rented from that provider, not its router
        return ROWS_OF_RECORDERS.get(self.provider, self.provider)

    @property
    def format(self) -> str:
        if (self.provider, self.api) == ("perplexity", "openai.embeddings"):
            return "perplexity.embed"  # numbers of eight bits, asked for or not
        return FORMATS_OF_APIS.get(self.api, self.api)

    @property
    def method(self) -> str:
        return str(self.fields["method"])

    @cached_property
    def target(self) -> str:
        """Path and query. Words that the recorder masked have no angle brackets here."""
        url = urlsplit(str(self.fields["url"]).replace("<", "").replace(">", ""))
        # What was recorded without a scheme begins with a masked base URL, not with a path.
        path = url.path if url.scheme else "/" + url.path.partition("/")[2]
        return f"{path}?{url.query}" if url.query else path

    @property
    def model(self) -> str:
        """The model, where the path names it."""
        named = _MODEL_IN_PATH.search(self.target)
        return named[1] if named is not None else ""

    @property
    def status(self) -> int:
        return int(self.fields["status"])

    @property
    def streamed(self) -> bool:
        return self.fields["streamed"] is not None

    @cached_property
    def request(self) -> bytes:
        return self._body("request")

    @cached_property
    def answer(self) -> bytes:
        return self._body("response")

    def header(self, side: str, name: str) -> str | None:
        """The first value of a header field of the `request` or the `response`."""
        found = (v[0] for n, v in self.fields[f"{side}_headers"].items() if n.lower() == name)
        return next(found, None)

    def _body(self, side: str) -> bytes:
        return bodies(self.fields, side)


def recordings() -> Iterator[Recording]:
    """All of them, in the order of the files."""
    for path in sorted(ROOT.glob("*/*.jsonl.gz")):
        if path.parent.name != "lingua":
            yield from map(Recording, _lines(path))


def records_of(apis: Container[str]) -> list[Record]:
    """Those of some of the APIs that recorders tell apart."""
    return [recording.fields for recording in recordings() if recording.api in apis]


def answers(records: Iterable[Record], *, streamed: bool) -> Iterator[tuple[Record, bytes]]:
    """Those that went well, and what the provider sent."""
    for record in records:
        if record["status"] == 200 and bool(record["streamed"]) is streamed:
            yield record, bodies(record, "response")


def collected(name: str) -> Iterator[dict[str, Any]]:
    """`cases`, or `transforms`: what another converter made of them."""
    yield from _lines(ROOT / "lingua" / f"{name}.jsonl.gz")


def _lines(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="ascii") as lines:
        yield from map(json.loads, lines)
