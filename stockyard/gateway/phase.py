"""What a lane is doing. It is in one phase at a time."""

from enum import Enum, auto


class Phase(Enum):
    BETWEEN = auto()
    """No request, or not the whole head of one."""
    BODY = auto()
    """Collecting a body, to be handed over whole."""
    RUNNING = auto()
    """The data plane is answering."""
    STREAM = auto()
    """Passing a body on to the inner protocol while it may already be answering."""
    INNER = auto()
    """The inner protocol is answering."""
    SKIP = auto()
    """Taking the rest of a body that nobody wants, because the answer is already out."""
    LINGER = auto()
    """Our side is closed; what still arrives is thrown away, so that the answer gets through."""
    TUNNEL = auto()
    """A WebSocket; bytes pass through unread."""
    CLOSED = auto()
    """The connection is lost."""


# Looked up several times per call, and a name of the module is found faster than one of an enum.
BETWEEN, RUNNING = Phase.BETWEEN, Phase.RUNNING
