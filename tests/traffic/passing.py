"""Every recording, sent through a running gateway on its provider's native route.

What must hold: the provider hears the client's bytes, the client hears the provider's, with status
and content type, however the answer is cut; and the books say what the answer said it cost.
"""

import asyncio
import random
import zlib
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httptools

from stockyard.core.exchange import Exchange
from stockyard.gateway.held import with_results_here
from stockyard.testing import ReceivedRequest, ReplayingProvider, cut_nastily
from stockyard.testing.play import Play
from stockyard.testing.replaying import recorded
from stockyard.testing.yard import Yard
from stockyard.wire.formats import FORMATS
from tests.traffic import counted
from tests.traffic.installation import TOKEN, TOKENS, installation
from tests.traffic.recordings import Recording
from tests.traffic.verdict import NONE, SAME, Verdict, different, failed

CONNECTIONS = 4
OLLAMA = "ollama"
PATIENCE_SECONDS = 30.0
_WHICH = "x-recording"
"""The header field that tells the upstream which answer is wanted; native routes hand it on."""

_TWO_SPELLINGS = (
    "the row has this path without the version; both mean the same there (wire.md 2.3, rule 3)"
)
RESPELLED = {
    "openllmetry/openai/metrics/test_openai_metrics/test_chat_streaming_metrics#0": _TWO_SPELLINGS
}
"""What is asked at another path than the recorder asked at."""

_NOT_OURS = b"There is nothing with the id"
NOT_OURS = (
    "the recording asks for a thing that was made before it began: what nobody made through this "
    "gateway belongs to nobody here, and is not handed out"
)
RESULTS_HERE = (
    "the link to a batch's results leads to us: the provider's library follows it with a Key that "
    "is ours, and that nobody else may see"
)
UNIFIED = (
    "any model answers at this path of Ollama's, so the head is ours: no character set of JSON"
)
RECKONED = "a prompt that was in Ollama's cache has no count; the books have our estimate of it"

_NOT_SENT = frozenset(
    (
        "host connection content-length transfer-encoding accept-encoding authorization x-api-key "
        "api-key x-goog-api-key cookie expect te upgrade x-amz-security-token"
    ).split()
)
_NOT_REPLAYED = frozenset(
    "connection content-length transfer-encoding content-encoding keep-alive trailer date".split()
)


@dataclass(frozen=True)
class Passage:
    """How one recording came through."""

    forwarded: Verdict
    metered: Verdict


async def pass_through(
    recorded_calls: Sequence[Recording], folder: Path, *, seed: int = 1
) -> dict[str, Passage]:
    """Verdicts by the id of the recording."""
    # Where any model answers, its name may be one of another provider's, so that one is alone.
    alone = [recording for recording in recorded_calls if recording.row == OLLAMA]
    others = [recording for recording in recorded_calls if recording.row != OLLAMA]
    return {
        **await _pass_through(alone, folder / OLLAMA, seed),
        **await _pass_through(others, folder / "others", seed),
    }


async def _pass_through(
    recorded_calls: Sequence[Recording], folder: Path, seed: int
) -> dict[str, Passage]:
    by_id = {recording.id: recording for recording in recorded_calls}
    running: dict[bytes, Recording] = {}
    alike: defaultdict[bytes, asyncio.Lock] = defaultdict(asyncio.Lock)
    """One at a time of those that look the same."""
    heard: dict[str, ReceivedRequest] = {}

    def answering(request: ReceivedRequest) -> Play | None:
        if request.path == TOKENS:
            return recorded(200, {}, TOKEN, framing="length")
        # Paths that any model answers at (Ollama's) hand on no such field; there the body tells.
        recording = by_id.get(request.headers.get(_WHICH, "")) or running.get(request.body)
        if recording is None:
            return None
        heard[recording.id] = request
        return _replayed(recording, seed)

    waiting = deque(_conversations(recorded_calls))
    passages: dict[str, Passage] = {}
    async with ReplayingProvider(answering, patience=PATIENCE_SECONDS) as upstream:
        rows = {recording.row for recording in recorded_calls}
        async with installation(folder, upstream.url, rows) as yard:
            await yard.open()

            async def work() -> None:
                caller = Caller(yard)
                while waiting:
                    for recording in waiting.popleft():
                        async with alike[recording.request]:
                            running[recording.request] = recording
                            passages[recording.id] = await _passage(caller, recording, heard)
                            del running[recording.request]
                caller.close()

            await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return passages


def _conversations(recorded_calls: Sequence[Recording]) -> list[list[Recording]]:
    """What was recorded together, in its order: what one call makes, the next may ask for."""
    together: dict[str, list[Recording]] = {}
    for recording in recorded_calls:
        together.setdefault(str(recording.fields["file"]), []).append(recording)
    return list(together.values())


def _replayed(recording: Recording, seed: int) -> Play:
    chosen = zlib.crc32(recording.id.encode()) ^ seed
    fields = recording.fields["response_headers"].items()
    headers = {name: values[0] for name, values in fields if name.lower() not in _NOT_REPLAYED}
    return recorded(
        recording.status,
        headers,
        recording.answer,
        framing="chunked" if recording.streamed or chosen % 2 else "length",
        cuts=cut_nastily(chosen),
    )


