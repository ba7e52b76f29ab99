"""The Exchange: one call through the gateway and everything that happened to it.

Values on it are frozen, the Exchange is not. A module assigns a new request; it never edits one, so
a retry or a fallback can start again from what the client sent.
"""

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from stockyard.core.caller import Caller, Lossy
from stockyard.core.claim import Claim
from stockyard.core.fieldtext import field_text
from stockyard.core.inbound import NO_CONTROL_HEADERS, ControlHeaders, Inbound
from stockyard.core.kind import Kind
from stockyard.core.money import Usage, together
from stockyard.core.ports import Charge
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.core.sharing import Export, Spread
from stockyard.core.target import Attempt, Target
from stockyard.errors import Refused

if TYPE_CHECKING:
    from stockyard.core.window import Windows

Reads = Literal["nothing", "texts", "everything"]
"""What modules read of an answer. With `texts`, answers without any, such as images, may be
streamed through."""


class Finding(Struct, frozen=True, array_like=True):
    """Something a module noticed. Never holds matched text or a secret."""

    module: str
    action: str
    detail: dict[str, Any] | None = None


class Step(Struct, frozen=True, gc=False, array_like=True):
    """One line of the explain strip: which hook ran and how long it took.

    What the module decided and why stands in the Findings that carry its name.
    """

    module: str
    hook: str
    nanoseconds: int


class Constraints(Struct, frozen=True):
    """Conditions every Target must meet; checked again at dispatch."""

    providers: tuple[str, ...] = ()
    """Only these providers; empty means any."""
    models: tuple[str, ...] = ()
    """Only these models; empty means any."""
    credential: str | None = None
    """Only the Credential with this id; "" means only without one."""

    def allow(self, target: Target) -> bool:
        return (
            (not self.providers or target.provider in self.providers)
            and (not self.models or target.model in self.models)
            and (self.credential is None or self.credential == target.credential_id)
        )


ANYWHERE = Constraints()


