"""What calls cost: the prices of models."""

from stockyard.apps.app import App


def endpoints() -> list[type]:
    from stockyard.apps.billing.api import PriceEndpoints

    return [PriceEndpoints]


APP = App(
    id="billing",
    name="Billing",
    description="What calls cost: the prices of models, where they are from and since when.",
    path="/api/billing",
    package=__name__,
    endpoints=endpoints,
)
