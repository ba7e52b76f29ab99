"""What happened: one row per call, with the reasons for its outcome."""

from stockyard.apps.app import App


def endpoints() -> list[type]:
    from stockyard.apps.lookout.api import TraceEndpoints

    return [TraceEndpoints]


def roots() -> list[type]:
    from stockyard.apps.lookout.api import LogEndpoints, TraceEndpoints

    return [TraceEndpoints, LogEndpoints]


APP = App(
    id="lookout",
    name="Lookout",
    description="Traces: every call, and why it went the way it did.",
    path="/api/lookout",
    aliases=("/api/observe",),
    package=__name__,
    endpoints=endpoints,
    roots=roots,
)
