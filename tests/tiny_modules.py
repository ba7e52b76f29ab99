"""Modules of a line or two, and streams for them, to try the laws of the pipeline with."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from stockyard.core.events import TextDelta
from stockyard.core.folding import unfold
from stockyard.core.module import AnyModule, Module, ModuleConfig, Stage
from stockyard.core.replay import Replay
from stockyard.errors import StockyardError
from tests.builders import an_answer, some_ports

Hook = Callable[..., Any]


class Tiny(Module[ModuleConfig]):
    name = "tiny"
    category = "tests"
    stage = Stage.INSPECT


def tiny(name: str, **parts: Any) -> AnyModule:
    """A module of these hooks and attributes. Hooks take `x`, without `self`."""
    module = Tiny(ModuleConfig(), some_ports())
    vars(module).update(parts, name=name)
    return module


def a_stream(*texts: str, error: StockyardError | None = None) -> Replay:
    """An answer in these pieces, which breaks off after them if there is an error."""
    response = an_answer("".join(texts))
    events = unfold(response.output, response.usage)
    at = next(n for n, event in enumerate(events) if isinstance(event, TextDelta))
    pieces = [replace(events[at], text=text) for text in texts]
    rest = [] if error is not None else events[at + 1 :]
    return Replay([*events[:at], *pieces, *rest], error=error)
