"""The hold-back window: edit streamed text as if it had come in one piece.

A Window takes the pieces of one text channel and releases the text that no later character can
change. Its Finder searches the text from the first unreleased character on, and tells which matches
are settled and from where on the text is open. Everything before that point is edited and released.
Text that cannot be the beginning of a match is never held back.

Law: the released text, joined, does not depend on how the channel was cut into pieces. Two facts
ensure it. The point up to which text is settled depends on the text alone, and only moves forward.
And a Window never searches more than the Finder's `reach` of unreleased text at a time: longer
pieces are taken in steps. When a whole reach is open, its matches are taken as they are now and
half of the reach is released, so only a match that is longer than that half can be missed.

The last characters of the released text (`BEFORE`) stay visible to the Finder, as they were before
the edit, for word boundaries and context words.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from msgspec.structs import replace

from stockyard.core.events import (
    TEXT_EVENTS,
    ArgumentsDelta,
    ChoiceStarted,
    CitationAdded,
    Event,
    Finished,
    LogprobsAdded,
    OpaqueEvent,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    TextDelta,
)
from stockyard.core.exchange import Exchange
from stockyard.core.messages import Opaque, Reasoning
from stockyard.core.ports import Span
from stockyard.core.scan.call_search import MOST_TRIES, too_dense
from stockyard.core.scan.matcher import Matches
from stockyard.core.scan.search import BEFORE
from stockyard.core.scan.values import map_value

MAX_COMPANIONS = 4_096
"""Log probabilities kept for one choice until it is complete. More are left out."""

Delta: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | ArgumentsDelta


class Finder(Protocol):
    """Finds matches for a Window. `core.scan.matcher.RuleMatcher` is one."""

    reach: int
    """The longest match, in characters."""

    def matches_in(self, text: str, start: int, *, complete: bool = False) -> Matches:
        """The matches in `text` from `start` on. If it is complete, nothing of it is open."""


class Channel(NamedTuple):
    """A sequence of text deltas that belong together: one text of an answer."""

    kind: type[Delta]
    choice: int
    key: str
    json: bool
    """It is a JSON document, so inserted text must be escaped."""


Name: TypeAlias = tuple[int, str, type[Delta]]
"""Choice, key of the part, and kind of text."""

Edit: TypeAlias = Callable[[Span, str, Channel], str]
"""Returns the replacement for a match. Called once per match, in order; may raise Refused."""


class Window:
    """Edits one text channel."""

    __slots__ = ("_edit", "_finder", "_left", "_start", "_text", "changed", "channel")

    def __init__(self, channel: Channel, finder: Finder, edit: Edit) -> None:
        self.channel = channel
        self.changed = False
        """Whether anything was replaced so far."""
        self._finder = finder
        self._edit = edit
        self._text = ""
        self._start = 0
        """The first unreleased character of `_text`; what stands before it is context."""
        self._left = MOST_TRIES

    def feed(self, piece: str) -> str:
        """Take a piece and return what is settled now. Raises Refused if that costs too much."""
        released: list[str] = []
        at = 0
        self._left = MOST_TRIES
        while at < len(piece):
            room = self._finder.reach - (len(self._text) - self._start)
            self._text += piece[at : at + room]
            at += room
            released.append(self._settle())
        return "".join(released)

    def close(self) -> str:
        """The channel is complete: return the rest."""
        if not self.holds:
            return ""
        found = self._finder.matches_in(self._text, self._start, complete=True)
        return self._release(found.settled, len(self._text))

    @property
    def holds(self) -> bool:
        """Whether text is held back."""
        return self._start < len(self._text)

    def _settle(self) -> str:
        found = self._finder.matches_in(self._text, self._start)
        self._left -= found.tries
        if self._left < 0:
            raise too_dense()
        if found.open_from > self._start:
            return self._release(found.settled, found.open_from)
        if len(self._text) - self._start < self._finder.reach:
            return ""
        return self._give_way(found.pending)

    def _give_way(self, pending: Sequence[Span]) -> str:
        end = self._start + self._finder.reach // 2
        taken = [span for span in pending if span.start < end]
        return self._release(taken, max([end, *(span.end for span in taken)]))

    def _release(self, spans: Sequence[Span], end: int) -> str:
        pieces: list[str] = []
        at = self._start
        for span in spans:
            value = self._text[span.start : span.end]
            edited = self._edit(span, value, self.channel)
            self.changed = self.changed or edited != value
            pieces += (self._text[at : span.start], edited)
            at = span.end
        pieces.append(self._text[at:end])
        kept_from = max(0, end - BEFORE)
        self._text = self._text[kept_from:]
        self._start = end - kept_from
        return "".join(pieces)


class Windows:
    """The Windows of one Exchange, and what its modules remember while the answer streams."""

    __slots__ = ("_companions", "_free_text", "_numbers", "_windows", "tallies")

    def __init__(self) -> None:
        self._windows: dict[str, dict[Name, Window]] = {}
        self._companions: dict[tuple[str, int, str | None], list[Event]] = {}
        self._free_text: set[tuple[int, str]] = set()
        self._numbers: dict[str, dict[str, int]] = {}
        self.tallies: dict[str, Counter[str]] = {}
        """Counts that each module made of the answer so far."""

    def number(self, series: str, value: str) -> int:
        """The number of a value in a series, counted from 1 by first appearance."""
        numbers = self._numbers.setdefault(series, {})
        return numbers.setdefault(value, len(numbers) + 1)

    def tally(self, owner: str, word: str) -> None:
        self.tallies.setdefault(owner, Counter())[word] += 1

    def edit(
        self, owner: str, event: Event, finder: Finder, edit: Edit
    ) -> Event | list[Event] | None:
        """Pass one Event through the owner's Windows. Returns what replaces it."""
        if isinstance(event, TEXT_EVENTS):
            return self._fed(owner, event, finder, edit)
        if isinstance(event, PartStarted):
            return self._opened(event, finder, edit)
        if isinstance(event, CitationAdded):
            return _edited_inside(event, event.choice, event.key, finder, edit)
        if isinstance(event, OpaqueEvent):
            return _edited_inside(event, 0, "", finder, edit)
        if isinstance(event, PartEnded):
            return [*self._closed(owner, event), event]
        if isinstance(event, Finished):
            return [*self._closed(owner, event), _edited_beside(event, finder, edit)]
        if isinstance(event, ChoiceStarted):
            return _edited_beside(event, finder, edit)
        if isinstance(event, LogprobsAdded | SignatureDelta):
            return self._kept(owner, event)
        return event

    def edit_all(
        self, owner: str, events: Iterable[Event], finder: Finder, edit: Edit
    ) -> list[Event]:
        """Pass Events through the owner's Windows, one after the other."""
        edited: list[Event] = []
        for event in events:
            result = self.edit(owner, event, finder, edit)
            if isinstance(result, list):
                edited += result
            elif result is not None:
                edited.append(result)
        return edited

    def _opened(self, event: PartStarted, finder: Finder, edit: Edit) -> PartStarted:
        """A part begins. Edit what it brings whole, because that never comes in pieces."""
        if event.kind_of_tool == "custom":
            self._free_text.add((event.choice, event.key))
        part = event.whole
        if isinstance(part, Opaque):
            edited = _edited_inside(part, event.choice, event.key, finder, edit)
            return event if edited is part else replace(event, whole=edited)
        if not isinstance(part, Reasoning) or not part.summary:
            return event
        channel = Channel(ReasoningDelta, event.choice, event.key, json=False)
        summary = tuple(_edited(text, channel, finder, edit) for text in part.summary)
        if summary == part.summary:
            return event
        return replace(event, whole=replace(part, summary=summary))

    def _fed(self, owner: str, event: Delta, finder: Finder, edit: Edit) -> Event | None:
        windows = self._windows.setdefault(owner, {})
        name = (event.choice, event.key, type(event))
        window = windows.get(name)
        if window is None:
            is_json = (
                isinstance(event, ArgumentsDelta)
                and (event.choice, event.key) not in self._free_text
            )
            channel = Channel(type(event), event.choice, event.key, is_json)
            window = windows[name] = Window(channel, finder, edit)
        text = window.feed(event.text)
        if text == event.text:
            return event
        return replace(event, text=text) if text else None

    def _closed(self, owner: str, event: PartEnded | Finished) -> Iterator[Event]:
        """The rest of the text of a part or choice that ends, and the companions kept with it."""
        ends = self._ending(owner, event)
        for (choice, key, kind), window in ends.items():
            if text := window.close():
                yield kind(key=key, text=text, choice=choice)
        part = event.key if isinstance(event, PartEnded) else None
        companions = self._companions.pop((owner, event.choice, part), ())
        if len(companions) <= MAX_COMPANIONS and not any(w.changed for w in ends.values()):
            yield from companions
        if isinstance(event, Finished):
            for name in ends:
                del self._windows[owner][name]

    def _ending(self, owner: str, event: PartEnded | Finished) -> dict[Name, Window]:
        return {
            name: window
            for name, window in self._windows.get(owner, {}).items()
            if name[0] == event.choice and (isinstance(event, Finished) or name[1] == event.key)
        }

    def _kept(self, owner: str, event: LogprobsAdded | SignatureDelta) -> Event | None:
        """Keep back log probabilities and signatures until it is known whether their text changed.
        They would reveal the original text, or no longer match the edited one."""
        part = event.key if isinstance(event, SignatureDelta) else None
        kept = self._companions.setdefault((owner, event.choice, part), [])
        if len(kept) <= MAX_COMPANIONS:  # one beyond the bound marks that there were too many
            kept.append(event)
        return None


