"""Read a completions stream: the chunks of chat, with a piece of text where chat has a delta."""

from typing import Any

from msgspec.structs import replace

from stockyard.core.events import Event, Started
from stockyard.wire.openai_chat.parts import FORMAT as CHAT
from stockyard.wire.openai_chat.stream import ChatReader
from stockyard.wire.openai_completions.prompts import FORMAT

_Object = dict[str, Any]


class CompletionsReader(ChatReader):
    def _start(self, chunk: _Object, events: list[Event]) -> None:
        super()._start(chunk, events)
        started = events[-1]
        if isinstance(started, Started):
            # Named after this format even when empty: it tells that the provider speaks it.
            events[-1] = replace(started, extra={FORMAT: started.extra.get(CHAT, {})})

    def _read_choice(self, item: _Object, events: list[Event]) -> None:
        text = item.get("text")
        # Log probabilities have another shape here than in chat, and are nobody else's.
        super()._read_choice({**item, "delta": {"content": text}, "logprobs": None}, events)
