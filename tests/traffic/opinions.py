"""Our translations beside those of another converter, on the cases it was tested with.

Both are read again by the codec of the format they are in, so that what is compared is what they
mean and not how they spell it. The other converter's word is no truth: where the two differ,
`reasons.toml` says why ours is right.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.providers import catalog, quirks
from stockyard.wire import eventstream
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.formats import FORMATS
from tests.traffic.differences import ALL, Difference, Reasons, differences
from tests.traffic.told import told
from tests.traffic.verdict import NONE, SAME, Verdict, different, failed

FORMATS_OF_SIDES = {
    "chat-completions": ("openai", "openai.chat"),
    "responses": ("openai", "openai.responses"),
    "anthropic": ("anthropic", "anthropic.messages"),
    "vertex-anthropic": ("anthropic", "anthropic.messages"),
    "google": ("gemini", "gemini"),
    "bedrock": ("bedrock", "bedrock.converse"),
    "baseten": ("baseten", "openai.chat"),
}
"""Sides of a translation, as the other converter names them -> provider and format."""

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Opinion:
    """What became of one case."""

    request: Verdict = NONE
    answer: Verdict = NONE
    stream: Verdict = NONE


class Comparison:
    def __init__(self, reasons: Reasons) -> None:
        self._reasons = reasons
        self._catalog = catalog.load()

    def opinion(self, case: Case) -> Opinion:
        ours = FORMATS.get(FORMATS_OF_SIDES[case["from"]][1])
        theirs = FORMATS.get(FORMATS_OF_SIDES[case["to"]][1])
        if ours is None or theirs is None:
            return Opinion()
        return Opinion(
            self._judged(case, "request", self._request(case, ours, theirs)),
            self._judged(case, "answer", _answer(case, ours, theirs)),
            self._judged(case, "stream", _stream(case, ours, theirs)),
        )

    def _judged(self, case: Case, side: str, found: Iterator[Difference] | None) -> Verdict:
        if found is None:
            return NONE
        because = []
        for difference in found:
            reason = self._reasons.of(
                difference, f"their {side}", f"{case['from']} -> {case['to']}", case["case"]
            )
            if reason is None:
                return failed(str(difference))
            because.append(reason)
        return different("; ".join(sorted(set(because)))) if because else SAME

    def _request(self, case: Case, ours: Codec, theirs: Codec) -> Iterator[Difference] | None:
        reference = case["reference_request"]
        if reference is None:
            return None
        return self._request_differences(case, ours, theirs, reference)

    def _request_differences(
        self, case: Case, ours: Codec, theirs: Codec, reference: Mapping[str, Any]
    ) -> Iterator[Difference]:
        model = reference.get("model") or reference.get("modelId") or "a-model"
        try:
            content = ours.decode_request(_bytes(case["request"]))
        except Refused as refusal:
            yield Difference(ALL, "changed", "translated", f"refused: {refusal.message}")
            return
        if content.tie is not None:
            yield Difference(ALL, "changed", "translated", f"refused: {content.tie.code}")
            return
        provider = self._catalog.get(FORMATS_OF_SIDES[case["to"]][0])
        assert provider is not None
        written = theirs.encode_request(
            Request(model=model, content=content),
            features=provider.features | provider.traits_of(model),
            traits=provider.traits | provider.traits_of(model),
        )
        body = quirks.apply(provider, model, theirs.name, written.body).body
        yield from differences(
            _plain(theirs.decode_request(_bytes(reference))), _plain(theirs.decode_request(body))
        )


def _answer(case: Case, ours: Codec, theirs: Codec) -> Iterator[Difference] | None:
    if case["response"] is None or case["reference_response"] is None:
        return None
    return _answer_differences(case, ours, theirs)


def _answer_differences(case: Case, ours: Codec, theirs: Codec) -> Iterator[Difference]:
    body, none = _bytes(case["response"]), frozenset[str]()
    try:
        output = theirs.decode_response(body, traits=none)
        response = Response(output, usage=theirs.facts(body, traits=none).usage)
    except UpstreamError as error:
        yield Difference(ALL, "changed", "an answer", f"an error: {error.kind}")
        return
    again = ours.encode_response(response, _PEN)
    reference = _bytes(case["reference_response"])
    yield from differences(_meant(ours, reference), _meant(ours, again))


def _stream(case: Case, ours: Codec, theirs: Codec) -> Iterator[Difference] | None:
    if case["streaming"] is None or case["reference_stream"] is None:
        return None
    return _stream_differences(case, ours, theirs)


def _stream_differences(case: Case, ours: Codec, theirs: Codec) -> Iterator[Difference]:
    reader, writer = theirs.reader(traits=frozenset()), ours.writer(_PEN)
    try:
        events = reader.feed(_framed(case["streaming"], theirs.name)) + reader.end()
    except UpstreamError as error:
        yield Difference(ALL, "changed", "a stream", f"an error: {error.kind}")
        return
    written = writer.write(events) + writer.end()
    yield from differences(
        told(case["reference_stream"].encode(), ours.name), told(written, ours.name), "said"
    )


def _framed(chunks: Sequence[Mapping[str, Any]], format_name: str) -> bytes:
    """Chunks as their SDK gave them, as the bytes they came from."""
    if format_name == "bedrock.converse":
        pairs = [(name, said) for chunk in chunks for name, said in chunk.items()]
        return b"".join(eventstream.event(name, _bytes(said)) for name, said in pairs)
    out = []
    for chunk in chunks:
        name = f"event: {chunk.get('type')}\n" if format_name == "anthropic.messages" else ""
        out.append(f"{name}data: {json.dumps(chunk)}\n\n".encode())
    end = b"data: [DONE]\n\n" if format_name == "openai.chat" else b""
    return b"".join(out) + end


def _meant(codec: Codec, body: bytes) -> Any:
    none = frozenset[str]()
    output = codec.decode_response(body, traits=none)
    usage = codec.facts(body, traits=none).usage
    counts = None if usage is None else {"prompt": usage.prompt, "completion": usage.completion}
    # The other converter makes up ids and times, and so do we.
    return {"usage": counts, **_plain(replace(output, id="", model="", created=0))}


_SPELLINGS = frozenset({"shape", "$layout", "native_finish", "native_finish_reason", "made_by"})
"""What a codec notes so that it can write the same bytes again: no part of the meaning."""


def _plain(value: Any) -> Any:
    return _without_spellings(json.loads(msgspec.json.encode(value)))


def _without_spellings(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_spellings(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {k: _without_spellings(v) for k, v in value.items() if k not in _SPELLINGS}
    return {k: v for k, v in kept.items() if v != {}}


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


_PEN = Pen(id="x", model="m", created=1, wants_usage=True)
