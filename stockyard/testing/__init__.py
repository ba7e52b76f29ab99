"""The test kit: everything a test of Stockyard, or of a module for it, can stand on.

- `provider.ScriptedProvider`: a provider on a real socket that does what a test tells it to
- `script.Script`: the words in which a test tells it
- `cuts`: ways to cut bytes into reads
- `received.ReceivedRequest`: what the provider was asked
"""

from stockyard.testing.cuts import cut_at, cut_every, cut_randomly
from stockyard.testing.provider import ScriptedProvider
from stockyard.testing.received import ReceivedRequest

__all__ = ["ReceivedRequest", "ScriptedProvider", "cut_at", "cut_every", "cut_randomly"]
