"""Other names of modules, and the options that such a name presets."""

from collections.abc import Mapping
from typing import Any

Preset = Mapping[str, Any]
NOTHING: Preset = {}

ALIASES: Mapping[str, tuple[str, Preset]] = {
    "rateshield": ("ratelimit", NOTHING),
    "adaptive_ratelimit": ("ratelimit", {"adaptive": True}),
    "cachelayer": ("cache", NOTHING),
    "llmcache": ("cache", NOTHING),
    "fallbackrouter": ("failover", NOTHING),
    "routefall": ("failover", NOTHING),
    "circuitbreaker": ("failover", NOTHING),
    "circuit_breaker": ("failover", NOTHING),
    "healthcheck": ("failover", NOTHING),
    "loadbalance": ("failover", {"strategy": "weighted"}),
    "loadbalancer": ("failover", {"strategy": "weighted"}),
    "weightedrouter": ("failover", {"strategy": "weighted"}),
    "retry": ("retrypilot", NOTHING),
    "pii_redactor": ("promptguard", NOTHING),
    "prompt_injection": ("promptguard", {"injection": "block"}),
    "promptreplay": ("logging", NOTHING),
    "chaosllm": ("mockllm", {"unmatched": "pass"}),
}
