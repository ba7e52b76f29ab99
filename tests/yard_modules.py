"""Modules that several tests add to a yard."""

from msgspec.structs import replace

from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming

ENDED: list[str] = []
"""What every Ender was told about the end of calls; to be cleared before a test."""


class Shout(Module[ModuleConfig]):
    """Turns text into capitals, Event by Event."""

    name = "shout"
    category = "text"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        return replace(event, text=event.text.upper()) if isinstance(event, TextDelta) else event


class Ender(Module[ModuleConfig]):
    """Notes how calls end."""

    name = "ender"
    category = "observe"
    stage = Stage.OBSERVE

    def on_response(self, x: Exchange) -> None:
        ENDED.append("response")

    def on_error(self, x: Exchange, error: Exception) -> None:
        ENDED.append(type(error).__name__)
