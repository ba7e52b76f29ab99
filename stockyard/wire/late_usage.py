"""Usage that providers report after the call: in the results of batches, and in finished answers.

Results are lines, one for each call in the batch, in any order, each with the answer of that call.
They may be long, so they are read as they go by and nothing is kept but the sums for each model.

A line that cannot be read is counted all the same, as far as its end says what was used: it repeats
names that the caller chose, and must not become unreadable by them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage, total_of
from stockyard.wire.anthropic_messages.usage import read_usage as read_messages_usage
from stockyard.wire.codec import Traits
from stockyard.wire.gemini.interaction_usage import TOLD_BY, read_interaction_usage
from stockyard.wire.gemini.usage import read_usage as read_gemini_usage
from stockyard.wire.look import read_as
from stockyard.wire.openai_responses.usage import read_usage as read_responses_usage
from stockyard.wire.sse import Blocks, parse_block
from stockyard.wire.stray_usage import TAIL_BYTES, stray_usage
from stockyard.wire.surrogates import loose
from stockyard.wire.usage import read_chat_usage

OVER = frozenset(
    {"completed", "incomplete", "failed", "cancelled", "canceled", "expired", "requires_action"}
)
"""States of batches and answers that use nothing more, in the words of all providers."""
_BATCH_STATUS = "batch_status_"
"""Before it where a batch stands in an object of its own."""
MOST_LINE = 16 * 1024 * 1024
MOST_OBJECT = 16 * 1024 * 1024
MOST_MODELS = 100
_COUNT = re.compile(r"[0-9]{1,15}")
_MODEL = re.compile(rb'"model": ?"([^"\\]{1,256})"')


class Use(NamedTuple):
    """What one model used."""

    model: str
    usage: Usage
    part: str = ""
    """Which part of a batch or a list this is, where not all parts are reported at once."""


def sums(uses: Iterable[Use]) -> list[Use]:
    """What each model used, all parts together."""
    used: dict[str, Usage] = {}
    for use in uses:
        _add(used, use.model, use.usage)
    return [Use(model, usage) for model, usage in used.items()]


def _add(used: dict[str, Usage], model: str, usage: Usage) -> None:
    before = used.get(model)
    both = usage if before is None else total_of([before, usage])
    assert both is not None  # noqa: S101  neither is unknown
    used[model] = both


class UsageReader:
    """Reads usage from an answer of a provider that is fed to it in pieces."""

    def feed(self, data: bytes) -> None:
        raise NotImplementedError

    def uses(self) -> list[Use]:
        """At the end of the answer. Empty if it reported nothing, or broke off."""
        raise NotImplementedError


class _Answer(Struct, rename={"model_version": "modelVersion", "usage_metadata": "usageMetadata"}):
    """The answer of one call, in any dialect."""

    model: str = ""
    model_version: str = ""
    usage: dict[str, Any] | None = None
    usage_metadata: dict[str, Any] | None = None
    body: "_Answer | None" = None
    """The answer itself, where it comes with its head."""


class _Result(Struct):
    message: _Answer | None = None


class _Line(Struct):
    response: _Answer | None = None
    result: _Result | None = None


class _InlinedAnswers(Struct, rename={"answers": "inlinedResponses"}):
    answers: list[_Line]


class _Inlined(Struct, rename={"inlined": "inlinedResponses"}):
    inlined: _InlinedAnswers


class _PageResult(Struct):
    response: dict[str, _Answer] | None = None
    """The answer, by the name of the call."""


class _PageLine(Struct):
    batch_request_id: str = ""
    batch_result: _PageResult | None = None


class _Batch(Struct):
    """A batch whose counts are texts."""

    status: str
    model: str
    input_tokens: str
    output_tokens: str


class _Asked(Struct):
    """How an interaction is asked for."""

    background: bool = False
    stream: bool = False


_line = msgspec.json.Decoder(_Line)
_asked = msgspec.json.Decoder(_Asked).decode


def is_told_later(body: bytes) -> bool:
    """Whether an interaction reports its usage only after the call that starts it."""
    try:
        asked = _asked(body)
    except (ValueError, RecursionError):
        return False
    return asked.background and not asked.stream


class ResultsUsage(UsageReader):
    """Reads the results of a batch."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._begun = bytearray()
        self._used: dict[str, Usage] = {}

    def feed(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._begun += line
            self._read(bytes(self._begun))
            self._begun.clear()
        self._begun += rest
        if len(self._begun) > MOST_LINE:
            del self._begun[:-TAIL_BYTES]

    def uses(self) -> list[Use]:
        rest = bytes(self._begun)
        self._begun.clear()
        if rest.strip() and read_as(_line, rest) is None:
            return []  # not all has come
        self._read(rest)
        return [Use(model, used) for model, used in self._used.items()]

    def _read(self, line: bytes) -> None:
        if not line.strip():
            return
        said = read_as(_line, line)
        if said is None:
            tail = line[-TAIL_BYTES:]
            *_, model = b"", *_MODEL.findall(tail)
            self._add(model.decode("utf-8", "replace"), stray_usage(tail))
        elif said.result is not None and said.result.message is not None:
            message = said.result.message
            used = read_messages_usage(message.usage) if message.usage is not None else None
            self._add(message.model, used)
        elif said.response is not None:
            self.add(said.response)

    def add(self, told: _Answer) -> None:
        answer = told.body or told
        self._add(answer.model or answer.model_version, _usage_of(answer, self._traits))

    def _add(self, model: str, usage: Usage | None) -> None:
        if usage is None:
            return
        if model not in self._used and len(self._used) >= MOST_MODELS:
            model = next(iter(self._used))
        _add(self._used, model, usage)


class StateUsage(UsageReader):
    """Reads an object that reports its own state: a batch, or an answer in the background."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        if len(self._data) <= MOST_OBJECT:
            self._data += data

    def uses(self) -> list[Use]:
        data = bytes(self._data)
        if not data.lstrip().startswith(b"{"):
            return self._of_stream(data)
        return list(uses_in(_object(data), self._traits))

    def _of_stream(self, data: bytes) -> list[Use]:
        """Of an answer that is streamed again: its last event has all of it."""
        events = (_object(parse_block(block).data or b"") for block in Blocks().feed(data))
        told = (event.get("response") or event.get("interaction") for event in events)
        answers = [answer for answer in told if answer]
        return list(uses_in(answers[-1], self._traits)) if answers else []


def _object(data: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    told = loose(data)
    return told if isinstance(told, dict) else {}


def uses_in(told: Mapping[str, Any], traits: Traits) -> Iterator[Use]:
    """What a batch or an answer says that it used, once it is over."""
    if told.get("done") is True:
        yield from _inlined(told.get("response"), traits)
    if "results" in told:
        yield from _of_page(told["results"], traits)
    if "batch" in told:
        yield from _of_batch(told["batch"])
    status, said = told.get("status"), told.get("usage")
    model = told.get("model") or told.get("agent")
    if not (isinstance(status, str) and status.lower() in OVER and isinstance(said, dict)):
        return
    if TOLD_BY in said:
        usage: Usage | None = read_interaction_usage(said)
    else:
        usage = read_responses_usage(said, traits)
    if usage is not None and usage.total and isinstance(model, str) and model:
        yield Use(model, usage)


def _inlined(response: Any, traits: Traits) -> list[Use]:
    """Of a batch that has its answers in itself."""
    try:
        found = msgspec.convert(response, _Inlined).inlined.answers
    except (ValueError, RecursionError):
        return []
    sums = ResultsUsage(traits)
    for one in found:
        if one.response is not None:
            sums.add(one.response)
    return sums.uses()


def _of_page(results: Any, traits: Traits) -> Iterator[Use]:
    """Of a page of the results of a batch."""
    try:
        lines = msgspec.convert(results, list[_PageLine])
    except (ValueError, RecursionError):
        return
    for line in lines:
        answers = (line.batch_result and line.batch_result.response) or {}
        for answer in answers.values():
            usage = _usage_of(answer, traits)
            if usage is not None and line.batch_request_id:
                yield Use(answer.model, usage, part=line.batch_request_id)


def _of_batch(batch: Any) -> Iterator[Use]:
    """Of a batch that tells two sums."""
    try:
        told = msgspec.convert(batch, _Batch)
    except (ValueError, RecursionError):
        return
    if told.status.lower().removeprefix(_BATCH_STATUS) not in OVER:
        return
    texts = {"input_tokens": told.input_tokens, "output_tokens": told.output_tokens}
    counts = {name: int(text) for name, text in texts.items() if _COUNT.fullmatch(text)}
    usage = read_responses_usage(counts)
    if usage is not None and usage.total and told.model:
        yield Use(told.model, usage)


def _usage_of(answer: _Answer, traits: Traits) -> Usage | None:
    if answer.usage_metadata is not None:
        return read_gemini_usage(answer.usage_metadata)
    if answer.usage is None:
        return None
    # What the names mean differs between the two formats at some providers.
    read = read_chat_usage if "prompt_tokens" in answer.usage else read_responses_usage
    return read(answer.usage, traits)
