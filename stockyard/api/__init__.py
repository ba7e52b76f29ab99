"""What all endpoints of the control plane share. Imported late: the framework is slow to load."""

from stockyard.api.application import build
from stockyard.api.identity import AsOsUser, Identities, Identity
from stockyard.api.localread import LocalReads
from stockyard.api.system import Component, Status

__all__ = [
    "AsOsUser",
    "Component",
    "Identities",
    "Identity",
    "LocalReads",
    "Status",
    "build",
]
