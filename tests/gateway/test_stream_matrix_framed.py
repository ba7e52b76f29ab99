"""Sound, transcripts, images and AWS frames at everything that happens to streams.

What is asked of each is what `test_stream_matrix.py` asks of the dialects of conversations.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from stockyard.gateway.pings import Pings
from stockyard.testing import Script, ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard
from tests.bedrock_answers import COUNTS, END, FRAMES, START, delta, frames, stopped
from tests.dialects import DIALECTS, Said
from tests.gateway.endings import ended
from tests.media_calls import FORM, recording

EVENTS = {"content-type": "text/event-stream"}
COUNTED = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _typed(heard: Heard) -> Said:
    objects = [event.json for event in heard.events]
    last = objects[-1] if objects else {}
    error = last.get("error")
    ended = str(last.get("type")).endswith((".done", ".completed"))
    return Said("", ended, *((error["message"], error["stockyard"]["code"]) if error else ()))


@dataclass(frozen=True)
class Framed:
    """A stream in pieces: what proves nothing, its first content, and the rest."""

    call: tuple[str, Any]
    opening: bytes
    content: bytes
    rest: bytes
    said: Callable[[Heard], Said] = _typed
    fields: tuple[tuple[str, str], ...] = ()
    answered: tuple[tuple[str, str], ...] = tuple(EVENTS.items())
    provider: str = "openai"
    settings: tuple[tuple[str, Any], ...] = ()
    ping: bytes = b": ping\n\n"
    unended: bool = False
    statuses: tuple[tuple[int, int], ...] = ()
    """What clients hear in place of our statuses."""

    def script(self, yard: Yard) -> ScriptedProvider:
        return yard.provider(self.provider, **dict(self.settings))

    def sends(self, script: Script) -> Script:
        whole = self.opening + self.content + self.rest
        return script.sends(200, dict(self.answered), whole).framed("chunked")

    async def heard(self, yard: Yard) -> tuple[Heard, Said]:
        answer = await yard.call(*self.call, headers=dict(self.fields))
        return answer, self.said(answer)


_BEDROCK: dict[str, Any] = {
    "provider": "bedrock",
    "settings": (
        ("settings", {"region": "eu-west-1"}),
        ("auth", "sigv4:bedrock"),
        ("api_key", "AKID:secret/+="),
    ),
    "answered": tuple(FRAMES.items()),
}
_NOVA = "bedrock/amazon.nova-lite-v1:0"
_CONVERSE: dict[str, Any] = {
    "opening": frames(START),
    "content": frames(delta(0, text="Fine ")),
    "rest": frames(delta(0, text="today."), stopped(0), END, COUNTS),
}


def _converse(name: str) -> Framed:
    dialect = DIALECTS[name]
    return Framed(
        dialect.asking(_NOVA),
        **_CONVERSE,
        said=dialect.said,
        ping=dialect.ping,
        unended=dialect.unended,
        statuses=dialect.statuses,
        **_BEDROCK,
    )


FRAMED = {
    "a transcript": Framed(
        ("/v1/audio/transcriptions", recording("gpt-4o-transcribe", ("stream", b"true"))),
        b": ok\n\n",
        _event("transcript.text.delta", delta="Good"),
        _event("transcript.text.delta", delta=" day.")
        + _event("transcript.text.done", text="Good day.", usage=COUNTED),
        fields=tuple(FORM.items()),
    ),
    "speech": Framed(
        (
            "/v1/audio/speech",
            {"model": "gpt-4o-mini-tts", "input": "Hi.", "voice": "a", "stream_format": "sse"},
        ),
        b": ok\n\n",
        _event("speech.audio.delta", audio="AAAA"),
        _event("speech.audio.delta", audio="BBBB") + _event("speech.audio.done", usage=COUNTED),
    ),
    "an image": Framed(
        ("/v1/images/generations", {"model": "gpt-image-1", "prompt": "a cat", "stream": True}),
        b": ok\n\n",
        _event("image_generation.partial_image", b64_json="AA==", partial_image_index=0),
        _event("image_generation.partial_image", b64_json="AA==", partial_image_index=1)
        + _event("image_generation.completed", b64_json="AAAA", created_at=7, usage=COUNTED),
    ),
} | {f"{name} from Converse": _converse(name) for name in DIALECTS}

each_stream = pytest.mark.parametrize("stream", FRAMED.values(), ids=list(FRAMED))


def paid(yard: Yard) -> bool:
    usage = yard.last.usage
    return usage is not None and bool(usage.prompt or usage.units)


def _pairs(stream: Framed) -> tuple[int, int, int]:
    """Where content begins and ends, and a place inside of what follows it."""
    begins = len(stream.opening)
    ends = begins + len(stream.content)
    return begins, ends, ends + 20


@each_stream
async def test_s19_a_break_after_content_is_an_error_event_and_no_end(
    yard: Yard, stream: Framed
) -> None:
    yard.set("timeout.idle", "100ms")
    script = stream.script(yard)
    _, ends, inside = _pairs(stream)
    broken: dict[str, Callable[[Script], object]] = {
        "cut": lambda s: s.cuts_after_bytes(ends),
        "reset": lambda s: s.cuts_after_bytes(ends, how="rst"),
        "cut in an event": lambda s: s.cuts_after_bytes(inside),
        "silence": lambda s: s.stalls_after_bytes(ends),
        "silence in an event": lambda s: s.stalls_after_bytes(inside),
    }
    for calls, (name, change) in enumerate(broken.items(), 1):
        change(stream.sends(script))
        answer, said = await stream.heard(yard)
        assert answer.status == 200, name
        assert not said.ended, (name, answer.body)
        assert said.code in ("stream_interrupted", "provider_timeout"), (name, answer.body)
        assert answer.complete is not stream.unended, name
        assert yard.last.outcomes == ["partial"], name
        assert paid(yard), name
        await ended(yard, calls, 200)


@each_stream
async def test_s14_a_break_before_content_is_an_http_error(yard: Yard, stream: Framed) -> None:
    yard.set("timeout.idle", "100ms")
    script = stream.script(yard)
    begins, _, _ = _pairs(stream)
    cases: dict[str, tuple[Callable[[Script], object], int]] = {
        "cut": (lambda s: s.cuts_after_bytes(begins), 502),
        "cut in an event": (lambda s: s.cuts_after_bytes(begins + 20), 502),
        "silence": (lambda s: s.stalls_after_bytes(begins), 504),
    }
    for calls, (name, (change, status)) in enumerate(cases.items(), 1):
        change(stream.sends(script))
        answer = await yard.call(*stream.call, headers=dict(stream.fields))
        heard = dict(stream.statuses).get(status, status)
        assert (answer.status, answer.complete) == (heard, True), name
        assert answer.headers["content-type"].startswith("application/json"), name
        assert yard.last.outcomes == ["failed"], name
        await ended(yard, calls, heard)


@each_stream
async def test_s19_a_whole_stream_ends_though_its_connection_does_not(
    yard: Yard, stream: Framed, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stream is FRAMED["an image"]:
        pytest.skip("Another image may follow.")
    monkeypatch.setattr("stockyard.upstream.streamed_answer.COUNT_SECONDS", 0.1)
    monkeypatch.setattr("stockyard.upstream.silence.TICK_SECONDS", 0.05)
    script = stream.script(yard)
    size = sum(map(len, (stream.opening, stream.content, stream.rest)))
    whole: dict[str, Callable[[Script], object]] = {
        "as it should": lambda s: s,
        "reset": lambda s: s.cuts_after_bytes(size, how="rst"),
        "silent": lambda s: s.stalls_after_bytes(size),
    }
    for calls, (name, change) in enumerate(whole.items(), 1):
        change(stream.sends(script))
        answer, said = await stream.heard(yard)
        assert (said.ended, said.error) == (True, ""), (name, answer.body)
        assert answer.complete, name
        assert yard.last.outcomes == ["ok"], name
        assert paid(yard), name
        await ended(yard, calls, 200)


@each_stream
async def test_s37_a_client_that_leaves_closes_the_provider(yard: Yard, stream: Framed) -> None:
    script = stream.script(yard)
    stream.sends(script).stalls_after_bytes(_pairs(stream)[1])
    async with yard.raw() as client:
        path, body = stream.call
        client.ask(path, body, headers=yard.headers | dict(stream.fields))
        await client.until(b"\r\n\r\n")
    assert await script.closed_by_client()
    await ended(yard, 1, 499)
    assert paid(yard)


@each_stream
async def test_s34_a_silent_stream_is_pinged_where_its_clients_take_it(
    yard: Yard, stream: Framed
) -> None:
    script = stream.script(yard)
    stream.sends(script).stalls_after_bytes(_pairs(stream)[1])
    await yard.open()
    yard.stockyard.office.pings = Pings(0.02)
    async with yard.raw() as client:
        path, body = stream.call
        client.ask(path, body, headers=yard.headers | dict(stream.fields))
        if stream.ping:
            await client.until(stream.ping)
        else:
            await client.until(b"Fine")
            seen = client.wire
            assert await client.until_quiet(0.1) == seen
        script.goes_on()
        await client.until(b"\r\n0\r\n\r\n")
        assert stream.said(Heard(client.reply)).ended
