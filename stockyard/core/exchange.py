"""The Exchange: one call through the gateway and everything that happened to it.

Values on it are frozen, the Exchange is not. A module assigns a new request; it never edits one, so
a retry or a fallback can start again from what the client sent.
"""

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from stockyard.core.caller import Caller, Lossy
from stockyard.core.fieldtext import field_text
from stockyard.core.inbound import NOTHING_ASKED, Asked, Inbound
from stockyard.core.kind import Kind
from stockyard.core.money import Usage, together
from stockyard.core.ports import Charge
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.core.sharing import Export, Spread
from stockyard.core.target import Attempt, Target

if TYPE_CHECKING:
    from stockyard.core.window import Windows

Reads = Literal["nothing", "texts", "everything"]
"""`texts`: some module may change them, so an answer without any need not wait."""


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
    """Only these; empty means any."""
    models: tuple[str, ...] = ()
    credential: str | None = None
    """Only with this one, by its id; "" is only without any."""

    def allow(self, target: Target) -> bool:
        return (
            (not self.providers or target.provider in self.providers)
            and (not self.models or target.model in self.models)
            and (self.credential is None or self.credential == target.credential_id)
        )


ANYWHERE = Constraints()


class Exchange(Struct, kw_only=True, eq=False):
    """One call. See `modules.md` 1.2 for who fills and who may change what."""

    id: str
    """`req_…`, ours. The caller sees its own instead if it sent one."""
    kind: Kind
    needs: str = "chat"
    """What a provider must offer to take this call: its kind, or the one of the kind's endpoints
    that was called (`speech`)."""
    caller: Caller
    inbound: Inbound
    received: Request
    """What the client sent. Never reassigned."""
    as_sent: bytes = b""
    """The client's own body, where `inbound.body` holds earlier turns besides."""
    asked: Asked = NOTHING_ASKED
    within: str = ""
    """The call that this one is a part of, such as a session. That one counts as under way."""
    trace_id: str = ""
    """`tr_…`, the name of this call in Lookout."""
    request: Request = None  # type: ignore[assignment]  # `received`, from `__post_init__` on
    """What will be sent. Starts as `received`; assign a new one to change it."""
    started: int = field(default_factory=perf_counter_ns)
    """On the monotonic clock, in nanoseconds."""
    ended: int = 0
    """On the same clock; 0 while the call is under way."""
    started_at_ms: int = 0
    first_content_ns: int | None = None
    """Nanoseconds from the start to the first content-bearing Event or byte of the answer."""
    alias: str = ""
    """The name the caller used, when `modelalias` replaced it."""
    answer_model: str = ""
    """The model's name that the answer carries, where it is not that of the model that served."""
    targets: tuple[Target, ...] = ()
    """Candidates in order."""
    target: Target | None = None
    """The one that is being called, or that answered."""
    constraints: Constraints = ANYWHERE
    attempts: list[Attempt] = []
    attempt_cap: int = 0
    """How many tries the call may make in all; 0 is no limit."""
    total_seconds: float = 0.0
    """How long the call may take in all, over all its tries; 0 until the first of them."""
    response: Response | None = None
    """The whole answer once it is complete; of a stream only if a module asked to keep it."""
    usage: Usage | None = None
    lost: Usage | None = None
    """What tries used that failed after all; a part of `usage` when the call ends."""
    stored_usage: Usage | None = None
    """Usage of the answer that a cache replayed; the call itself used nothing."""
    findings: list[Finding] = []
    strip: list[Step] = []
    tags: dict[str, str] = {}
    partition: str = ""
    """Hard isolation: part of every cache, memory, vault and counter key. It starts as the team."""
    vault: dict[str, str] = {}
    """Placeholders and what they stand for. Never stored, never in a Finding."""
    told: list[tuple[str, str]] = []
    told_lines: str = ""
    """Headers of the answer that are written already, each line with its end."""
    charges: tuple[Charge, ...] = ()
    """What the call was counted against; settled when it ends."""
    reserved_tokens: int = 0
    capture: Literal["off", "metadata", "redacted", "full"] = "off"
    """What of this call may be written down; `logging` raises it."""
    body_bytes: int = 0
    """How much of its request, and of its answer, may be."""
    kept: Response | None = None
    """The answer, if a module asked for it to be kept (`Module.keeps`), as far as it came."""
    sampled: bool = True
    """Whether the spans of this call are kept."""
    cache_state: str = "off"
    cache_key: bytes = b""
    """Where the answer will be stored; empty when it must not be."""
    lossy: Lossy | None = None
    """What becomes of the call where a provider cannot be told all that it says, if a module has
    decided."""
    simulated: str = ""
    """Who answered in a provider's place (`mockllm` fixture name); empty for a real answer."""
    internal: bool = False
    streamed: bool = False
    reads: Reads = "everything"
    """What modules want to see of a whole answer before its client does."""
    abandoned: bool = False
    error: Exception | None = None
    status: int = 0
    """The HTTP status that the caller got; 499 when it left first."""
    refused_by: str = ""
    trace_parent: str = ""
    """W3C trace id and parent span id, as `trace_id-span_id`, when the caller sent valid ones."""
    spread: Spread | None = None
    """Who is told of the trace; None is nobody."""
    export: Export | None = None
    """Where its spans are sent, if it is `sampled` in the end."""
    windows: "Windows | None" = None
    """The hold-back windows of its stream (`core.window.Windows`), if a module holds text back."""

    def __post_init__(self) -> None:
        self.trace_id = "tr_" + self.id[4:]
        self.request = self.received
        self.started_at_ms = time_ns() // 1_000_000
        self.partition = self.caller.partition
        asked = self.asked
        if asked is not NOTHING_ASKED:
            self.tags = dict(asked.tags)
            if asked.ignored:
                self.note("ingress", "ignored", {"headers": list(asked.ignored)})

    @property
    def request_id(self) -> str:
        """What the caller knows the request by."""
        return self.asked.request_id or self.id

    @property
    def user(self) -> str:
        """Whom the caller says that it calls for: in a header, or else in the body."""
        return self.caller.user or getattr(self.received.meaning, "end_user", None) or ""

    @property
    def untouched(self) -> bool:
        """Whether what will be sent is what came."""
        return self.request is self.received

    def set_usage_aside(self) -> None:
        """The try that used it has failed. It is paid for, and the next one counts anew."""
        self.lost, self.usage = together(self.lost, self.usage), None

    def count_what_was_lost(self) -> None:
        """No other try follows: what the call used is what all of them did."""
        self.usage, self.lost = together(self.lost, self.usage), None

    def note(self, module: str, action: str, detail: dict[str, Any] | None = None) -> None:
        """Record that a module noticed something: rule ids, types, counts; never matched text."""
        self.findings.append(Finding(module, action, detail))

    def tell(self, header: str, value: str) -> None:
        """Add a header to the answer. Whatever the value holds, it cannot break out of its line."""
        self.told.append((header, field_text(value)))

    def retell(self, header: str, value: str) -> None:
        """Add a header to the answer, in place of one of that name."""
        self.told = [told for told in self.told if told[0] != header]
        self.tell(header, value)

    def elapsed_us(self) -> int:
        """Since the start, or from the start to the end."""
        return ((self.ended or perf_counter_ns()) - self.started) // 1000
