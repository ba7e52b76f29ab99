"""What outlives a call of `/v1/responses`: ids that providers gave, and answers to be stored."""

from stockyard.apps.app import App

APP = App(
    id="responses",
    name="Responses",
    description="Answers that callers asked to store, and whose the ids are that providers gave.",
    path="/api/responses",
    package=__name__,
)
