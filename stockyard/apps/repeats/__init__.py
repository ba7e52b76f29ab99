"""Changes made with an `Idempotency-Key`, and their results."""

from stockyard.apps.app import App

APP = App(
    id="repeats",
    name="Repeats",
    description="Changes that were sent with an Idempotency-Key: each happens once.",
    path="/api/repeats",
    package=__name__,
)
