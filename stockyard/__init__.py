"""Stockyard: an LLM gateway, and the platform around it.

values and rules       core errors
formats                wire
who can be called      providers
calls going out        upstream
calls coming in        gateway
around each call       modules modules_in_use
facts and files        storage
slices of the product  apps
the control plane      api control_plane overview figures
what an operator sets  settings configured reload
put together           app reach readiness
run                    process cli asgi
for tests              testing
"""

__version__ = "0.1.0"
