"""Collect the parts of a request that the target's format cannot express."""

from collections.abc import Iterable
from typing import Any

from stockyard.core.messages import Extra
from stockyard.core.request import Content
from stockyard.core.usual_names import USUAL_NAMES
from stockyard.wire.layout import LAYOUT_KEYS

_NOTHING: tuple[Any, ...] = (None, [], {})
"""Values that carry no meaning, so that dropping them loses nothing."""
_SAID_ELSEWHERE = LAYOUT_KEYS | {"anthropic_version", "cache_control", "prompt_cache_breakpoint"}
"""Cache marks are also in `cache`; an encoder without them reports that itself. A dialect's version
means nothing in another one."""


class Drops:
    """The dropped fields, in the client's spelling."""

    __slots__ = ("_format", "_names")

    def __init__(self, format: str) -> None:  # noqa: A002  the word of the field everywhere
        self._format = format
        self._names: dict[str, None] = {}

    def add(self, *names: str) -> None:
        self._names.update(dict.fromkeys(names))

    def unsayable(self, content: Content, fields: Iterable[str]) -> None:
        """Report those of these neutral fields that the request uses."""
        for name in fields:
            value = getattr(content, name)
            if value not in (None, False, ()) and (name, value) != ("n", 1):
                self.add(USUAL_NAMES.get(name, name))

    def foreign(self, extra: Extra, path: str = "") -> None:
        """Report every field that belongs to another format."""
        if not extra:
            return
        for format, fields in extra.items():  # noqa: A001  the word of the field everywhere
            if format != self._format:
                self.add(
                    *(
                        f"{path}.{key}" if path else key
                        for key, value in fields.items()
                        if key not in _SAID_ELSEWHERE and value not in _NOTHING
                    )
                )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)
