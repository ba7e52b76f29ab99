"""A prepared reply: the calls it is for, and what it answers them."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from stockyard.core.conditions import Values
from stockyard.core.exchange import Exchange
from stockyard.core.expressions import Expression, ExpressionError, Template
from stockyard.core.glob import Glob
from stockyard.core.messages import AnyPart, Finish, Message, Text, ToolCall
from stockyard.core.request import Content
from stockyard.core.response import Choice, Output
from stockyard.core.scan.regex import operator_regex
from stockyard.errors import InvalidConfig

FailAt = Literal["none", "connect", "first_byte", "after_events"]
MOST_CHOICES = 128


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


class PreparedReply:
    """A fixture, compiled and ready to be matched. `place` names it in configuration errors."""

    def __init__(self, fixture: Fixture, place: str) -> None:
        self.fixture = fixture
        self._uses = 0
        self._model = Glob(fixture.model)
        self._matches = _matcher(fixture, place)
        try:
            self._when = Expression(fixture.when) if fixture.when else None
            self._reply = Template(fixture.reply)
        except ExpressionError as error:
            raise InvalidConfig(place, str(error), code="expression_invalid") from error

    def takes(self, x: Exchange, values: Values) -> bool:
        """Whether it answers this call, which is then one of its uses.

        Raises ExpressionError where `when` cannot be evaluated.
        """
        if self.fixture.times and self._uses >= self.fixture.times:
            return False
        if not self._is_for(x) or not self._matches(values["text"]):
            return False
        if self._when is not None and not self._when.holds(values):
            return False
        self._uses += 1
        return True

    def _is_for(self, x: Exchange) -> bool:
        # Callers may put the provider's name before the model's.
        target = x.target or next(iter(x.targets), None)
        matches = self._model.matches
        return matches(x.request.model) or (target is not None and matches(target.model))

    def output(self, x: Exchange, values: Values) -> Output:
        """The answer. Raises ExpressionError where the reply cannot be rendered."""
        fixture = self.fixture
        parts: list[AnyPart] = []
        if fixture.reply_json is not None:
            parts.append(Text(text=msgspec.json.encode(fixture.reply_json).decode()))
        elif fixture.reply:
            parts.append(Text(text=self._reply.render(values)))
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
