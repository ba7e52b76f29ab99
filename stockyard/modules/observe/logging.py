"""Keep one row per call that can be searched later, and its texts where you choose so.

Why
    What happened yesterday at three, for whom, at which provider, and how did it end? One row per
    call answers that. The row holds figures and names, never a prompt or an answer; those are kept
    apart, for a shorter time, and only where `capture` says so.

Example
    [modules.logging]
    capture = "redacted"
    sample_ratio = 0.1
    body_days = 3

Caller sees
    Nothing. `X-Stockyard-Capture: off` keeps a call out of the rows, `metadata` its texts out of
    what is kept of it.

With `redacted`, texts are kept as the provider got and gave them, between the modules that mask;
with `full`, as the caller sent and got them. Secrets of this installation, and what looks like one,
are taken out of either. Who may read them needs the permission `lookout.bodies`.
"""

from hashlib import blake2b
from typing import Annotated, Literal

from msgspec import Meta

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.ports import Ports


class Config(ModuleConfig, frozen=True):
    capture: Annotated[
        Literal["off", "metadata", "redacted", "full"],
        Meta(
            description="Only count the calls; keep a row of metadata for each; keep also what was "
            "sent and received, as the provider saw it or as the caller did."
        ),
    ] = "metadata"
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=4_194_304,
            description="So much of a request, and of an answer, is kept: whole parts of it.",
        ),
    ] = 65_536
    sample_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of the calls whose texts are kept.")
    ] = 1.0
    errors_always: Annotated[
        bool, Meta(description="Keep the texts of calls that failed or were refused in any case.")
    ] = True
    days: Annotated[
        int, Meta(ge=1, le=3650, description="How long rows are kept, `retention.traces` at most.")
    ] = 90
    body_days: Annotated[int, Meta(ge=1, le=3650, description="How long texts are kept.")] = 7
    searchable: Annotated[
        bool, Meta(description="Make the words of kept texts searchable, for who may read them.")
    ] = False
    except_labels: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
        Meta(max_length=200, description="Names of Keys whose texts are never kept."),
    ] = ()


class Logging(Module[Config]):
    """Decides what may be written. Whoever hears that the call is over writes it."""

    name = "logging"
    category = "observe"
    stage = Stage.OBSERVE
    on_by_default = True

    def __init__(self, config: Config, ports: Ports) -> None:
        super().__init__(config, ports)
        if config.max_body_bytes and config.capture == "redacted":
            self.keeps = "served"
        elif config.max_body_bytes and config.capture == "full":
            self.keeps = "delivered"
        else:
            self.skips = frozenset({"on_response", "on_error"})

    def idle(self) -> bool:
        return self.config.capture == "off"

    def on_request(self, x: Exchange) -> None:
        if x.asked.capture == "off":
            return
        x.capture = "metadata"
        if self.keeps and not x.asked.capture and not self._is_excepted(x):
            x.capture, x.body_bytes = self.config.capture, self.config.max_body_bytes

    def on_response(self, x: Exchange) -> None:
        self._spare(x, needed=False)

    def on_error(self, x: Exchange, error: Exception) -> None:
        self._spare(x, needed=self.config.errors_always)

    def _is_excepted(self, x: Exchange) -> bool:
        return x.caller.key_name in self.config.except_labels

    def _spare(self, x: Exchange, *, needed: bool) -> None:
        """Keep no texts of a call that is not in the sample."""
        if x.body_bytes and not needed and _place(x.id) >= self.config.sample_ratio:
            x.capture, x.body_bytes = "metadata", 0


def _place(call_id: str) -> float:
    """Where a call stands between 0 and 1."""
    return int.from_bytes(blake2b(call_id.encode(), digest_size=8).digest()) / 2**64
