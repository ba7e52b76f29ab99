"""Look on while a completions stream is forwarded: as chat's, with text where chat has a delta."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.wire.openai_chat.look import ChatLook


class _Choice(Struct, gc=False):
    text: Any = None


class _Chunk(Struct, gc=False):
    choices: list[_Choice] | None = None


_texts = msgspec.json.Decoder(_Chunk).decode


class CompletionsLook(ChatLook):
    def _first(self, data: bytes) -> Any:
        if any(choice.text for choice in _texts(data).choices or ()):
            self.content = True
        return super()._first(data)
