"""Keep one row per call that can be searched later.

Why
    What happened yesterday at three, for whom, at which provider, and how did it end? One row per
    call answers that. The row holds figures and names, never a prompt or an answer.

Example
    [modules.logging]
    capture = "metadata"

Caller sees
    Nothing. `X-Stockyard-Capture: off` keeps a call out of the rows.
"""

from typing import Annotated, Literal

from msgspec import Meta

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage


class Config(ModuleConfig, frozen=True):
    capture: Annotated[
        Literal["off", "metadata"],
        Meta(description="Keep a row of metadata for each call, or only count the calls."),
    ] = "metadata"


class Logging(Module[Config]):
    """Decides what may be written; the row is written by whoever hears that the call is over."""

    name = "logging"
    category = "observe"
    stage = Stage.OBSERVE
    on_by_default = True

    def idle(self) -> bool:
        return self.config.capture == "off"

    def on_request(self, x: Exchange) -> None:
        if x.asked.capture != "off":
            x.capture = "metadata"
