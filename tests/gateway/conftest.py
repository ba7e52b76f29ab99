"""What tests of the gateway may ask for besides the yard."""

from tests.realtime_sessions import realtime

__all__ = ["realtime"]
