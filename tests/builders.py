"""Builders that say what matters: Exchanges, answers, a clock moved by hand, a scripted call."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from stockyard.core.caller import Caller
from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.folding import unfold
from stockyard.core.inbound import NO_CONTROL_HEADERS, ControlHeaders, Inbound
from stockyard.core.kind import Kind
from stockyard.core.messages import Finish, Message, Text
from stockyard.core.module import AnyModule, Call
from stockyard.core.money import Usage
from stockyard.core.offer import Offer
from stockyard.core.passage import Passage
from stockyard.core.pipeline import Pipeline
from stockyard.core.ports import Ports
from stockyard.core.replay import Replay
from stockyard.core.request import Content, Request
from stockyard.core.response import Choice, Output, Response
from stockyard.core.standing import Standings
from stockyard.core.stream import Answer, Stream
from stockyard.core.target import Attempt, Target
from stockyard.core.whole import whole
from stockyard.errors import StockyardError, UpstreamError
from stockyard.storage.answers import MemoryAnswers
from stockyard.storage.claims import MemoryClaims
from stockyard.storage.limits import LocalLimits
from stockyard.upstream.health import TargetHealth


class NoHeaders:
    def field(self, name: bytes) -> bytes | None:
        return None

    def forward(self, format: str) -> bytes:
        return b""

    def forward_native(self) -> list[tuple[bytes, bytes]]:
        return []


def an_exchange(
    prompt: str = "hi",
    *,
    model: str = "m",
    stream: bool = False,
    kind: Kind = "chat",
    caller: Caller | None = None,
    asked: ControlHeaders = NO_CONTROL_HEADERS,
    id: str = "req_1",
    **content: Any,
) -> Exchange:
    """A call as the ingress makes it. Further arguments are fields of its Content."""
    content.setdefault("messages", (Message(role="user", parts=(Text(text=prompt),)),))
    return Exchange(
        id=id,
        kind=kind,
        caller=caller or Caller(key_id="key_1", key_name="dev", address="192.0.2.7"),
        inbound=Inbound(
            format="openai_chat",
            method="POST",
            path="/v1/chat/completions",
            query="",
            body=b"",
            headers=NoHeaders(),
        ),
        received=Request(model=model, content=Content(**content), stream=stream),
        asked=asked,
    )


def an_answer(
    text: str = "hello",
    *,
    model: str = "m",
    finish: Finish = "stop",
    usage: Usage | None = Usage(in_fresh=3, out_text=2),  # noqa: B008  frozen
) -> Response:
    message = Message(role="assistant", parts=(Text(text=text),))
    choice = Choice(message=message, finish=finish)
    return Response(Output(id="a", model=model, created=1, choices=(choice,)), usage=usage)


def a_stream(*texts: str, error: StockyardError | None = None) -> Replay:
    """An answer in these pieces, which breaks off after them if there is an error."""
    response = an_answer("".join(texts))
    events = unfold(response.output, response.usage)
    at = next(n for n, event in enumerate(events) if isinstance(event, TextDelta))
    pieces = [replace(events[at], text=text) for text in texts]
    rest = [] if error is not None else events[at + 1 :]
    return Replay([*events[:at], *pieces, *rest], error=error)


class HandClock:
    """Time that passes only when it is moved, or when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0
        self.slept: list[float] = []
        self._timers: list[HandTimer] = []

    def now(self) -> float:
        return self.seconds

    def ns(self) -> int:
        return round(self.seconds * 1e9)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        for timer in sorted(self._timers, key=lambda timer: timer.due):
            if timer.due <= self.seconds and timer in self._timers:
                self._timers.remove(timer)
                timer.callback()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def later(self, seconds: float, callback: Callable[[], None]) -> "HandTimer":
        timer = HandTimer(self.seconds + seconds, callback, self._timers)
        self._timers.append(timer)
        return timer

    @property
    def waiting(self) -> int:
        return len(self._timers)


