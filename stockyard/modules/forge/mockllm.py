"""Answer in a provider's place with prepared replies, delays and faults.

Why
    Tests and demos should not need a provider, cost money or depend on the weather. And the only
    way to know what an application does when a provider fails is to let one fail on purpose.

Example
    [modules.mockllm]
    unmatched = "echo"
    fixtures = [
        { name = "greeting", match = "contains", text = "hello", reply = "Hello, {{ key }}." },
        { name = "busy", model = "flaky-*", status = 429, retry_after_seconds = 2, times = 1 },
    ]

Caller sees
    What the fixture says, whole or streamed, and `X-Stockyard-Simulated` with its name. Without a
    fixture HTTP 404 `mock_no_match`, or what `unmatched` says. Calls for vectors, ranks, judgements
    and images get some that follow from the question alone, those for speech get silence, and
    those that count tokens an estimate. What has no question that could be read (files, realtime
    sessions, paths of a provider's own) goes to its provider.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from stockyard.core.conditions import Values, values_of
from stockyard.core.counting import CountOutput
from stockyard.core.estimate import prompt_tokens
from stockyard.core.events import Event, TextDelta, bears_content
from stockyard.core.exchange import Exchange
from stockyard.core.expressions import Expression, ExpressionError, Template
from stockyard.core.folding import unfold
from stockyard.core.glob import Glob
from stockyard.core.kind import TEXT_KINDS
from stockyard.core.meaning import AnyOutput
from stockyard.core.messages import (
    AnyPart,
    Finish,
    Message,
    Text,
    ToolCall,
    texts_of,
)
from stockyard.core.module import Call, Module, ModuleConfig, Stage
from stockyard.core.money import Usage
from stockyard.core.ports import Ports
from stockyard.core.replay import Replay
from stockyard.core.request import Content
from stockyard.core.response import Choice, Output, Response
from stockyard.core.scan.regex import operator_regex
from stockyard.core.stand_in import stand_in
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt, Target
from stockyard.errors import ErrorKind, InvalidConfig, Refused, UpstreamError

Milliseconds = Annotated[int, Meta(ge=0, le=600_000)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
FailAt = Literal["none", "connect", "first_byte", "after_events"]
KINDS: dict[int, ErrorKind] = {
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
MOST_CHOICES = 128
CHARACTERS_PER_PIECE = 4
"""How finely a streamed reply is cut: about one token."""


class MockCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=64, description="The tool.")]
    arguments: Annotated[dict[str, Any], Meta(description="What it is called with.")] = {}


class MockUsage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    prompt: Annotated[int, Meta(ge=0, le=10_000_000, description="Tokens of the prompt.")] = 0
    completion: Annotated[int, Meta(ge=0, le=10_000_000, description="Tokens of the reply.")] = 0


class Fixture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=64, description="What you call it.")]
    when: Annotated[str, Meta(max_length=4096, description="Only when this expression holds.")] = ""
    model: Annotated[
        str, Meta(max_length=500, description="Only for these models; `*` stands for any text.")
    ] = "*"
    match: Annotated[
        Literal["any", "exact", "contains", "regex"],
        Meta(description="How the last user message is compared with `text`."),
    ] = "any"
    text: Annotated[
        str, Meta(max_length=1000, description="What the message is compared with.")
    ] = ""
    reply: Annotated[
        str,
        Meta(max_length=65_536, description="The answer; `{{ text }}` is the last user message."),
    ] = ""
    reply_json: Annotated[Any, Meta(description="The answer as a value, written as JSON.")] = None
    tool_calls: Annotated[
        tuple[MockCall, ...], Meta(max_length=200, description="Tools the answer calls.")
    ] = ()
    usage: Annotated[
        MockUsage | None, Meta(description="Tokens to report; counted when left out.")
    ] = None
    times: Annotated[
        int, Meta(ge=0, le=1_000_000, description="How often it may be used; 0 is always.")
    ] = 0
    status: Annotated[
        int, Meta(ge=200, le=599, description="From 400 on the answer is this error.")
    ] = 200
    code: Annotated[str, Meta(max_length=64, description="The provider's code of the error.")] = ""
    retry_after_seconds: Annotated[
        int,
        Meta(ge=0, le=86_400, description="How long it asks to wait; 0 says nothing."),
    ] = 0
    fail_at: Annotated[FailAt, Meta(description="Where the call breaks off.")] = "none"
    after_events: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Events before it, with `after_events`.")
    ] = 0


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
        self._prepared = [_prepare(place, row) for place, row in enumerate(config.fixtures)]
        self._chance = random.Random(config.seed)  # noqa: S311  faults, not secrets
        self._jitter = random.Random(config.seed)  # noqa: S311  as above
        """A series of its own: how long somebody listens must not move the faults."""

    async def around(self, x: Exchange, call: Call) -> Answer:
        if self.config.keys and x.caller.key_name not in self.config.keys:
            return await call(x)
        if x.kind == "count":
            return await call(x) if self.config.unmatched == "pass" else _counted(x)
        _forget(x)
        values = values_of(x, self.ports)
        prepared = next((p for p in self._prepared if p.takes(x, values)), None)
        if prepared is None and self.config.unmatched == "refuse":
            raise Refused(404, "mock_no_match", "No fixture of the mock matches this call.")
        if prepared is None and self.config.unmatched == "pass":
            return await call(x)
        name = prepared.fixture.name if prepared else "echo"
        x.simulated = name
        x.retell(HEADER, name)
        return await self._answer(x, prepared or _ECHO, values)

    async def _answer(self, x: Exchange, prepared: "Prepared", values: Values) -> Answer:
        """One attempt, recorded as dispatch records its own."""
        fixture = prepared.fixture
        x.target = x.target or Target(self.name, x.request.model)
        attempt = Attempt(target=x.target, started_us=x.elapsed_us())
        x.attempts.append(attempt)
        try:
            await self._wait()
            self._fail(fixture)
            answer = self._say(x, prepared, values)
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

    def _say(self, x: Exchange, prepared: "Prepared", values: Values) -> Answer:
        made = stand_in(x.request.meaning, x.request.model)
        if made is not None and not isinstance(made, Output):
            return self._give(x, prepared.fixture, made)
        output = made if made is not None else prepared.output(x, values)
        usage = self._usage(x, prepared.fixture, output.choices)
        events = [piece for event in unfold(output, usage) for piece in _pieces(event)]
        said = self._said(prepared.fixture, len(events))
        error = UpstreamError("interrupted", "The answer broke off (mock).")
        if said < len(events) and not (x.request.stream and any(map(bears_content, events[:said]))):
            raise error
        if not x.request.stream:
            return Response(output, usage=usage)
        if said == len(events):
            x.usage = usage
        return Replay(
            events[:said],
            error=error if said < len(events) else None,
            gaps=self._gaps(),
            later=self.ports.later,
        )

    def _give(self, x: Exchange, fixture: Fixture, made: AnyOutput) -> Response:
        """An answer that has no choices. It comes whole or not at all."""
        if self._said(fixture, 2) < 2:
            raise UpstreamError("interrupted", "The answer broke off (mock).")
        return Response(made, usage=self._usage(x, fixture, ()))

    def _said(self, fixture: Fixture, events: int) -> int:
        """How many of its Events the answer gets to say."""
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


class Prepared:
    """A fixture, checked and ready to be matched."""

    def __init__(self, fixture: Fixture, place: str = "") -> None:
        self.fixture = fixture
        self._uses = 0
        self._model = Glob(fixture.model)
        self._matches = _matcher(fixture, place)
        self._when = Expression(fixture.when) if fixture.when else None
        self._reply = Template(fixture.reply)

    def takes(self, x: Exchange, values: Values) -> bool:
        """Whether it answers this call; that is one of its uses."""
        if self.fixture.times and self._uses >= self.fixture.times:
            return False
        if not self._is_for(x) or not self._matches(values["text"]):
            return False
        if self._when is not None and not self._holds(x, self._when, values):
            return False
        self._uses += 1
        return True

    def _is_for(self, x: Exchange) -> bool:
        """Callers may put the provider's name before the model's."""
        target = x.target or next(iter(x.targets), None)
        matches = self._model.matches
        return matches(x.request.model) or (target is not None and matches(target.model))

    def output(self, x: Exchange, values: Values) -> Output:
        fixture = self.fixture
        parts: list[AnyPart] = []
        if fixture.reply_json is not None:
            parts.append(Text(text=msgspec.json.encode(fixture.reply_json).decode()))
        elif fixture.reply:
            parts.append(Text(text=self._said(x, values)))
        parts.extend(_tool_call(x, place, call) for place, call in enumerate(fixture.tool_calls))
        message = Message(role="assistant", parts=tuple(parts))
        finish: Finish = "tool_calls" if fixture.tool_calls else "stop"
        return Output(
            id=x.id[4:],
            model=x.request.model,
            created=x.started_at_ms // 1000,
            choices=tuple(
                Choice(index=index, message=message, finish=finish)
                for index in range(_choices_wanted(x))
            ),
        )

    def _said(self, x: Exchange, values: Values) -> str:
        try:
            return self._reply.render(values)
        except ExpressionError as error:
            # A call that is to be mocked reaches no provider, whatever goes wrong here.
            x.note(MockLlm.name, "expr_error", {"fixture": self.fixture.name})
            message = f"The reply of the fixture '{self.fixture.name}' cannot be filled in. {error}"
            raise UpstreamError("bad_answer", message) from error

    def _holds(self, x: Exchange, when: Expression, values: Values) -> bool:
        try:
            return when.holds(values)
        except ExpressionError:
            x.note(MockLlm.name, "expr_error", {"fixture": self.fixture.name})
            return False


def _prepare(number: int, fixture: Fixture) -> Prepared:
    place = f"fixtures[{number}]"
    try:
        return Prepared(fixture, place)
    except ExpressionError as error:
        raise InvalidConfig(place, str(error), code="expression_invalid") from error


def _matcher(fixture: Fixture, place: str) -> Callable[[str], object]:
    match fixture.match:
        case "any":
            return lambda text: True
        case "exact":
            return lambda text: text == fixture.text
        case "contains":
            return lambda text: fixture.text in text
        case "regex":
            regex = operator_regex(fixture.text, f"{place}.text")
            return lambda text: regex.search(text.encode())


def _choices_wanted(x: Exchange) -> int:
    content = x.request.meaning
    if not isinstance(content, Content):
        return 1
    prompts = sum(message.role == "user" for message in content.messages) if content.apart else 1
    return min((content.n or 1) * max(prompts, 1), MOST_CHOICES)


def _tool_call(x: Exchange, place: int, call: MockCall) -> ToolCall:
    # The same call has the same id again, so that recorded conversations match.
    digest = blake2b(f"{x.id}/{place}".encode(), digest_size=9).hexdigest()
    arguments = msgspec.json.encode(call.arguments).decode()
    return ToolCall(id=f"call_{digest}", name=call.name, arguments=arguments)


def _forget(x: Exchange) -> None:
    """An earlier try may have been mocked. What a provider answers to this one is not."""
    if x.simulated:
        x.simulated = ""
        x.told = [told for told in x.told if told[0] != HEADER]


def _counted(x: Exchange) -> Response:
    """How many tokens a question has, about: where nobody answers it, nobody counts it either."""
    x.simulated = "count"
    x.retell(HEADER, "count")
    x.tell("X-Stockyard-Estimated", "true")
    tokens = prompt_tokens(x.request.content)
    return Response(CountOutput(model=x.request.model, tokens=tokens), usage=Usage())


def _pieces(event: Event) -> Iterator[Event]:
    """A text as the pieces in which a model would say it."""
    if not isinstance(event, TextDelta):
        yield event
        return
    for start in range(0, len(event.text), CHARACTERS_PER_PIECE):
        yield replace(event, text=event.text[start : start + CHARACTERS_PER_PIECE])


def _error(status: int, code: str, retry_after: int) -> UpstreamError:
    kind = KINDS.get(status, "provider_fault" if status >= 500 else "bad_request")
    return UpstreamError(
        kind,
        "The mock fails this call on purpose.",
        status=status,
        code=code or None,
        retry_after=retry_after or None,
    )


_ECHO = Prepared(Fixture(name="echo", reply="{{ text }}"))
