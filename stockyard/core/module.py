"""What a module is: one class that says what it is, what can be set, and what it does.

A `Toggle` is the upper half of that: a name, docs and a Config for something that is not around a
call. A `Module` adds a stage and hooks:

    on_request(x)          on the way in: assign `x.request`, return an Answer to answer early, or
                           raise Refused
    around(x, call)        stage CALL only: call once, several times, or not at all
    on_chunk(x, event)     one Event of a streamed answer: return it, a list of Events, or None
    on_response(x)         the answer is complete: assign `x.response`, or raise Refused
    on_error(x, error)     the call failed: return an Answer to recover
    on_head(x)             the head of the answer is about to be written: `x.tell` adds to it

Each is optional. A hook is a plain function unless it really waits; only then `async def`.
"""

from collections.abc import Awaitable, Callable
from enum import Enum, IntEnum
from typing import Any, ClassVar, Generic, Literal, TypeVar

from msgspec import Struct

from stockyard.core.exchange import Exchange
from stockyard.core.kind import ALL_KINDS, Kind
from stockyard.core.ports import Ports
from stockyard.core.stream import Answer

HIDDEN = "***"
"""Shown in place of a secret value of a Config."""


class Stage(IntEnum):
    """When a module runs on the way in. Answers and errors pass in reverse."""

    OBSERVE = 1
    ADMIT = 2
    SHAPE = 3
    INSPECT = 4
    ROUTE = 5
    BUDGET = 6
    RECALL = 7
    CALL = 8


class Streaming(Enum):
    """What a module does with a streamed answer."""

    IGNORES = "ignores"
    CHUNKS = "chunks"
    WHOLE = "whole"


class Fails(Enum):
    """What happens to the call when the module itself breaks."""

    OPEN = "open"
    CLOSED = "closed"


class ModuleConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set on a module. Every field is described, bounded and has a default."""

    secret: ClassVar[tuple[str, ...]] = ()
    """Fields with secret values, which may be set but are never shown. Each is a table of texts."""


C = TypeVar("C", bound=ModuleConfig, covariant=True)
Call = Callable[[Exchange], Awaitable[Answer]]


class Toggle(Generic[C]):
    """A switch that has a Config but no hooks around a call."""

    name: ClassVar[str]
    category: ClassVar[str] = "custom"
    config: C

    def __init__(self, config: C, ports: Ports) -> None:
        self.config = config
        self.ports = ports


class Module(Toggle[C]):
    """A behaviour around a call."""

    stage: ClassVar[Stage]
    streaming: Streaming = Streaming.IGNORES
    fails: Fails = Fails.OPEN
    handles: ClassVar[frozenset[Kind]] = ALL_KINDS
    on_by_default: ClassVar[bool] = False
    only_keyed: ClassVar[bool] = False
    """Only calls with an `Idempotency-Key` pass it; for all others it costs nothing."""
    wants_response: bool = False
    """`on_response` reads `x.response` of streams too, so their Events are kept until the end."""
    keeps: Literal["", "served", "delivered"] = ""
    """Ask for the answer to a text call on `x.kept` when it is over, to be stored: as the provider
    `served` it, before any module changed it, or as it was `delivered` to the caller."""
    reads_closely: bool = False
    """`on_chunk` is slow on long texts, so those are edited in a thread."""
    patience_seconds: float = 2.0
    """How long one of its async hooks may wait, `around` excepted."""
    reach: int = 0
    """The longest text it matches, in characters (at most 4,096): what the Window holds back."""
    only_notes: bool = False
    """With its Config it changes and refuses nothing. A module of stage INSPECT without this flag
    also blocks the kinds of call whose text it cannot read (`Line.guards`)."""
    skips: frozenset[str] = frozenset()
    """Hooks that have nothing to do with its Config; they are not called."""

    def idle(self) -> bool:
        """Whether it has nothing to do with its Config; it then stays out of the Pipeline."""
        return False


AnyModule = Module[Any]
