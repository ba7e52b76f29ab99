"""Stream a call's arguments to clients whose format wants them to be an object.

Official libraries parse what they have after every piece and raise on anything that no object
starts with. So nothing is written before an object has begun, and arguments that are something
else are written at the end of the call, wrapped in one as in whole answers. Arguments that break
off in the middle are written as they came: libraries complete them, as those of the format's own
models.
"""

import msgspec

from stockyard.core.events import PartStarted
from stockyard.wire.arguments import arguments_object, compact
from stockyard.wire.free_text import as_arguments


class ArgumentPieces:
    __slots__ = ("_begun", "_custom", "_held", "_wrapped")

    def __init__(self, opened: PartStarted) -> None:
        self._custom = opened.kind_of_tool == "custom"
        self._held: list[str] = []
        self._begun = False
        """An object has begun; every further piece goes out at once."""
        self._wrapped = self._custom
        """The arguments are no object and are held until the call ends."""

    def add(self, piece: str) -> str:
        """What can be written now that this piece has come."""
        if self._begun:
            return piece
        if not self._wrapped:
            if not piece.strip():
                return ""  # space before JSON says nothing
            self._begun = _begins_object(piece)
            if self._begun:
                return piece
            self._wrapped = True
        self._held.append(piece)
        return ""

    def rest(self) -> str:
        """What is still to be written when the call ends."""
        text = "" if self._begun else "".join(self._held)
        if not text.strip():
            return ""
        return as_arguments(text) if self._custom else compact(arguments_object(text))


def _begins_object(text: str) -> bool:
    if not text.lstrip().startswith("{"):
        return False
    try:
        msgspec.json.decode(text)
    except RecursionError:
        return False
    except msgspec.DecodeError as error:
        return str(error) == _TRUNCATED
    return True


_TRUNCATED = "Input data was truncated"
