"""What outlives a call of `/v1/responses`: ids issued by providers, and stored answers."""

from stockyard.apps.app import App

APP = App(
    id="responses",
    name="Responses",
    description="Answers that callers asked to store, and whose the ids are that providers gave.",
    path="/api/responses",
    package=__name__,
)
