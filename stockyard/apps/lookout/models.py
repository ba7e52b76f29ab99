"""A call as Lookout stores it."""

from typing import Any, Literal

from msgspec import Struct

Status = Literal["ok", "error", "refused", "abandoned", "partial"]


class AttemptRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try at a Target. Times are microseconds since the call arrived."""

    provider: str
    model: str
    credential: str | None = None
    format: str = ""
    started_us: int
    first_byte_us: int | None = None
    first_content_us: int | None = None
    ended_us: int | None = None
    http_status: int | None = None
    outcome: str | None = None
    error: str | None = None
    timer: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    reused: bool = False
    upstream_id: str | None = None
    tokens_in: int | None = None
    """What it used although the answer came of another try; the call's tokens include it."""
    tokens_out: int | None = None


class FindingRow(Struct, frozen=True, kw_only=True):
    """Something a module noticed."""

    module: str
    action: str
    detail: dict[str, Any] | None = None


class StepRow(Struct, frozen=True, kw_only=True):
    """One hook of one module, as the pipeline timed it."""

    module: str
    hook: str
    nanoseconds: int


class Call(Struct, frozen=True, kw_only=True):
    """What is kept of a call and shown of it alike. `cost_micros` is null without a known price."""

    id: str
    request_id: str
    received_at: int
    key_id: str
    key_name: str
    team_id: str
    kind: str
    format: str
    path: str
    native: str | None
    model_asked: str
    alias: str
    model: str
    provider: str
    status: Status
    http_status: int
    error_kind: str | None
    error_code: str | None
    error_module: str | None
    stream: bool
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None
    tokens_reasoning: int | None
    usage_source: str | None
    cost_micros: int | None
    cache: str
    first_content_us: int | None
    total_us: int
    gateway_us: int
    request_bytes: int
    answer_bytes: int


class Trace(Call, frozen=True, kw_only=True):
    """One call as it is kept: rows have their values in this order, so new fields come last."""

    seq: int
    attempts: tuple[AttemptRow, ...]
    findings: tuple[FindingRow, ...]
    strip: tuple[StepRow, ...]
    tags: dict[str, str]
    config_version: int
    client: str
