"""The test kit: everything a test of Stockyard, or of a module for it, can stand on.

- `ScriptedProvider`: a provider on a real socket that does what a test tells it to
- `ReplayingProvider`: one that looks at each request and answers what was recorded
- `Script`: the words in which a test tells it; `Point` and the `cut_...` functions are its places
- `ReceivedRequest`: what the provider was asked
- `RawClient`, `Reply`: a client that is only a socket, and what its answer says
- `a_call`: the body of a call
- `MALFORMED`: sixty answers that no provider should give
- `stockyard.testing.yard.Yard`: a whole Stockyard in front of scripted providers
- `stockyard.testing.fixtures.yard`: the same as a fixture of pytest
"""

from stockyard.testing.calls import a_call
from stockyard.testing.cuts import Cuts, cut_at, cut_every, cut_nastily, cut_randomly
from stockyard.testing.malformed import MALFORMED
from stockyard.testing.play import Point
from stockyard.testing.provider import ScriptedProvider
from stockyard.testing.raw_client import RawClient, Reply
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.replaying import ReplayingProvider
from stockyard.testing.script import Script

__all__ = [
    "MALFORMED",
    "Cuts",
    "Point",
    "RawClient",
    "ReceivedRequest",
    "ReplayingProvider",
    "Reply",
    "Script",
    "ScriptedProvider",
    "a_call",
    "cut_at",
    "cut_every",
    "cut_nastily",
    "cut_randomly",
]
