"""A request: a head that routing reads, and content that is decoded on first use."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.meaning import AnyContent
from stockyard.core.messages import Cache, Extra, Message, map_message, texts_of

C = TypeVar("C", bound=AnyContent)


class Tool(Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    description: str | None = None
    schema: Any = None
    """JSON Schema of the arguments, as given."""
    strict: bool | None = None
    kind: Literal["function", "custom", "server"] = "function"
    cache: Cache | None = None
    extra: Extra = {}


class ToolChoice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which tools the model may or must use. `names` with `named` (one) and `allowed` (some)."""

    mode: Literal["none", "auto", "required", "named", "allowed"]
    names: tuple[str, ...] = ()
    required: bool = False
    """With `allowed`: one of them must be called."""
    extra: Extra = {}


class OutputForm(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the answer must look like: free text, any JSON object, or JSON that matches a schema."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    schema: Any = None
    strict: bool | None = None
    extra: Extra = {}

    @property
    def is_any_object(self) -> bool:
        """Whether any JSON object will do, because there is no schema."""
        return self.kind == "json_object" or (self.kind == "json_schema" and self.schema is None)


class ReasoningWish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much the model should think, and how much of that to show."""

    effort: str | None = None
    budget: int | None = None
    """Tokens."""
    summary: str | None = None
    visible: bool | None = None
    mode: str | None = None
    extra: Extra = {}


class Content(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    """Everything in a chat request beyond its head (model, stream, usage)."""

    messages: tuple[Message, ...] = ()
    apart: bool = False
    """The user's messages are separate prompts, each with its own answer."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    output: OutputForm | None = None
    reasoning: ReasoningWish | None = None
    cache_key: str | None = None
    service_tier: str | None = None
    end_user: str | None = None
    metadata: dict[str, str] | None = None
    modalities: tuple[str, ...] | None = None
    store: bool | None = None
    previous: str | None = None
    summary: bool = False
    """The answer is to be a summary that replaces the conversation from then on."""
    cache: Cache | None = None
    """A cache mark for the whole prompt."""
    shape: str | None = None

    def texts(self) -> Iterator[str]:
        """Prompts, tool arguments, results and descriptions."""
        for message in self.messages:
            yield from texts_of(message.parts)
        for tool in self.tools:
            if tool.description:
                yield tool.description

    def map_text(self, change: Callable[[str], str]) -> Self:
        messages = tuple(map_message(m, change) for m in self.messages)
        tools = tuple(map_tool(t, change) for t in self.tools)
        if all(a is b for a, b in zip(messages, self.messages, strict=True)) and all(
            a is b for a, b in zip(tools, self.tools, strict=True)
        ):
            return self
        return replace(self, messages=messages, tools=tools)


class Deferred:
    """Content that is decoded on first use. The copies of one request share it."""

    __slots__ = ("_decode", "_value")

    def __init__(self, decode: Callable[[], AnyContent]) -> None:
        self._decode: Callable[[], AnyContent] | None = decode
        self._value: AnyContent | None = None

    def value(self) -> AnyContent:
        if self._value is None:
            assert self._decode is not None  # noqa: S101  one of the two is always set
            self._value = self._decode()
            self._decode = None
        return self._value

    @classmethod
    def ready(cls, content: AnyContent) -> "Deferred":
        deferred = cls.__new__(cls)
        deferred._decode, deferred._value = None, content
        return deferred


class Request:
    """A request to a model: a head that routing reads, and content that is decoded on first use.

    Frozen by convention: use the `with_` methods to make a changed copy. Copies that differ only in
    their head share their content, which tells an encoder that it may replace the model's name in
    the original bytes and leave the rest as it is.
    """

    __slots__ = ("_deferred", "makes", "model", "stream", "wants_usage")

    def __init__(
        self,
        *,
        model: str,
        content: AnyContent | Deferred,
        stream: bool = False,
        wants_usage: bool = False,
        makes: bool = False,
    ) -> None:
        self.model = model
        self.stream = stream
        self.wants_usage = wants_usage
        """The client asked for usage in its stream."""
        self.makes = makes
        """The provider may create and store something along with the answer, such as a file."""
        self._deferred = content if isinstance(content, Deferred) else Deferred.ready(content)

    @property
    def meaning(self) -> AnyContent:
        """The content, whatever kind of call this is."""
        return self._deferred.value()

    def read_as(self, kind: type[C]) -> C:
        """The content of a call whose kind is known."""
        content = self._deferred.value()
        if not isinstance(content, kind):
            raise TypeError(f"This request is no {kind.__name__}.")
        return content

    @property
    def content(self) -> Content:
        """The content of a chat."""
        return self.read_as(Content)

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.content.messages

    def differs_in_model_only(self, other: "Request") -> bool:
        return (
            self._deferred is other._deferred
            and self.stream == other.stream
            and self.wants_usage == other.wants_usage
        )

    def with_model(self, model: str) -> "Request":
        return Request(
            model=model, content=self._deferred, stream=self.stream, wants_usage=self.wants_usage
        )

    def streamed(self) -> "Request":
        """The same, to be answered as a stream."""
        return self._answered(stream=True)

    def whole(self) -> "Request":
        """The same, to be answered whole."""
        return self._answered(stream=False)

    def _answered(self, *, stream: bool) -> "Request":
        return Request(
            model=self.model, content=self._deferred, stream=stream, wants_usage=self.wants_usage
        )

    def with_content(self, content: AnyContent) -> "Request":
        return Request(
            model=self.model, content=content, stream=self.stream, wants_usage=self.wants_usage
        )

    def replace(self, **changes: Any) -> "Request":
        """The same request with some fields of its content changed."""
        return self.with_content(replace(self.meaning, **changes))

    def texts(self) -> Iterator[str]:
        """Every text a model would read."""
        return self.meaning.texts()

    def map_text(self, change: Callable[[str], str]) -> "Request":
        """Change every text that `texts` would yield; the same request if nothing changed."""
        content = self.meaning
        changed = content.map_text(change)
        return self if changed is content else self.with_content(changed)


def map_tool(tool: Tool, change: Callable[[str], str]) -> Tool:
    if not tool.description:
        return tool
    description = change(tool.description)
    return tool if description == tool.description else replace(tool, description=description)
