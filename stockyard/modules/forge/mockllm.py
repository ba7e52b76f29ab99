"""Answer in a provider's place with prepared replies, delays and faults.

Why
    Tests and demos should not need a provider or cost money. And the only way to know what an
    application does when a provider fails is to let one fail on purpose.

Example
    [modules.mockllm]
    unmatched = "echo"
    fixtures = [
        { name = "greeting", match = "contains", text = "hello", reply = "Hello, {{ key }}." },
        { name = "busy", model = "flaky-*", status = 429, retry_after_seconds = 2, times = 1 },
    ]

Caller sees
    The fixture's reply, whole or streamed, and `X-Stockyard-Simulated` with its name. When no
    fixture matches, HTTP 404 `mock_no_match`, or what `unmatched` says. Calls for embeddings,
    ranking, moderation and images get results computed from the request alone, calls for speech
    get silence, and token counts are estimates. Calls whose content is not read here (files,
    realtime sessions, a provider's own paths) go to the provider.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from stockyard.core.conditions import Values, values_of
from stockyard.core.counting import CountOutput
from stockyard.core.estimate import prompt_tokens
from stockyard.core.events import Event, TextDelta, bears_content
from stockyard.core.exchange import Exchange
from stockyard.core.expressions import ExpressionError
from stockyard.core.fixture import Fixture, PreparedReply
from stockyard.core.folding import unfold
from stockyard.core.kind import TEXT_KINDS
from stockyard.core.meaning import AnyOutput
from stockyard.core.messages import texts_of
from stockyard.core.module import Call, Module, ModuleConfig, Stage
from stockyard.core.money import Usage
from stockyard.core.ports import Ports
from stockyard.core.replay import Replay
from stockyard.core.response import Choice, Output, Response
from stockyard.core.stand_in import stand_in
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt, Target
from stockyard.errors import ErrorKind, Refused, UpstreamError

Milliseconds = Annotated[int, Meta(ge=0, le=600_000)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
ERROR_KINDS: dict[int, ErrorKind] = {
    401: "auth",
    402: "no_credit",
    403: "permission",
    404: "model_unknown",
    408: "timeout",
    413: "too_large",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
HEADER = "X-Stockyard-Simulated"
CHARACTERS_PER_PIECE = 4
"""How finely a streamed reply is cut: about one token."""
ECHO = PreparedReply(Fixture(name="echo", reply="{{ text }}"), "")


class Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    first_event_ms: Annotated[Milliseconds, Meta(description="Until an answer begins.")] = 50
    tokens_per_second: Annotated[
        int, Meta(ge=0, le=100_000, description="Speed of a stream; 0 is all at once.")
    ] = 60
    jitter_ratio: Annotated[Ratio, Meta(description="How much the times vary.")] = 0.1


class Faults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    error_ratio: Annotated[Ratio, Meta(description="Share of calls that fail.")] = 0.0
    status: Annotated[int, Meta(ge=400, le=599, description="What they fail with.")] = 500
    delay_ms: Annotated[Milliseconds, Meta(description="A further delay.")] = 0
    delay_ratio: Annotated[Ratio, Meta(description="Share of calls that have it.")] = 0.0
    cut_ratio: Annotated[Ratio, Meta(description="Share of answers that break off half way.")] = 0.0


class Config(ModuleConfig, frozen=True):
    fixtures: Annotated[
        tuple[Fixture, ...],
        Meta(max_length=1000, description="Replies; the first that matches and is left answers."),
    ] = ()
    pace: Annotated[Pace, Meta(description="How fast answers come.")] = Pace()
    unmatched: Annotated[
        Literal["pass", "refuse", "echo"],
        Meta(description="A call without a fixture: to the provider, refused, or its own words."),
    ] = "refuse"
    faults: Annotated[Faults, Meta(description="Faults that happen by chance.")] = Faults()
    seed: Annotated[
        int, Meta(ge=0, le=1_000_000, description="The same seed gives the same faults again.")
    ] = 0
    keys: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(max_length=200, description="Names of the Keys this is for; empty is all."),
    ] = ()


class MockLlm(Module[Config]):
    """Stands in for every kind of call whose question it can read."""

    name = "mockllm"
    category = "forge"
    stage = Stage.CALL
    handles = TEXT_KINDS | {"embeddings", "moderations", "rerank", "images", "audio", "count"}

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        self._replies = [
            PreparedReply(fixture, f"fixtures[{number}]")
            for number, fixture in enumerate(config.fixtures)
        ]
        self._chance = random.Random(config.seed)  # noqa: S311  faults, not secrets
        self._jitter = random.Random(config.seed)  # noqa: S311  as above
        """A series of its own: how many events a client reads must not change the faults."""

    async def around(self, x: Exchange, call: Call) -> Answer:
        if self.config.keys and x.caller.key_name not in self.config.keys:
            return await call(x)
        if x.kind == "count":
            return await call(x) if self.config.unmatched == "pass" else _counted(x)
        _forget(x)
        values = values_of(x, self.ports)
        reply = next((reply for reply in self._replies if self._takes(reply, x, values)), None)
        if reply is None:
            match self.config.unmatched:
                case "refuse":
                    raise Refused(404, "mock_no_match", "No fixture of the mock matches this call.")
                case "pass":
                    return await call(x)
                case "echo":
                    reply = ECHO
        x.simulated = reply.fixture.name
        x.retell(HEADER, x.simulated)
        return await self._answer(x, reply, values)

    def _takes(self, reply: PreparedReply, x: Exchange, values: Values) -> bool:
        try:
            return reply.takes(x, values)
        except ExpressionError:
            x.note(self.name, "expr_error", {"fixture": reply.fixture.name})
            return False

    async def _answer(self, x: Exchange, reply: PreparedReply, values: Values) -> Answer:
        """One attempt, recorded as dispatch records its own."""
        fixture = reply.fixture
        x.target = x.target or Target(self.name, x.request.model)
        attempt = Attempt(target=x.target, started_us=x.elapsed_us())
        x.attempts.append(attempt)
        try:
            await self._wait()
            self._fail(fixture)
            answer = self._say(x, reply, values)
        except UpstreamError as error:
            attempt.outcome, attempt.error, attempt.status = "failed", error.kind, error.status
            attempt.ended_us = x.elapsed_us()
            x.note(self.name, "fault", {"fixture": fixture.name, "kind": error.kind})
            raise
        attempt.outcome, attempt.status = "ok", fixture.status
        attempt.first_byte_us = attempt.first_content_us = attempt.ended_us = x.elapsed_us()
        x.note(self.name, "answered", {"fixture": fixture.name})
        return answer

    async def _wait(self) -> None:
        faults, wait_ms = self.config.faults, self._vary(self.config.pace.first_event_ms)
        if faults.delay_ratio and self._chance.random() < faults.delay_ratio:
            wait_ms += faults.delay_ms
        if wait_ms:
            await self.ports.sleep(wait_ms / 1000)

    def _fail(self, fixture: Fixture) -> None:
        """Raise what goes wrong before anything is said."""
        if fixture.fail_at == "connect":
            raise UpstreamError("unreachable", "No connection (mock).", nothing_sent=True)
        if fixture.fail_at == "first_byte":
            raise UpstreamError("timeout", "No answer (mock).", timer="timeout.first_byte")
        if fixture.status >= 400:
            raise _error(fixture.status, fixture.code, fixture.retry_after_seconds)
        faults = self.config.faults
        if faults.error_ratio and self._chance.random() < faults.error_ratio:
            raise _error(faults.status, "", 0)

    def _say(self, x: Exchange, reply: PreparedReply, values: Values) -> Answer:
        made = stand_in(x.request.meaning, x.request.model)
        if made is not None and not isinstance(made, Output):
            return self._give(x, reply.fixture, made)
        output = made if made is not None else self._output(x, reply, values)
        usage = self._usage(x, reply.fixture, output.choices)
        events = [piece for event in unfold(output, usage) for piece in _pieces(event)]
        said = events[: self._events_said(reply.fixture, len(events))]
        cut = len(said) < len(events)
        error = UpstreamError("interrupted", "The answer broke off (mock).") if cut else None
        if error is not None and not (x.request.stream and any(map(bears_content, said))):
            raise error
        if not x.request.stream:
            return Response(output, usage=usage)
        if error is None:
            x.usage = usage
        return Replay(said, error=error, gaps=self._gaps(), later=self.ports.later)

    def _output(self, x: Exchange, reply: PreparedReply, values: Values) -> Output:
        try:
            return reply.output(x, values)
        except ExpressionError as error:
            # A call that is to be mocked reaches no provider, whatever goes wrong here.
            name = reply.fixture.name
            x.note(self.name, "expr_error", {"fixture": name})
            message = f"The reply of the fixture '{name}' cannot be filled in. {error}"
            raise UpstreamError("bad_answer", message) from error

    def _give(self, x: Exchange, fixture: Fixture, made: AnyOutput) -> Response:
        """An answer without choices (vectors, ranks, sound): it comes whole or not at all."""
        if self._events_said(fixture, 2) < 2:
            raise UpstreamError("interrupted", "The answer broke off (mock).")
        return Response(made, usage=self._usage(x, fixture, ()))

    def _events_said(self, fixture: Fixture, events: int) -> int:
        """How many of its Events the answer gets to say before it is cut off."""
        if fixture.fail_at == "after_events":
            return min(fixture.after_events, events)
        ratio = self.config.faults.cut_ratio
        return events // 2 if ratio and self._chance.random() < ratio else events

    def _gaps(self) -> Iterator[float] | None:
        speed = self.config.pace.tokens_per_second
        return iter(lambda: self._vary(1 / speed), None) if speed else None

    def _vary(self, time: float) -> float:
        spread = self.config.pace.jitter_ratio
        return time * (1 + spread * (2 * self._jitter.random() - 1)) if spread else time

    def _usage(self, x: Exchange, fixture: Fixture, choices: Sequence[Choice]) -> Usage:
        if fixture.usage is not None:
            return Usage(in_fresh=fixture.usage.prompt, out_text=fixture.usage.completion)
        count = self.ports.token_estimate
        said = (text for choice in choices for text in texts_of(choice.message.parts))
        return Usage(
            in_fresh=sum(map(count, x.request.texts())),
            out_text=sum(map(count, said)),
            source="estimated",
        )


def _forget(x: Exchange) -> None:
    """Take back what an earlier, mocked try of the same call said of itself."""
    if x.simulated:
        x.simulated = ""
        x.told = [told for told in x.told if told[0] != HEADER]


def _counted(x: Exchange) -> Response:
    """An estimate of the tokens in the prompt: no provider is there to count them."""
    x.simulated = "count"
    x.retell(HEADER, "count")
    x.tell("X-Stockyard-Estimated", "true")
    tokens = prompt_tokens(x.request.content)
    return Response(CountOutput(model=x.request.model, tokens=tokens), usage=Usage())


def _pieces(event: Event) -> Iterator[Event]:
    """Cut a text into pieces of the size that a model streams."""
    if not isinstance(event, TextDelta):
        yield event
        return
    for start in range(0, len(event.text), CHARACTERS_PER_PIECE):
        yield replace(event, text=event.text[start : start + CHARACTERS_PER_PIECE])


def _error(status: int, code: str, retry_after: int) -> UpstreamError:
    kind = ERROR_KINDS.get(status, "provider_fault" if status >= 500 else "bad_request")
    return UpstreamError(
        kind,
        "The mock fails this call on purpose.",
        status=status,
        code=code or None,
        retry_after=retry_after or None,
    )
