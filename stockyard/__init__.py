"""Stockyard: an LLM gateway, and the platform around it.

values and rules       core errors
formats                wire
providers              providers
outgoing calls         upstream
incoming calls         gateway
around each call       modules modules_in_use
facts and files        storage
slices of the product  apps
the control plane      api control_plane overview figures
settings               settings configured reload
composition            app reach readiness first_run
processes              process cli asgi
for tests              testing
"""

__version__ = "0.1.0"
