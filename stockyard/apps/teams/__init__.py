"""Who may call: Keys for programs, and the admin credential."""

from stockyard.apps.app import App


def endpoints() -> list[type]:
    from stockyard.apps.teams.api import KeyEndpoints

    return [KeyEndpoints]


APP = App(
    id="teams",
    name="Team",
    description="Keys: who may call, and how to take that back.",
    path="/api/team",
    package=__name__,
    endpoints=endpoints,
)
