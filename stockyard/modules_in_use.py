"""What modules mean to other parts of the installation, as they are set now.

Asked anew each time: a module may be switched or set while calls run.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from stockyard.apps.teams.keys import KeyRing
from stockyard.core.exchange import Exchange
from stockyard.core.signals import KeysChanged
from stockyard.gateway.line import Line
from stockyard.modules.observe.logging import Logging
from stockyard.modules.observe.responseheaders import ResponseHeaders
from stockyard.modules.routing.modelalias import ModelAlias

DAY_SECONDS = 86_400.0


class ModulesInUse:
    def __init__(self, line: Line) -> None:
        self._line = line

    def aliases(self) -> tuple[str, ...]:
        """Names that lists of models show."""
        module = self._line.module("modelalias")
        return module.shown if isinstance(module, ModelAlias) else ()

    def stands_for(self, name: str) -> str:
        """The model that a name stands for; of any other name, that name."""
        module = self._line.module("modelalias")
        return module.stands_for(name) if isinstance(module, ModelAlias) else name

    def closing_comment(self, x: Exchange) -> bytes:
        """What is written before the end of a stream; empty for nothing."""
        module = self._line.module("responseheaders")
        if not isinstance(module, ResponseHeaders) or module.stream_totals != "comment":
            return b""
        return b": stockyard %b\n\n" % msgspec.json.encode(module.figures(x))

    def exposes_headers(self) -> bool:
        """Whether pages of other origins may read the headers of answers."""
        module = self._line.module("responseheaders")
        return not isinstance(module, ResponseHeaders) or module.config.expose

    def trace_seconds(self) -> float:
        """How long Traces are kept, be the module on or off."""
        return DAY_SECONDS * float(self._set_on("logging")["days"])

    def body_seconds(self) -> float:
        """How long what was said in calls is kept."""
        return DAY_SECONDS * float(self._set_on("logging")["body_days"])

    def searchable(self) -> bool:
        """Whether words can be searched for in what was said."""
        module = self._line.module("logging")
        return isinstance(module, Logging) and module.config.searchable

    def most_answers(self) -> int:
        """How many answers the cache keeps."""
        most: int = self._set_on("cache")["max_entries"]
        return most

    def _set_on(self, name: str) -> dict[str, Any]:
        return self._line.state(name).config


def refresh_when_limited(line: Line, keys: KeyRing) -> Callable[[KeysChanged], None]:
    """Other modules are in use from the first Key with limits on, and again after the last one."""
    limited = keys.limited

    def listen(signal: KeysChanged) -> None:
        nonlocal limited
        if keys.limited is not limited:
            limited = keys.limited
            line.refresh()

    return listen
