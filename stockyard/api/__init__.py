"""What all endpoints of the control plane share. Imported late, because the framework loads slowly.

put together           application door
who asks               identity localread permission origins callrate
what is asked          body parameters moments filters paging repeats
what is answered       problems field_errors page
what happens           feed events
about itself           system openapi
"""

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
