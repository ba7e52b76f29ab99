"""Every module there is, in the one order in which they run.

Requests pass from the top to the bottom, answers and errors from the bottom to the top. To add a
module, write its file and put its class at its place here.
"""

from stockyard.core.module import AnyModule
from stockyard.modules.aliases import ALIASES
from stockyard.modules.caching.cache import Cache
from stockyard.modules.forge.mockllm import MockLlm
from stockyard.modules.observe.logging import Logging
from stockyard.modules.observe.responseheaders import ResponseHeaders
from stockyard.modules.observe.tracelink import TraceLink
from stockyard.modules.rate.ratelimit import RateLimit
from stockyard.modules.reliability.idempotency import Idempotency
from stockyard.modules.reliability.retrypilot import RetryPilot
from stockyard.modules.routing.failover import Failover
from stockyard.modules.routing.modelalias import ModelAlias
from stockyard.modules.safety.promptguard import PromptGuard
from stockyard.modules.safety.secretscan import SecretScan

__all__ = ["ALIASES", "CATALOG"]

CATALOG: tuple[type[AnyModule], ...] = (
    TraceLink,
    ResponseHeaders,
    Logging,
    Idempotency,
    RateLimit,
    ModelAlias,
    SecretScan,
    PromptGuard,
    Cache,
    Failover,
    RetryPilot,
    MockLlm,
)
