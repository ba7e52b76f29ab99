"""Applies a provider's quirks to the bytes of a request, and leaves all other requests
untouched."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, json

from stockyard.providers.provider import Provider
from stockyard.providers.quirks import hosted_claude
from stockyard.providers.quirks.names import (
    DEVELOPER_ROLE,
    MESSAGES,
    RESPONSES,
    SEALS_OF_OTHERS,
    SYSTEM_FOR_DEVELOPER,
    WATSONX_EMBED,
    WATSONX_RERANK,
    quirk,
)
from stockyard.providers.quirks.quirk import Body, ModelTraits, Quirk

INVOKE = "bedrock.invoke"
"""Bodies of Messages whose head says nothing."""


class Changed(NamedTuple):
    body: bytes
    """The same object if nothing had to change."""
    noted: tuple[str, ...] = ()
    """Fields that were left out or weakened, as the provider's format spells them."""


def apply(
    provider: Provider, model: str, format_: str, body: bytes, *, betas: bytes | None = None
) -> Changed:
    """Correct a request in `format_`: what an encoder wrote, or what a caller sent.

    `betas` is the caller's header field, for a provider that wants it in the body. A body that does
    not look like its format stays as it is: the provider will refuse it.
    """
    found = _quirks_of(provider, format_)
    if not betas and not found.concern(body):
        return Changed(body)
    try:
        json.decode(body, type=_SHAPES.get(format_, _Chat))
        given = json.decode(body)
        if betas:
            given = hosted_claude.with_betas(given, betas.decode("latin-1"))
        return found.applied(provider.traits_of(model), body, given)
    except (msgspec.DecodeError, RecursionError):
        return Changed(body)


def in_body(provider: Provider, format_: str) -> bool:
    """Whether this provider takes in the body what other providers of the format take in
    headers."""
    return format_ == INVOKE or (format_ == MESSAGES and "vertex_raw_predict" in provider.traits)


def concern(provider: Provider, format_: str) -> bool:
    """Whether this provider has any quirks for requests in this format."""
    return bool(_quirks_of(provider, format_))


def marks(provider: Provider, format_: str) -> tuple[bytes, ...]:
    """Every body that its quirks change contains one of these words; empty if that is unknown."""
    return _quirks_of(provider, format_).marks


class _Quirks:
    """All quirks of one provider for one format, ready to use."""

    __slots__ = ("_looks_at", "_quirks", "marks")

    def __init__(self, quirks: tuple[Quirk, ...]) -> None:
        self._quirks = quirks
        self._looks_at = _finder(quirks)
        likes = [one.looks_like[0] for one in quirks if one.looks_like is not None]
        self.marks = tuple(likes) if len(likes) == len(quirks) else ()

    def __bool__(self) -> bool:
        return bool(self._quirks)

    def concern(self, body: bytes) -> bool:
        """Whether a quirk could change these bytes; cheap, and right when it says no.

        A key that is spelled with escapes is not seen. It reaches the provider as it is, and what
        to make of it is up to the provider.
        """
        return self._looks_at is not None and self._looks_at.search(body) is not None

    def applied(self, model: ModelTraits, body: bytes, given: Body) -> Changed:
        fields = given
        noted: dict[str, None] = {}
        for one in self._quirks:
            fields, lost = one.change(fields, model)
            noted |= dict.fromkeys(lost)
        return Changed(body if fields is given else json.encode(fields), tuple(noted))


def _finder(quirks: tuple[Quirk, ...]) -> re.Pattern[bytes] | None:
    """Finds the keys and values that some quirk looks at, in one pass."""
    if not quirks:
        return None
    if any(
        not (one.looks_at or one.looks_for or one.looks_inside or one.looks_like) for one in quirks
    ):
        # It changes every body.
        return re.compile(b"")
    likes = {one.looks_like[1] for one in quirks if one.looks_like is not None}
    keys = {re.escape(key.encode()) for one in quirks for key in one.looks_at}
    values = {rb'"%b"' % re.escape(value.encode()) for one in quirks for value in one.looks_for}
    values |= {rb'"%b' % re.escape(text.encode()) for one in quirks for text in one.looks_inside}
    key = rb'"(?:%b)"[ \t\r\n]*:' % b"|".join(sorted(keys))
    return re.compile(b"|".join([*([key] if keys else ()), *sorted(values), *sorted(likes)]))


@lru_cache(maxsize=512)
def _quirks_of(provider: Provider, format_: str) -> _Quirks:
    found = [SEALS_OF_OTHERS, *(quirk(name) for name in provider.quirks)]
    if DEVELOPER_ROLE not in provider.features:
        found.append(SYSTEM_FOR_DEVELOPER)
    about = MESSAGES if format_ == INVOKE else format_  # it has the same bodies
    return _Quirks(tuple(one for one in found if one is not None and one.format == about))


class _Part(Struct):
    text: str | None = None
    input_audio: dict[str, str] | None = None


class _ToolCall(Struct):
    id: str | None = None


class _Tool(Struct):
    function: dict[str, Any] | None = None


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning: str | None = None
    reasoning_details: list[_Part] | None = None


class _Chat(Struct):
    """What quirks rely on. Bodies that were forwarded unread may look otherwise."""

    messages: list[_Message]
    tools: list[_Tool] | None = None
    n: int | None = None
    temperature: float | None = None
    thinking: dict[str, Any] | None = None
    reasoning_effort: str | None = None


class _Items(Struct):
    input: str | list[dict[str, Any]] | None = None


class _Texts(Struct):
    input: Any


class _Inputs(Struct):
    model_id: str


_SHAPES: dict[str, type[Struct]] = {
    "openai.embeddings": _Texts,
    RESPONSES: _Items,
    WATSONX_EMBED: _Inputs,
    WATSONX_RERANK: _Inputs,
}
