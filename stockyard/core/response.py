"""A whole answer of a model."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.meaning import AnyOutput
from stockyard.core.messages import Extra, Finish, Message, map_message
from stockyard.core.money import Usage

K = TypeVar("K", bound=AnyOutput)


class Choice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    index: int = 0
    message: Message
    finish: Finish | None = None
    native_finish: str | None = None
    logprobs: Any = None
    extra: Extra = {}


class Output(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    """The decoded answer to a chat."""

    created: int = 0
    """Seconds since 1970."""
    choices: tuple[Choice, ...] = ()
    service_tier: str | None = None
    warnings: tuple[str, ...] = ()

    def map_text(self, change: Callable[[str], str]) -> "Output":
        choices = tuple(map_choice(c, change) for c in self.choices)
        if all(a is b for a, b in zip(choices, self.choices, strict=True)):
            return self
        return replace(self, choices=choices)


def map_choice(choice: Choice, change: Callable[[str], str]) -> Choice:
    message = map_message(choice.message, change)
    return choice if message is choice.message else replace(choice, message=message)


class Raw(Struct, frozen=True):
    """An answer as the provider sent it. `fields` have lower-case names."""

    format: str
    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes


class Response:
    """A whole answer: the provider's own bytes as long as it is unchanged, and its meaning.

    The meaning is decoded on first use. A changed Response has no `raw`, which tells the gateway to
    encode it again.
    """

    __slots__ = ("_decode", "_output", "raw", "usage")

    def __init__(
        self,
        output: AnyOutput | Callable[[], AnyOutput],
        *,
        usage: Usage | None = None,
        raw: Raw | None = None,
    ) -> None:
        # Not `isinstance`: that is slow for abstract classes such as Callable.
        self._output: AnyOutput | None = None if callable(output) else output
        self._decode = output if callable(output) else None
        self.usage = usage
        self.raw = raw

    @property
    def meaning(self) -> AnyOutput:
        """The decoded answer, whatever the kind of call."""
        if self._output is None:
            assert self._decode is not None  # noqa: S101  one of the two is always set
            self._output, self._decode = self._decode(), None
        return self._output

    def read_as(self, kind: type[K]) -> K:
        """The decoded answer to a call whose kind is known."""
        output = self.meaning
        if not isinstance(output, kind):
            raise TypeError(f"This answer is no {kind.__name__}.")
        return output

    @property
    def output(self) -> Output:
        """The decoded answer to a chat."""
        return self.read_as(Output)

    @property
    def text(self) -> str:
        """The text of the first choice."""
        choices = self.output.choices
        return choices[0].message.text if choices else ""

    def with_output(self, output: AnyOutput) -> "Response":
        return self if output is self._output else Response(output, usage=self.usage)

    def map_text(self, change: Callable[[str], str]) -> "Response":
        return self.with_output(self.output.map_text(change))