_Holder = TypeVar("_Holder", Opaque, CitationAdded, OpaqueEvent)


def _edited_inside(holder: _Holder, choice: int, key: str, finder: Finder, edit: Edit) -> _Holder:
    """The same, with the texts inside its value edited."""

    def edited(text: str, json: bool) -> str:
        return _edited(text, Channel(TextDelta, choice, key, json), finder, edit)

    value = map_value(holder.value, edited)
    return holder if value is holder.value else replace(holder, value=value)


_Frame = TypeVar("_Frame", ChoiceStarted, Finished)


def _edited_beside(event: _Frame, finder: Finder, edit: Edit) -> _Frame:
    """The same, with the texts in its format-specific fields edited, such as search results."""

    def edited(text: str, json: bool) -> str:
        return _edited(text, Channel(TextDelta, event.choice, "", json), finder, edit)

    extra = map_value(event.extra, edited)
    event = event if extra is event.extra else replace(event, extra=extra)
    if isinstance(event, ChoiceStarted) and event.message is not None:
        extra = map_value(event.message.extra, edited)
        if extra is not event.message.extra:
            return replace(event, message=replace(event.message, extra=extra))
    return event


def _edited(text: str, channel: Channel, finder: Finder, edit: Edit) -> str:
    window = Window(channel, finder, edit)
    return window.feed(text) + window.close()


def windows_of(x: Exchange) -> Windows:
    """The Windows of an Exchange, created on first use."""
    if x.windows is None:
        x.windows = Windows()
    return x.windows
