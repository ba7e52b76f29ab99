"""The control plane of one installation: the API and its pages, over the parts that run."""

from typing import Any

from stockyard.app import APPS, Stockyard
from stockyard.apps.repeats.results import StoredResults
from stockyard.figures import show_figures
from stockyard.settings import is_loopback
from stockyard.wire.formats import FORMATS


def control_plane(stockyard: Stockyard) -> Any:
    """An ASGI app. Imports the framework, so it is called late and in a thread."""
    from stockyard import api
    from stockyard.apps.lookout.live import TraceFeed
    from stockyard.overview import Overview

    # Also here, so that the first call in one of them need not wait for it.
    FORMATS.load()
    show_figures(stockyard)
    settings, shown = stockyard.settings, Overview(stockyard)
    loopback = is_loopback(settings.server.host) and not settings.server.behind_proxy
    local = settings.auth.local_reads == "same_user" and loopback
    reads = api.LocalReads(enabled=local, hosts=settings.http.console_hosts)
    return api.build(
        APPS,
        identities=api.Identities(
            stockyard.admin, stockyard.keys, reads, stockyard.auth_failures.note
        ),
        provided={
            "database": stockyard.database,
            "keys": stockyard.keys,
            "modules": stockyard.changes,
            "searches": stockyard.in_use.searchable,
            "breakers": stockyard.reach.target_health,
            "answers": stockyard.answers,
            "providers": shown.providers,
            "models": shown.models,
            "example_model": stockyard.reach.example_model,
            "prices": stockyard.reach.prices,
            "status_now": shown.status,
            "metrics_text": stockyard.meters.text,
        },
        feeds=[TraceFeed(stockyard.database)],
        results=StoredResults(stockyard.database),
        config_version=lambda: stockyard.line.config_version,
        stopping=lambda: stockyard.front.draining,
        max_body=settings.http.max_api_body,
        origins=settings.http.cors_origins,
        read_only=settings.server.read_only,
    )
