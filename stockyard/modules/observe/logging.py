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
    Nothing. A call with `X-Stockyard-Capture: off` gets no row; with `metadata`, its texts are not
    kept.

With `redacted`, texts are kept as the provider received and sent them, after modules masked them;
with `full`, as the caller sent and received them. Secrets of this installation, and whatever looks
like one, are removed from both. Reading them needs the permission `lookout.bodies`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.ports import Ports
from stockyard.core.sampling import in_sample


class Config(ModuleConfig, frozen=True):
    capture: Annotated[
        Literal["off", "metadata", "redacted", "full"],
        Meta(
            description="Only count calls; keep a row of metadata for each; also keep the texts, "
            "as the provider saw them or as the caller did."
        ),
    ] = "metadata"
    max_body_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=4_194_304,
            description="Bytes kept of a request, and of an answer, at most; cut between parts.",
        ),
    ] = 65_536
    sample_ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of the calls whose texts are kept.")
    ] = 1.0
    errors_always: Annotated[
        bool, Meta(description="Always keep the texts of calls that failed or were refused.")
    ] = True
    days: Annotated[
        int, Meta(ge=1, le=3650, description="Days that rows are kept, at most `retention.traces`.")
    ] = 90
    body_days: Annotated[int, Meta(ge=1, le=3650, description="Days that texts are kept.")] = 7
    searchable: Annotated[
        bool, Meta(description="Make kept texts searchable, for those who may read them.")
    ] = False
    except_labels: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=100)], ...],
        Meta(max_length=200, description="Names of Keys whose texts are never kept."),
    ] = ()


class Logging(Module[Config]):
    """Decides what may be kept of a call. Lookout writes it once the call has ended."""

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
        if x.body_bytes and not needed and not in_sample(x.id, self.config.sample_ratio):
            x.capture, x.body_bytes = "metadata", 0
