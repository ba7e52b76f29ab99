"""Why answers ended: each format's finish reasons (`wire.md` 6)."""

from collections.abc import Container, Mapping
from typing import NamedTuple

from stockyard.core.events import Finished
from stockyard.core.messages import Extra, Finish, Refusal
from stockyard.core.response import Choice


def odd(word: object, known: Container[str]) -> str:
    """The finish reason if it is unknown here. Such an answer counts as complete."""
    return word if isinstance(word, str) and word and word not in known else ""


class Reasons(NamedTuple):
    """How one format says why an answer ended."""

    format: str
    words: Mapping[Finish, str]
    own: Container[str] | None
    """The words that go back as they came if the answer came in this format; None: all."""
    refusal: str = ""
    """For refusals, where the format has neither a field nor a block for them."""

    def of_choice(self, choice: Choice) -> str:
        refused = any(isinstance(part, Refusal) for part in choice.message.parts)
        return self._word(choice.finish, choice.native_finish, choice.extra, refused=refused)

    def of_stream(self, end: Finished | None, *, refused: bool = False) -> str:
        if end is None:
            return self._word(None, None, {}, refused=refused)
        return self._word(end.reason, end.native, end.extra, refused=refused)

    def _word(
        self, finish: Finish | None, native: str | None, extra: Extra, *, refused: bool
    ) -> str:
        if refused and self.refusal and finish in (None, "stop"):
            return self.refusal
        if native is not None and self.format in extra and (self.own is None or native in self.own):
            return native
        return self.words[finish or "stop"]
