"""Applies a provider's quirks to the bytes of a request, and leaves alone what none concerns."""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, json

from stockyard.providers.provider import Provider
from stockyard.providers.quirks.names import quirk
from stockyard.providers.quirks.quirk import Body, Quirk


class Corrected(NamedTuple):
    body: bytes
    """The very same object when nothing had to change."""
    dropped: tuple[str, ...] = ()
    """Fields that were left out or weakened, as the provider's format spells them."""


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


class _Shape(Struct):
    """What quirks rely on. Bodies that were forwarded unread may look otherwise."""

    messages: list[_Message]
    tools: list[_Tool] | None = None
    n: int | None = None
    temperature: float | None = None
    thinking: dict[str, Any] | None = None
    reasoning_effort: str | None = None


class Corrections:
    """All quirks of one provider, ready to use."""

    __slots__ = ("_always", "_keys", "_provider", "_quirks")

    def __init__(self, provider: Provider) -> None:
        found = [one for name in provider.quirks if (one := quirk(name)) is not None]
        self._provider = provider
        self._quirks: tuple[Quirk, ...] = tuple(found)
        self._always = any(not one.looks_at for one in found)
        keys = dict.fromkeys(key for one in found for key in one.looks_at)
        self._keys = tuple(f'"{key}"'.encode() for key in keys)

    def may_affect(self, body: bytes) -> bool:
        """Whether a quirk could change these bytes; cheap, and right when it says no.

        A key that is spelled with escapes is not seen. It reaches the provider as it is, which
        then says what it thinks of it.
        """
        return self._always or any(key in body for key in self._keys)

    def correct(self, body: bytes) -> Corrected:
        """A body that does not look like its format stays as it is: the provider will refuse it."""
        if not self.may_affect(body):
            return Corrected(body)
        try:
            json.decode(body, type=_Shape)
            return self._corrected(body, json.decode(body))
        except (msgspec.DecodeError, RecursionError):
            return Corrected(body)

    def _corrected(self, body: bytes, given: Body) -> Corrected:
        fields = given
        model = self._provider.traits_of(str(given.get("model", "")))
        dropped: dict[str, None] = {}
        for one in self._quirks:
            fields, lost = one.change(fields, model)
            dropped |= dict.fromkeys(lost)
        return Corrected(body if fields is given else json.encode(fields), tuple(dropped))


@lru_cache(maxsize=256)
def corrections_of(provider: Provider) -> Corrections:
    return Corrections(provider)
