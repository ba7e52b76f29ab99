"""A finished call as OpenTelemetry spans: the call, its tries, and the modules that mattered.

Figures and names only, never a prompt or an answer. A module's step has a length but no time of its
own: request hooks run one after the other from the beginning, all others at the end.

Attributes are those of the GenAI conventions
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), of OpenInference
(https://github.com/Arize-ai/openinference/tree/main/spec), or ours.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from stockyard.apps.lookout.traces import error_of
from stockyard.core.exchange import Exchange, Step
from stockyard.core.sharing import Dialect
from stockyard.core.target import Attempt
from stockyard.core.tracing import attempt_span, span_of, trace_of

LONG_STEP_NS = 100_000
"""A module that noted nothing is shown when it took longer."""
MAX_NAME = 500
"""Characters of a model's name: callers choose it."""
MAX_STEPS = 50
INTERNAL, SERVER, CLIENT = 1, 2, 3
OK, FAILED = 1, 2

Span = dict[str, Any]

NAMES: Mapping[Dialect, Mapping[str, str]] = {
    "genai": {
        "kind": "gen_ai.operation.name",
        "provider": "gen_ai.provider.name",
        "asked": "gen_ai.request.model",
        "model": "gen_ai.response.model",
        "tokens_in": "gen_ai.usage.input_tokens",
        "tokens_out": "gen_ai.usage.output_tokens",
        "tokens_cached": "gen_ai.usage.cache_read.input_tokens",
        "status": "http.response.status_code",
        "error": "error.type",
    },
    "openinference": {
        "kind": "openinference.span.kind",
        "provider": "llm.provider",
        "asked": "llm.request.model_name",
        "model": "llm.model_name",
        "tokens_in": "llm.token_count.prompt",
        "tokens_out": "llm.token_count.completion",
        "tokens_cached": "llm.token_count.prompt_details.cache_read",
        "status": "http.status_code",
        "error": "exception.type",
    },
    "plain": {},
}
"""Our name of an attribute -> the dialect's; where it has none, `stockyard.` and ours."""

KINDS: Mapping[Dialect, Mapping[str, str]] = {
    "genai": {"completions": "text_completion", "images": "image_generation"},
    "openinference": {"embeddings": "EMBEDDING", "rerank": "RERANKER"},
    "plain": {},
}


def spans_of(x: Exchange, dialect: Dialect) -> list[Span]:
    """The spans of a call that has just ended."""
    return [_root(x, dialect), *_attempts(x, dialect), *_steps(x, dialect)]


def _root(x: Exchange, dialect: Dialect) -> Span:
    usage, target, asked = x.usage, x.target, x.received.model[:MAX_NAME]
    error = error_of(x.error, x.refused_by) if x.error is not None else None
    facts = {
        "kind": _kind(x, dialect),
        "asked": asked,
        "provider": target.provider if target else None,
        "model": target.model[:MAX_NAME] if target else None,
        "tokens_in": usage.prompt if usage else None,
        "tokens_out": usage.completion if usage else None,
        "tokens_cached": usage.in_cached if usage else None,
        "usage_source": usage.source if usage else None,
        "status": x.status,
        "error": (error[1] or error[0]) if error else None,
        "module": error[2] if error else None,
        "stream": x.streamed,
        "cache": x.cache_state,
        "request_id": x.id,
        "trace_id": x.trace_id,
        "key": x.caller.key_name,
        "team": x.caller.team_id,
    }
    span = _span(x, f"{x.kind} {asked}", SERVER, "", 0, x.elapsed_us() * 1000)
    span["attributes"] = _attributes(facts, dialect)
    span["status"] = {"code": OK if error is None else FAILED}
    if x.trace_parent:
        span["parentSpanId"] = x.trace_parent[33:]
    if x.streamed and x.first_content_ns is not None:
        at = str(_at(x, x.first_content_ns))
        span["events"] = [{"name": "first_content", "timeUnixNano": at}]
    return span


def _attempts(x: Exchange, dialect: Dialect) -> Iterator[Span]:
    for number, attempt in enumerate(x.attempts, start=1):
        ended = attempt.ended_us if attempt.ended_us is not None else x.elapsed_us()
        name = f"attempt {attempt.target.name}"
        span = _span(x, name, CLIENT, "attempt", attempt.started_us * 1000, ended * 1000)
        span["spanId"] = attempt_span(x, number)
        span["attributes"] = _attributes(_attempt_facts(attempt), dialect)
        span["status"] = {"code": OK if attempt.outcome == "ok" else FAILED}
        yield span


def _attempt_facts(attempt: Attempt) -> dict[str, Any]:
    return {
        "provider": attempt.target.provider,
        "model": attempt.target.model[:MAX_NAME],
        "status": attempt.status,
        "error": attempt.error,
        "timer": attempt.timer,
        "outcome": attempt.outcome,
        "format": attempt.format,
    }


def _steps(x: Exchange, dialect: Dialect) -> Iterator[Span]:
    noted: dict[str, list[str]] = {}
    for finding in x.findings:
        noted.setdefault(finding.module, []).append(finding.action)
    shown = 0
    for place, step, start, end in _placed(x):
        if shown < MAX_STEPS and (step.module in noted or step.nanoseconds > LONG_STEP_NS):
            shown += 1
            span = _span(x, f"{step.module} {step.hook}", INTERNAL, f"step.{place}", start, end)
            facts = {"module": step.module, "noted": ",".join(noted.get(step.module, ())) or None}
            span["attributes"] = _attributes(facts, dialect)
            yield span


def _placed(x: Exchange) -> Iterator[tuple[int, Step, int, int]]:
    """Each step with its place in the strip, and when it ran, in nanoseconds since the start."""
    at = 0
    total = x.elapsed_us() * 1000
    late = total - sum(step.nanoseconds for step in x.strip if step.hook != "on_request")
    for place, step in enumerate(x.strip):
        if step.hook == "on_request":
            yield place, step, at, at + step.nanoseconds
            at += step.nanoseconds
        else:
            start = max(at, late)
            yield place, step, start, start + step.nanoseconds
            late = start + step.nanoseconds


def _span(x: Exchange, name: str, kind: int, part: str, start: int, end: int) -> Span:
    span = {
        "traceId": trace_of(x),
        "spanId": span_of(x, part),
        "name": name[:200],
        "kind": kind,
        "startTimeUnixNano": str(_at(x, start)),
        "endTimeUnixNano": str(_at(x, end)),
    }
    if part:
        span["parentSpanId"] = span_of(x, "")
    return span


def _at(x: Exchange, nanoseconds: int) -> int:
    return x.started_at_ms * 1_000_000 + nanoseconds


def _kind(x: Exchange, dialect: Dialect) -> str:
    usual = "LLM" if dialect == "openinference" else x.kind
    return KINDS[dialect].get(x.kind, usual)


def _attributes(facts: Mapping[str, Any], dialect: Dialect) -> list[dict[str, Any]]:
    names = NAMES[dialect]
    return [
        {"key": names.get(name, f"stockyard.{name}"), "value": _value(value)}
        for name, value in facts.items()
        if value is not None and value != ""
    ]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"stringValue": str(value)[:500]}
