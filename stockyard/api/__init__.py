"""What all endpoints of the control plane share. Imported late: the framework is slow to load."""

from stockyard.api.application import build
from stockyard.api.identity import ControlSocket, Identities, Identity
from stockyard.api.localread import LocalReads
from stockyard.api.system import Part, Status

__all__ = [
    "ControlSocket",
    "Identities",
    "Identity",
    "LocalReads",
    "Part",
    "Status",
    "build",
]