class HandTimer:
    def __init__(self, due: float, callback: Callable[[], None], timers: "list[HandTimer]") -> None:
        self.due = due
        self.callback = callback
        self._timers = timers

    def cancel(self) -> None:
        if self in self._timers:
            self._timers.remove(self)


class TableOfModels:
    """Model -> providers that offer it, in order."""

    def __init__(self, **offered: Sequence[str]) -> None:
        self.offered = offered
        self.offers: dict[str, Offer] = {}
        """Provider -> what the price list knows of its models."""

    def targets(self, model: str, kind: str) -> tuple[Target, ...]:
        return tuple(Target(name, model) for name in list(self.offered.get(model, ()))[:1])

    def elsewhere(self, target: Target, kind: str) -> tuple[Target, ...]:
        names = self.offered.get(target.model, ())
        return tuple(Target(name, target.model) for name in names if name != target.provider)

    def has_provider(self, name: str) -> bool:
        return any(name in names for names in self.offered.values())

    def offer(self, target: Target) -> Offer | None:
        return self.offers.get(target.provider)


def some_ports(clock: HandClock | None = None, **more: Any) -> Ports:
    """Every Port that answers from memory, on a clock moved by hand."""
    clock = clock or HandClock()
    ports: dict[str, Any] = {
        "answers": MemoryAnswers(),
        "lasting_answers": MemoryAnswers(),
        "call_fingerprint": lambda: b"",
        "claims": MemoryClaims(clock.now),
        "clock": clock.now,
        "health": TargetHealth(clock.now),
        "later": clock.later,
        "limited_keys": lambda: False,
        "limits": LocalLimits(clock.ns),
        "models": TableOfModels(m=["one", "two", "three"]),
        "now": clock.now,
        "offload": asyncio.to_thread,
        "pseudonym": lambda text: sha256(text.encode()).hexdigest(),
        "random": lambda: 0.5,
        "secrets": tuple,
        "sleep": clock.sleep,
        "stands_for": str,
        "token_estimate": len,
    }
    return Ports(**(ports | more))


class Provider:
    """The scripted edge: gives one prepared outcome per try and notes the try, as dispatch does.

    The last outcome repeats.
    """

    def __init__(self, *outcomes: Answer | StockyardError) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[str] = []
        """Target and model of each try, as `provider/model`."""

    async def __call__(self, x: Exchange) -> Answer:
        provider = x.target.provider if x.target else "one"
        target = x.target or Target(provider, x.request.model)
        self.asked.append(f"{provider}/{x.request.model}")
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        attempt = Attempt(target=target, started_us=x.elapsed_us(), outcome="ok")
        x.attempts.append(attempt)
        if isinstance(outcome, StockyardError):
            attempt.outcome = "failed"
            attempt.error = outcome.kind if isinstance(outcome, UpstreamError) else None
            raise outcome
        return outcome


class Taken:
    """A Sink that keeps what it is given."""

    def __init__(self) -> None:
        self.taken: list[Event] = []
        self.batches: list[int] = []
        self.ended: StockyardError | str | None = None

    def events(self, batch: Sequence[Event]) -> None:
        self.taken.extend(batch)
        self.batches.append(len(batch))

    def done(self) -> None:
        assert self.ended is None
        self.ended = "done"

    def failed(self, error: StockyardError) -> None:
        assert self.ended is None
        self.ended = error


async def through(
    x: Exchange, provider: Call, *modules: AnyModule, choose: Sequence[Target] = ()
) -> Answer:
    """One call through a Pipeline of these modules; a stream is left to be taken."""
    passage = Passage(Pipeline(modules, Standings()), x)

    def chosen(x: Exchange) -> None:
        x.targets = x.targets or tuple(choose)

    answer = await passage.run(provider, chosen)
    passage.head()
    if not isinstance(answer, Stream):
        return answer
    response = await whole(answer, passage.stream_modules.edit)
    x.usage = response.usage if x.stored_usage is None else None
    x.streamed = True
    await passage.stream_modules.ended()
    return response


def notes(x: Exchange) -> list[str]:
    """What was noticed, as `action`."""
    return [finding.action for finding in x.findings]
