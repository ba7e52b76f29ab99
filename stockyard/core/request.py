"""What a caller asks for: a head that routing reads, and content that is decoded on first use."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.messages import Cache, Extra, Message, map_message, texts_of


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
    """What the answer must look like: free text, any JSON object, or JSON after a schema."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    schema: Any = None
    strict: bool | None = None
    extra: Extra = {}


class ReasoningWish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much the model should think, and what of it may be seen."""

    effort: str | None = None
    budget: int | None = None
    """Tokens."""
    summary: str | None = None
    visible: bool | None = None
    mode: str | None = None
    extra: Extra = {}


class Tie(Struct, frozen=True, kw_only=True):
    """Why a request cannot be said in another format, as its caller is told it (400)."""

    code: str
    message: str
    param: str


class Content(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a chat request says beyond its head (model, stream, usage)."""

    messages: tuple[Message, ...] = ()
    max_output: int | None = None
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
    tie: Tie | None = None
    """What keeps the request in its format, such as an answer that one provider keeps."""
    cache: Cache | None = None
    """A cache mark for the whole prompt."""
    extra: Extra = {}
    shape: str | None = None


class Deferred:
    """Content that is decoded when somebody first looks; the copies of one request share it."""

    __slots__ = ("_decode", "_value")

    def __init__(self, decode: Callable[[], Content]) -> None:
        self._decode: Callable[[], Content] | None = decode
        self._value: Content | None = None

    @property
    def value(self) -> Content:
        if self._value is None:
            assert self._decode is not None  # noqa: S101  one of the two is always set
            self._value = self._decode()
            self._decode = None
        return self._value

    @classmethod
    def ready(cls, content: Content) -> "Deferred":
        deferred = cls.__new__(cls)
        deferred._decode, deferred._value = None, content
        return deferred


class Request:
    """What will be sent: a head that routing reads, and content that is decoded on first use.

    Frozen by convention of `__slots__` without setters: use the `with_` methods. Two requests that
    differ only in their head share their content, which is how an encoder knows that it may
    replace the model's name in the original bytes and leave the rest alone.
    """

    __slots__ = ("_deferred", "model", "stream", "wants_usage")

    def __init__(
        self,
        *,
        model: str,
        content: Content | Deferred,
        stream: bool = False,
        wants_usage: bool = False,
    ) -> None:
        self.model = model
        self.stream = stream
        self.wants_usage = wants_usage
        """The client asked for usage in its stream."""
        self._deferred = content if isinstance(content, Deferred) else Deferred.ready(content)

    @property
    def content(self) -> Content:
        return self._deferred.value

    @property
    def messages(self) -> tuple[Message, ...]:
        return self._deferred.value.messages

    def shares_content_with(self, other: "Request") -> bool:
        return self._deferred is other._deferred

    def with_model(self, model: str) -> "Request":
        return Request(
            model=model, content=self._deferred, stream=self.stream, wants_usage=self.wants_usage
        )

    def with_stream(self, stream: bool) -> "Request":
        return Request(
            model=self.model, content=self._deferred, stream=stream, wants_usage=self.wants_usage
        )

    def with_content(self, content: Content) -> "Request":
        return Request(
            model=self.model, content=content, stream=self.stream, wants_usage=self.wants_usage
        )

    def replace(self, **changes: Any) -> "Request":
        """The same request with some fields of its content changed."""
        return self.with_content(replace(self.content, **changes))

    def texts(self) -> Iterator[str]:
        """Every text a model would read: prompts, tool arguments, results and descriptions."""
        for message in self.content.messages:
            yield from texts_of(message.parts)
        for tool in self.content.tools:
            if tool.description:
                yield tool.description

    def map_text(self, change: Callable[[str], str]) -> "Request":
        """Change every text that `texts` would yield; the same request if nothing changed."""
        content = self.content
        messages = tuple(map_message(m, change) for m in content.messages)
        tools = tuple(map_tool(t, change) for t in content.tools)
        if all(a is b for a, b in zip(messages, content.messages, strict=True)) and all(
            a is b for a, b in zip(tools, content.tools, strict=True)
        ):
            return self
        return self.with_content(replace(content, messages=messages, tools=tools))


def map_tool(tool: Tool, change: Callable[[str], str]) -> Tool:
    if not tool.description:
        return tool
    description = change(tool.description)
    return tool if description == tool.description else replace(tool, description=description)
