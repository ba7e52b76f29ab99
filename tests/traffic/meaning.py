"""What a codec makes of recorded bytes: read and written again in their own format, they mean the
same; and the pieces of a stream fold to what the whole answer would be.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from stockyard.core.events import Event
from stockyard.core.folding import fold, unfold
from stockyard.core.meaning import AnyOutput
from stockyard.core.request import Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.providers import catalog
from stockyard.wire.codec import Codec, NotReadable, Pen, Traits
from stockyard.wire.formats import FORMATS
from tests.traffic.differences import ALL, Difference, Reasons, differences
from tests.traffic.recordings import Recording
from tests.traffic.told import said, told
from tests.traffic.verdict import NONE, SAME, Verdict, different, failed

EVERYTHING: Traits = frozenset(
    {"developer_role", "system_messages", "reasoning", "vision", "tools", "json", "stream"}
)
"""A format written for a provider that can do all the format can."""
STEP = 61
"""Bytes at a time, besides all at once: no divisor of anything that stands in a stream."""


@dataclass(frozen=True)
class Meaning:
    """What became of one recording in its own format."""

    request: Verdict = NONE
    answer: Verdict = NONE
    stream: Verdict = NONE


class Reader:
    """Reads recordings with the codec of their format and what the row says of their provider."""

    def __init__(self, reasons: Reasons) -> None:
        self._reasons = reasons
        self._catalog = catalog.load()

    def meaning(self, recording: Recording) -> Meaning:
        codec = FORMATS.get(recording.format)
        if codec is None or recording.method != "POST" or _unread(recording, codec):
            return Meaning()
        traits = self._traits(recording)
        request = NONE  # not every recorder keeps the body
        if recording.request:
            request = self._judged(recording, "request", lambda: _request(recording, codec))
        if recording.status >= 400:
            return Meaning(request, answer=_refusal(recording, codec, traits))
        if recording.streamed:
            return Meaning(
                request,
                stream=self._judged(recording, "stream", lambda: _stream(recording, codec, traits)),
            )
        answer = self._judged(recording, "answer", lambda: _answer(recording, codec, traits))
        return Meaning(request, answer)

    def _traits(self, recording: Recording) -> Traits:
        provider = self._catalog.get(recording.row)
        if provider is None:
            return frozenset()
        try:
            said = FORMATS[recording.format].peek(recording.request).model
        except Refused:
            said = ""
        return provider.traits | provider.traits_of(said or recording.model)

    def _judged(
        self, recording: Recording, check: str, look: Callable[[], Iterator[Difference]]
    ) -> Verdict:
        """The first difference that has no reason; else the reasons of all of them."""
        because = []
        for difference in look():
            reason = self._reasons.of(difference, check, recording.format, recording.id)
            if reason is None:
                return failed(str(difference))
            because.append(reason)
        return different("; ".join(sorted(set(because)))) if because else SAME


def _unread(recording: Recording, codec: Codec) -> bool:
    """Whether its body is one of those on its path that no codec reads."""
    try:
        codec.peek(recording.request)
    except NotReadable:
        return True
    except Refused:
        return False
    return False


def _request(recording: Recording, codec: Codec) -> Iterator[Difference]:
    body = recording.request
    try:
        head, content = codec.peek(body), codec.decode_request(body)
        model = head.model or recording.model
        request = Request(model=model, content=content, stream=head.stream)
        written = codec.encode_request(request, features=EVERYTHING, traits=frozenset())
    except Refused as refusal:
        if recording.status < 400:  # else the provider did not take it either
            yield Difference(ALL, "changed", None, f"refused: {refusal.message}")
        return
    if body.lstrip()[:1] == b"{":
        before, after = (without_nothing(json.loads(said)) for said in (body, written.body))
        if recording.format.startswith("gemini"):
            before, after = in_one_spelling(before), in_one_spelling(after)
        yield from differences(before, after)
    elif codec.decode_request(written.body) != content:  # an upload: the boundary is ours
        yield Difference(ALL, "changed", "a form", "another form")
    for name in written.dropped:
        yield Difference(name, "left_out")


def without_nothing(value: Any) -> Any:
    """What a request asks for, without the lists and texts in which nothing stands."""
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {name: without_nothing(item) for name, item in value.items()}
    return {name: item for name, item in plain.items() if item not in ([], "")}


def in_one_spelling(value: Any) -> Any:
    """Gemini takes names in two spellings. What a client names itself has the one it gave it."""
    if isinstance(value, list):
        return [in_one_spelling(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        _SNAKE.sub(lambda found: found[1].upper(), name): (
            item if name in _FREE else in_one_spelling(item)
        )
        for name, item in value.items()
    }


_SNAKE = re.compile(r"_([a-z])")
_FREE = frozenset({"args", "response", "properties"})
"""Objects whose members have names of the client's."""


def _answer(recording: Recording, codec: Codec, traits: Traits) -> Iterator[Difference]:
    body = recording.answer
    try:
        usage = codec.facts(body, traits=traits).usage
        output = codec.decode_response(body, traits=traits)
    except UpstreamError as error:
        yield Difference(ALL, "changed", None, f"an error: {error.kind}")
        return
    again = codec.encode_response(Response(output, usage=usage), _pen(output, recording))
    if body.lstrip()[:1] == b"{":
        yield from differences(json.loads(body), json.loads(again))
    elif again != body:  # sound, or a text as it is
        yield Difference(ALL, "changed", "bytes", "other bytes")
    if isinstance(output, Output) and fold(unfold(output, usage)) != (output, usage):
        yield Difference(ALL, "changed", "whole", "unfolded and folded")


def _stream(recording: Recording, codec: Codec, traits: Traits) -> Iterator[Difference]:
    body = recording.answer
    try:
        events = _read(codec, body, len(body), traits)
    except UpstreamError as error:
        yield Difference(ALL, "changed", None, f"an error: {error.kind}")
        return
    if _read(codec, body, STEP, traits) != events:
        yield Difference(ALL, "changed", "read at once", "read in pieces")
    output, usage = fold(events)
    spoken = told(body, recording.format)
    if spoken is not None:
        yield from differences(spoken, said(output), "said")
    # The whole answer that this stream folds to means the same when it is read.
    whole = codec.encode_response(Response(output, usage=usage), _pen(output, recording))
    again = codec.decode_response(whole, traits=frozenset())
    assert isinstance(again, Output)
    yield from differences(said(output), said(again), "whole")


def _refusal(recording: Recording, codec: Codec, traits: Traits) -> Verdict:
    fields = [
        (name.lower().encode(), values[0].encode())
        for name, values in recording.fields["response_headers"].items()
    ]
    error = codec.decode_error(recording.status, fields, recording.answer, traits=traits)
    if not error.message or error.status != recording.status:
        return failed(f"an error {recording.status} was read as {error.status}: {error.message}")
    return SAME


def _read(codec: Codec, body: bytes, step: int, traits: Traits) -> list[Event]:
    reader = codec.reader(traits=traits)
    pieces = (body[at : at + step] for at in range(0, len(body), step))
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.end()


def _pen(output: AnyOutput, recording: Recording) -> Pen:
    created = output.created if isinstance(output, Output) else 0
    asked = recording.request
    return Pen(id=output.id, model=output.model, created=created, wants_usage=True, asked=asked)
