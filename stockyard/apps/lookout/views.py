"""Traces as the API shows them: the row, its old field names, and the explain strip."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from stockyard.apps.lookout.models import AttemptRow, Call, FindingRow, Status, Trace

MAX_REASON = 200


class TraceView(Call, frozen=True, kw_only=True):
    """One call. Costs are null while no price is known. The last block are older names."""

    tags: dict[str, str]
    config_version: int
    client: str
    attempt_count: int
    finding_count: int
    links: dict[str, str]

    cost_usd: float | None
    created_at: str
    duration_ms: float
    service: str = "proxy"
    operation: str
    metadata_json: str


class HookTime(Struct, frozen=True, kw_only=True):
    hook: str
    us: float


class ExplainLine(Struct, frozen=True, kw_only=True):
    """What one module did: its decision and reason, its time per hook, and what it noticed."""

    module: str
    decision: str
    reason: str
    us: float
    hooks: list[HookTime]
    findings: list[FindingRow]


class Explanation(Struct, frozen=True, kw_only=True):
    """What happened to a call, module by module in the order they ran."""

    trace_id: str
    status: Status
    asked: str
    served: str
    steps: list[ExplainLine]
    attempts: tuple[AttemptRow, ...]
    gateway_us: int
    total_us: int


class TraceDetail(TraceView, frozen=True, kw_only=True):
    """One call with everything that is known about it, but what was said in it."""

    has_body: bool
    """What was said is kept, and is read at `links.body`."""
    attempts: tuple[AttemptRow, ...]
    findings: tuple[FindingRow, ...]
    explain: list[ExplainLine]


def view(trace: Trace) -> TraceView:
    return TraceView(**shared(trace))


def detail(trace: Trace, *, has_body: bool) -> TraceDetail:
    return TraceDetail(
        **shared(trace),
        has_body=has_body,
        attempts=trace.attempts,
        findings=trace.findings,
        explain=explain_lines(trace),
    )


def explanation(trace: Trace) -> Explanation:
    return Explanation(
        trace_id=trace.id,
        status=trace.status,
        asked=trace.model_asked,
        served=f"{trace.provider}/{trace.model}" if trace.provider else "",
        steps=explain_lines(trace),
        attempts=trace.attempts,
        gateway_us=trace.gateway_us,
        total_us=trace.total_us,
    )


def explain_lines(trace: Trace) -> list[ExplainLine]:
    """One line per module: first those that ran, then those that only left a finding."""
    modules = [step.module for step in trace.strip] + [one.module for one in trace.findings]
    return [explain_line(trace, module) for module in dict.fromkeys(modules)]


def explain_line(trace: Trace, module: str) -> ExplainLine:
    steps = [step for step in trace.strip if step.module == module]
    findings = [finding for finding in trace.findings if finding.module == module]
    refused = trace.error_module == module
    return ExplainLine(
        module=module,
        decision="refused" if refused else findings[-1].action if findings else "passed",
        reason=reason_of(trace, findings) if refused or findings else "",
        us=sum(step.nanoseconds for step in steps) / 1000,
        hooks=[HookTime(hook=step.hook, us=step.nanoseconds / 1000) for step in steps],
        findings=findings,
    )


def reason_of(trace: Trace, findings: list[FindingRow]) -> str:
    """The last finding in words, or the code of the refusal."""
    if not findings:
        return trace.error_code or ""
    facts = (findings[-1].detail or {}).items()
    return ", ".join(f"{name} {value}" for name, value in facts)[:MAX_REASON]


def shared(trace: Trace) -> dict[str, Any]:
    row = msgspec.structs.asdict(trace)
    for name in ("seq", "strip", "attempts", "findings"):
        del row[name]
    cost = trace.cost_micros
    received = datetime.fromtimestamp(trace.received_at / 1000, UTC)
    return row | {
        "attempt_count": len(trace.attempts),
        "finding_count": len(trace.findings),
        "links": {
            "self": f"/api/lookout/traces/{trace.id}",
            "explain": f"/api/lookout/traces/{trace.id}/explain",
            "body": f"/api/lookout/traces/{trace.id}/body",
        },
        "cost_usd": None if cost is None else cost / 1_000_000,
        "created_at": received.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "duration_ms": trace.total_us / 1000,
        "operation": trace.kind,
        "metadata_json": msgspec.json.encode(trace.tags).decode(),
    }
