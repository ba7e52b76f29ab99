"""What the messages of a Gemini Live session mean (`BidiGenerateContent`).

The client names the model in its first message, and the provider begins an answer whenever it takes
something for the end of a question. Answers have no names, and only one is under way at a time.
What one used is told with its end, or beside it; of several counts the last one is that of all.
There is no word for an error, nor for one answer that is to stop: the session ends instead.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.fields import object_in
from stockyard.wire.gemini.usage import read_usage
from stockyard.wire.realtime import Asks, Begun, Done, Heard
from stockyard.wire.resource_names import bare_model

_ESCAPED = re.compile(rb"\\u00[2-7]")
_SPEAKS = (b'"modelTurn"', b'"toolCall"')
_TELLS = (b'"usageMetadata"', b'"turnComplete"')
_NAMES = {
    "responseTokenCount": "candidatesTokenCount",
    "responseTokensDetails": "candidatesTokensDetails",
}
"""As sessions call it -> as whole answers do."""


class LiveWords:
    binary = True

    def __init__(self) -> None:
        self._set_up = False
        self._answers = 0
        self._speaking = ""
        """The answer that is under way; empty between two."""
        self._owing = ""
        """One that has ended, and what it used is still to be told."""
        self._usage: Usage | None = None
        """What was told and belongs to neither yet."""

    def asks_in(self, message: bytes) -> Asks | None:
        if self._set_up or (b'"setup"' not in message and not _ESCAPED.search(message)):
            return None
        setup = object_in(message).get("setup")
        if not isinstance(setup, dict):
            return None
        self._set_up = True
        model = setup.get("model")
        return Asks(model=bare_model(model) if isinstance(model, str) else "")

    def heard_in(self, message: bytes) -> Iterable[Heard]:
        tells = any(mark in message for mark in _TELLS)
        if not tells and (self._speaking or not any(mark in message for mark in _SPEAKS)):
            return
        told = object_in(message)
        content = told.get("serverContent")
        content = content if isinstance(content, dict) else {}
        if not self._speaking and ("modelTurn" in content or "toolCall" in told):
            if self._owing:
                yield self._done()
            self._answers += 1
            self._speaking = f"answer {self._answers}"
            yield Begun(self._speaking)
        said = told.get("usageMetadata")
        if isinstance(said, dict):
            self._usage = _usage(said) or self._usage
        over = content.get("turnComplete") is True
        if over and self._speaking:
            self._owing, self._speaking = self._speaking, ""
        if self._usage is not None and (self._owing or over):
            yield self._done()

    def _done(self) -> Done:
        done = Done(self._usage, self._owing)
        self._owing, self._usage = "", None
        return done

    def ended(self) -> Iterable[Heard]:
        self._owing = self._owing or self._speaking
        if self._usage is not None:
            yield self._done()

    def error_event(self, error: Mapping[str, Any], event_id: str, asked: str) -> bytes | None:
        return None

    def cancelling(self, response_id: str) -> bytes | None:
        return None


def _usage(said: Mapping[str, Any]) -> Usage | None:
    return read_usage({_NAMES.get(name, name): value for name, value in said.items()})
