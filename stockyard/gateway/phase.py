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
    """Passing a body on to the inner protocol, which may already be answering."""
    INNER = auto()
    """The inner protocol is answering."""
    SKIP = auto()
    """Discarding the rest of a body whose request is already answered."""
    LINGER = auto()
    """Our side is closed; data that still arrives is discarded, so that the answer gets through."""
    TUNNEL = auto()
    """A WebSocket; bytes pass through without being parsed."""
    CLOSED = auto()
    """The connection is lost."""


# Used several times per call, and a global name is looked up faster than a member of an enum.
BETWEEN, RUNNING = Phase.BETWEEN, Phase.RUNNING