class Exchange(Struct, kw_only=True, eq=False):
    """One call. `modules.md` 1.2 says who may set which field."""

    # What arrived.

    id: str
    """`req_…`, ours. The caller sees its own id instead if it sent one."""
    kind: Kind
    needs: str = "chat"
    """What a provider must offer to take this call: its kind, or one endpoint of that kind
    (`speech`)."""
    caller: Caller
    inbound: Inbound
    received: Request
    """What the client sent. Never reassigned."""
    as_sent: bytes = b""
    """The client's own body, if `inbound.body` has earlier turns added to it."""
    asked: ControlHeaders = NO_CONTROL_HEADERS
    """The control headers."""
    within: str = ""
    """The id of the call that this one is a part of, such as a realtime session."""
    trace_id: str = ""
    """`tr_…`, the name of this call in Lookout."""
    tags: dict[str, str] = {}
    partition: str = ""
    """Namespace of every cache, memory, vault and counter key: calls with different partitions
    share nothing. It starts as the team."""
    internal: bool = False

    # What will be sent, and where to.

    request: Request = None  # type: ignore[assignment]  # `received`, from `__post_init__` on
    """What will be sent. Starts as `received`; assign a new one to change it."""
    alias: str = ""
    """The name the caller used, if `modelalias` replaced it."""
    answer_model: str = ""
    """The model's name to show in the answer, if it differs from the model that served."""
    targets: tuple[Target, ...] = ()
    """Candidates in order."""
    target: Target | None = None
    """The Target that is being called, or that answered."""
    constraints: Constraints = ANYWHERE
    attempts: list[Attempt] = []
    attempt_cap: int = 0
    """How many tries the call may make in all; 0 is no limit."""
    total_seconds: float = 0.0
    """The time limit of the call over all its tries; 0 before the first of them."""
    lossy: Lossy | None = None
    """What to do with fields that the provider's format has no equivalent for, if a module
    decided."""
    config_version: int = 0
    """The version of the module configuration with which the call began, and which it keeps."""

    # The answer, and how the call ended.

    response: Response | None = None
    """The whole answer once it is complete; for a stream, only if a module needs it."""
    reads: Reads = "everything"
    """What modules read of a whole answer. If not `everything`, it may be streamed through."""
    streamed: bool = False
    """The client gets a stream."""
    simulated: str = ""
    """The `mockllm` fixture that answered; empty if a provider did."""
    told: list[tuple[str, str]] = []
    """Headers that modules add to the answer."""
    told_lines: str = ""
    """More of them, encoded as header lines."""
    abandoned: bool = False
    """The client left before the end."""
    error: Exception | None = None
    status: int = 0
    """The HTTP status that the caller got; 499 if it left first."""
    refused_by: str = ""
    """The module that refused the call."""
    started: int = field(default_factory=perf_counter_ns)
    """On the monotonic clock, in nanoseconds."""
    ended: int = 0
    """On the same clock; 0 while the call is running."""
    started_at_ms: int = 0
    """Milliseconds since 1970."""
    first_content_ns: int | None = None
    """Nanoseconds from the start to the first content-bearing Event or byte of the answer."""

    # Usage and limits.

    usage: Usage | None = None
    lost: Usage | None = None
    """Usage of tries that failed in the end; included in `usage` when the call ends."""
    stored_usage: Usage | None = None
    """Usage of the original call if the answer came from a cache; this call used nothing."""
    charges: tuple[Charge, ...] = ()
    """The limits that the call counts against; settled when it ends."""
    reserved_tokens: int = 0

    # What modules noticed, and what they keep while the call runs.

    findings: list[Finding] = []
    strip: list[Step] = []
    """The explain strip: hooks that ran, and how long each took."""
    vault: dict[str, str] = {}
    """Placeholders and the values they stand for. Never stored, never in a Finding."""
    windows: "Windows | None" = None
    """The hold-back windows of its stream, if a module holds text back (`core/window.py`)."""
    cache_state: str = "off"
    cache_key: bytes = b""
    """Where the answer will be cached; empty if it must not be."""
    claim: Claim | None = None
    """The call that is made once for all who repeat it: this one, or the one that it repeats."""

    # What may be recorded of it, and who gets its trace.

    capture: Literal["off", "metadata", "redacted", "full"] = "off"
    """How much of the call may be stored; `logging` raises it."""
    body_bytes: int = 0
    """How many bytes of its request, and of its answer, may be stored."""
    kept: Response | None = None
    """The answer as far as it came, if a module asked for it (`Module.keeps`)."""
    sampled: bool = True
    """Whether the spans of this call are kept."""
    trace_parent: str = ""
    """W3C trace id and parent span id as `trace_id-span_id`, if the caller sent valid ones."""
    spread: Spread | None = None
    """The providers that get trace headers; None means none."""
    export: Export | None = None
    """Where to send its spans, if it is `sampled` when it ends."""

    def __post_init__(self) -> None:
        self.trace_id = "tr_" + self.id[4:]
        self.request = self.received
        self.started_at_ms = time_ns() // 1_000_000
        self.partition = self.caller.partition
        asked = self.asked
        if asked is not NO_CONTROL_HEADERS:
            self.tags = dict(asked.tags)
            if asked.ignored:
                self.note("ingress", "ignored", {"headers": list(asked.ignored)})

    @property
    def request_id(self) -> str:
        """The id by which the caller knows the request."""
        return self.asked.request_id or self.id

    @property
    def repeats(self) -> bool:
        """Whether it gets the answer to another call instead of making one."""
        return self.claim is not None and self.claim.maker_id != self.id

    @property
    def user(self) -> str:
        """The end user on whose behalf the caller says it calls: from a header, else the body."""
        return self.caller.user or getattr(self.received.meaning, "end_user", None) or ""

    @property
    def untouched(self) -> bool:
        """Whether what will be sent is what came."""
        return self.request is self.received

    def part(self, id: str, *, kind: Kind, received: Request) -> "Exchange":
        """A new call that is a part of this one: for the same caller, and recorded alike."""
        part = Exchange(
            id=id,
            kind=kind,
            needs=kind,
            caller=self.caller,
            inbound=self.inbound,
            received=received,
            asked=self.asked,
        )
        part.within = self.id
        part.tags, part.capture, part.sampled = dict(self.tags), self.capture, self.sampled
        part.partition = self.partition
        return part

    def failed_with(self, error: Exception) -> None:
        """The call has ended with an error."""
        self.error = error
        if isinstance(error, Refused):
            self.refused_by = error.module or ""

    def set_usage_aside(self) -> None:
        """A try failed after it used something, which has to be paid: the next one starts at zero,
        and `count_what_was_lost` adds the two."""
        self.lost, self.usage = together(self.lost, self.usage), None

    def count_what_was_lost(self) -> None:
        """No other try follows: the usage of the call is that of all its tries."""
        self.usage, self.lost = together(self.lost, self.usage), None

    def note(self, module: str, action: str, detail: dict[str, Any] | None = None) -> None:
        """Record that a module noticed something: rule ids, types, counts; never matched text."""
        self.findings.append(Finding(module, action, detail))

    def tell(self, header: str, value: str) -> None:
        """Add a header to the answer. The value is encoded so that it cannot end the line."""
        self.told.append((header, field_text(value)))

    def retell(self, header: str, value: str) -> None:
        """Add a header to the answer, replacing one of that name."""
        self.told = [told for told in self.told if told[0] != header]
        self.tell(header, value)

    def elapsed_us(self) -> int:
        """Microseconds since the start; once the call has ended, from its start to its end."""
        return ((self.ended or perf_counter_ns()) - self.started) // 1000
