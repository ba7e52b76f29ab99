"""Modules of a line or two, to try the laws of the pipeline with."""

from collections.abc import Callable
from typing import Any

from stockyard.core.module import AnyModule, Module, ModuleConfig, Stage
from tests.builders import some_ports

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