async def _passage(
    caller: "Caller", recording: Recording, heard: dict[str, ReceivedRequest]
) -> Passage:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await caller.ask(recording)
    except (TimeoutError, OSError, httptools.HttpParserError) as error:
        caller.close()
        return Passage(failed(f"no answer: {error!r}"), NONE)
    exchange = caller.exchange(answer)
    return Passage(
        _forwarded(recording, heard.get(recording.id), answer, exchange),
        _metered(recording, exchange),
    )


def _forwarded(
    recording: Recording,
    request: ReceivedRequest | None,
    answer: "HeardAnswer",
    exchange: Exchange | None,
) -> Verdict:
    if request is None and answer.status == 404 and _NOT_OURS in answer.body:
        return different(NOT_OURS)
    if request is None:
        return failed(f"not sent to the provider: {answer.status} {answer.body[:200]!r}")
    if request.method != recording.method or request.body != recording.request:
        return failed("the provider heard another request")
    if not request.target.endswith(recording.target) and recording.id not in RESPELLED:
        return failed(f"asked at {request.target}, not at {recording.target}")
    unified = exchange is not None and exchange.inbound.native is None
    kind = recording.header("request", "content-type")
    if kind is not None and request.headers.get("content-type") != kind:
        return failed(f"sent as {request.headers.get('content-type')}, not as {kind}")
    if answer.status != recording.status:
        return failed(f"status {answer.status}, not {recording.status}: {answer.body[:200]!r}")
    if answer.body != recording.answer and answer.body == with_results_here(recording.answer):
        return different(RESULTS_HERE)
    if answer.body != recording.answer:
        return failed(f"{len(answer.body)} bytes came back of {len(recording.answer)}, or others")
    if unified and answer.headers.get("content-type") == "application/json":
        return different(UNIFIED)
    if answer.headers.get("content-type") != recording.header("response", "content-type"):
        return failed(f"labelled {answer.headers.get('content-type')}")
    return different(RESPELLED[recording.id]) if recording.id in RESPELLED else SAME


def _metered(recording: Recording, exchange: Exchange | None) -> Verdict:
    counts = counted.stated(recording.answer, recording.provider, streamed=recording.streamed)
    if recording.status >= 400:
        return NONE
    if exchange is None:  # if it should be known, the other verdict says so
        return NONE
    if counts is None or not any(counts):
        return NONE
    if exchange.inbound.format not in FORMATS:
        return NONE
    usage = exchange.usage
    if usage is not None and usage.source != "reported" and usage.completion == counts[1]:
        return different(RECKONED)
    if usage is None or usage.source != "reported":
        return failed(f"stated {counts}, and nothing was read")
    if (usage.prompt, usage.completion) == counts:
        return SAME
    return failed(f"stated {counts}, read {(usage.prompt, usage.completion)} {usage.flags}")


class HeardAnswer:
    """An answer, told by llhttp piece by piece."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.status = 0
        self.complete = False
        self._pieces: list[bytes] = []

    @property
    def body(self) -> bytes:
        return b"".join(self._pieces)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        self.complete = True


class Caller:
    """One client connection, opened again when it was closed."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, recording: Recording) -> HeardAnswer:
        reader, writer = await self._connected()
        writer.write(_request_of(recording, self._yard.key))
        answer = HeardAnswer()
        parser = httptools.HttpResponseParser(answer)
        while not answer.complete:
            data = await reader.read(65536)
            if not data:
                raise ConnectionError(f"the answer ends early, after {len(answer.body)} bytes")
            parser.feed_data(data)
        answer.status = parser.get_status_code()
        if not parser.should_keep_alive():
            self.close()
        return answer

    def exchange(self, answer: HeardAnswer) -> Exchange | None:
        """What the gateway announced of this call."""
        wanted = answer.headers.get("x-request-id", "")
        for outcome in reversed(self._yard.calls):
            if outcome.exchange.id == wanted:
                return outcome.exchange
        return None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            port = int(self._yard.url.rpartition(":")[2])
            self._streams = await asyncio.open_connection("127.0.0.1", port)
        return self._streams


def _request_of(recording: Recording, key: str) -> bytes:
    fields = recording.fields["request_headers"].items()
    lines = [f"{recording.method} /{recording.row}{recording.target} HTTP/1.1", "host: gateway"]
    lines += [f"{n}: {v[0]}" for n, v in fields if n.lower() not in _NOT_SENT]
    lines += [f"authorization: Bearer {key}", f"{_WHICH}: {recording.id}"]
    if recording.request or recording.method not in ("GET", "DELETE"):
        lines.append(f"content-length: {len(recording.request)}")
    return "\r\n".join([*lines, "", ""]).encode() + recording.request


def sample(recorded_calls: Sequence[Recording], size: int, *, seed: int) -> list[Recording]:
    """Some of them, chosen so that every provider and api is among them."""
    chance = random.Random(seed)
    kinds: dict[tuple[str, str, bool], list[Recording]] = {}
    for recording in recorded_calls:
        kind = (recording.provider, recording.api, recording.streamed)
        kinds.setdefault(kind, []).append(recording)
    chosen = [chance.choice(of_kind) for of_kind in kinds.values()]
    rest = [r for r in recorded_calls if r not in chosen]
    return chosen + chance.sample(rest, max(0, min(len(rest), size - len(chosen))))
