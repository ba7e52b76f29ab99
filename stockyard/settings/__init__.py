"""The process settings: flags, environment and the config file in one value.

read                   load
what can be set        sections units
where it is said       document yaml_tables environment secret_file
what must hold         checks
shown                  written
"""

from stockyard.settings.checks import is_loopback
from stockyard.settings.load import load
from stockyard.settings.sections import (
    AliasSection,
    Auth,
    Cancel,
    CredentialSection,
    Disk,
    Egress,
    Http,
    Log,
    Mock,
    ModuleSection,
    Overload,
    ProviderSection,
    ProviderTimeout,
    Proxies,
    Server,
    Settings,
    Storage,
    Timeout,
    Upstream,
)
from stockyard.settings.units import Seconds, Size

__all__ = [
    "AliasSection",
    "Auth",
    "Cancel",
    "CredentialSection",
    "Disk",
    "Egress",
    "Http",
    "Log",
    "Mock",
    "ModuleSection",
    "Overload",
    "ProviderSection",
    "ProviderTimeout",
    "Proxies",
    "Seconds",
    "Server",
    "Settings",
    "Size",
    "Storage",
    "Timeout",
    "Upstream",
    "is_loopback",
    "load",
]
