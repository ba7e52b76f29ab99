"""The endpoints for prices."""

import time
from collections.abc import Mapping
from datetime import date
from typing import Annotated

from litestar import Controller, get
from litestar.params import QueryParameter
from msgspec import Struct

from stockyard.api.moments import moment
from stockyard.api.paging import Cursor, Cursors, Limit
from stockyard.api.parameters import Given, Name
from stockyard.api.permission import needs
from stockyard.apps.billing import prices as listed
from stockyard.apps.billing.models import ModelPrice, PriceList
from stockyard.core.offer import PriceSource

Prices = Given[PriceList]
Signer = Given[Cursors]
At = Annotated[str | None, QueryParameter(max_length=40, description="The time; now if left out.")]


class PriceAnswer(Struct, frozen=True, kw_only=True):
    """What the price list says. `made` is its day."""

    prices: list[ModelPrice]
    count: int
    next: str | None
    made: date
    sources: Mapping[str, PriceSource]


class PriceEndpoints(Controller):
    """Prices."""

    tags = ["Billing"]  # noqa: RUF012  the framework's own declaration

    @get("/prices", opt=needs("billing.read"))
    async def list_prices(
        self,
        prices: Prices,
        cursors: Signer,
        provider: Name = None,
        model: Name = None,
        at: At = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> PriceAnswer:
        """What models cost, where, and who says so. A model that is not listed is unpriced."""
        at_ms = moment(at, "at")
        bound = {"provider": provider, "model": model, "at": at}
        start = cursors.read(bound, cursor) if cursor else 0
        found = listed.places(prices, provider, model)
        page = found[start : start + limit]
        end = start + len(page)
        now = int(time.time() * 1000) if at_ms is None else at_ms
        return PriceAnswer(
            prices=[listed.shown(prices, place, now) for place in page],
            count=len(page),
            next=cursors.make(bound, end) if end < len(found) else None,
            made=prices.made,
            sources=prices.sources,
        )
