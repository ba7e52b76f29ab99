"""One log line per call: caller, model, provider and time. Never prompts or answers.

On the loop a finished call is only taken apart; the log's thread makes the line of it.
"""

from collections.abc import Callable, Hashable
from time import time_ns
from typing import Any, NamedTuple

from stockyard.core.caller import Caller
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.signals import ExchangeFinished
from stockyard.core.target import Target
from stockyard.errors import Refused, UpstreamError
from stockyard.process.logs.lines import Line, clock, printable, timestamp

MAX_NAME = 120
"""Characters of a model's name: callers choose it."""


class CallLine(NamedTuple):
    """A finished call as the log wants it."""

    ended_ns: int
    status: int
    caller: Caller
    kind: str
    asked: str
    target: Target | None
    usage: Usage | None
    streamed: bool
    elapsed_us: int
    request_id: str
    trace_id: str
    error: str

    @property
    def sort(self) -> Hashable:
        return None

    def facts(self) -> dict[str, Any]:
        target, usage = self.target, self.usage
        return {
            "ts": timestamp(self.ended_ns),
            "level": "info",
            "event": "call",
            "status": self.status,
            "key": self.caller.key_name,
            "key_id": self.caller.key_id,
            "kind": self.kind,
            "asked": self.asked[:MAX_NAME],
            "provider": target.provider if target else None,
            "model": target.model if target else None,
            "stream": self.streamed,
            "tokens_in": usage.prompt if usage else None,
            "tokens_out": usage.completion if usage else None,
            "ms": self.elapsed_us / 1000,
            "error": self.error or None,
            "request_id": self.request_id,
            "trace_id": self.trace_id,
        }

    def text(self) -> str:
        target, usage = self.target, self.usage
        return call_text(
            self.ended_ns,
            status=self.status,
            key=self.caller.key_name or self.caller.key_id,
            asked=self.asked,
            provider=target.provider if target else "",
            model=target.model if target else "",
            tokens_in=usage.prompt if usage else None,
            tokens_out=usage.completion if usage else None,
            elapsed_us=self.elapsed_us,
            error=self.error,
            trace_id=self.trace_id,
        )


def call_text(
    ended_ns: int,
    *,
    status: int,
    key: str,
    asked: str,
    provider: str,
    model: str,
    tokens_in: int | None,
    tokens_out: int | None,
    elapsed_us: int,
    error: str,
    trace_id: str,
) -> str:
    """`14:03:07 200 first-key gpt-4o-mini → mock 8+29 tok 1 ms tr_…`, for the log and the CLI."""
    served = provider if model == asked or not model else f"{provider}/{model}"
    parts = [clock(ended_ns), str(status), key or "-", asked[:MAX_NAME] or "-"]
    if provider:
        parts += ["→", served[:MAX_NAME]]
    if error:
        parts.append(error)
    if tokens_in is not None or tokens_out is not None:
        parts.append(f"{tokens_in or 0}+{tokens_out or 0} tok")
    parts += [f"{elapsed_us / 1000:,.0f} ms", trace_id]
    return printable(" ".join(parts))


class CallLog:
    """Listens to finished calls and has a line written for each."""

    def __init__(self, put: Callable[[Line], None]) -> None:
        self._put = put

    def record(self, signal: ExchangeFinished) -> None:
        x = signal.exchange
        self._put(
            CallLine(
                time_ns(),
                x.status,
                x.caller,
                x.kind,
                x.received.model,
                x.target,
                x.usage,
                x.streamed,
                x.elapsed_us(),
                x.request_id,
                x.trace_id,
                "" if x.error is None else error_code(x),
            )
        )


def error_code(x: Exchange) -> str:
    """The error in one word. The error itself would keep the call alive."""
    match x.error:
        case Refused(code=code):
            return code
        case UpstreamError(kind=kind):
            return kind
    return "abandoned" if x.abandoned else "internal"
