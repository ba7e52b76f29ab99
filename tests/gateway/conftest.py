"""What tests of the gateway may ask for besides the yard."""

from tests.gateway.bedrock import bedrock
from tests.gateway.lanes import host, shared_host
from tests.realtime_sessions import realtime

__all__ = ["bedrock", "host", "realtime", "shared_host"]
