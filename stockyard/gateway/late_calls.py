"""Count calls whose usage is reported after they ended: batches, and answers in the background.

The usage is reported when a client fetches the result. It is then counted as a separate call of
that client, and only once, however often it is reported.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.core.kind import Kind
from stockyard.core.request import Content, Request
from stockyard.core.target import Credential, Target
from stockyard.errors import StockyardError
from stockyard.gateway.contract import Reply
from stockyard.gateway.keepers import Keepers
from stockyard.gateway.late_reply import LateReply
from stockyard.gateway.office import Office
from stockyard.wire.late_usage import UsageReader, Use, sums

log = logging.getLogger(__name__)

WRITE_SECONDS = 5.0
NO_CONTENT = Content()


class _Counted:
    """A call that is over, for the Office."""

    def __init__(self, x: Exchange) -> None:
        self.x = x


class LateCalls:
    """The calls of one team at one provider that are counted later."""

    def __init__(
        self,
        office: Office,
        keepers: Keepers,
        new_id: Callable[[], str],
        team_id: str,
        provider: str,
        credential: Credential | None,
    ) -> None:
        self._office = office
        self._keepers = keepers
        self._new_id = new_id
        self._team = team_id
        self._provider = provider
        self._credential = credential

    def began(self, thing: str, of: str = "", place: str = "") -> None:
        """This thing will report its usage later, or that of `of`."""
        self._see_to(self._keepers.owed.owe(self._team, thing, of, place))

    def owes(self, thing: str) -> bool:
        """Whether it is still to be counted."""
        return self._keepers.owed.owes(self._team, thing)

    def watching(
        self, reply: Reply, thing: str, kind: Kind, reader: UsageReader
    ) -> LateReply | None:
        """A Reply that counts its usage; None if that of `thing` has been counted already."""
        if not self.owes(thing):
            return None
        return LateReply(reply, reader, partial(self.count, thing, kind))

    def count(self, thing: str, kind: Kind, asking: Exchange, uses: list[Use]) -> None:
        """Count the usage of a thing, as reported to the call that asks for it."""
        self._see_to(self._count(thing, kind, asking, uses))

    async def _count(self, thing: str, kind: Kind, asking: Exchange, uses: list[Use]) -> None:
        for use in sums(await self._settled(thing, uses)):
            self._office.finished(_Counted(self._counted(kind, asking, use)))

    async def _settled(self, thing: str, uses: list[Use]) -> list[Use]:
        """Mark the usage as counted. Returns the part of it that was not counted before."""
        owed = self._keepers.owed
        parts = [use.part for use in uses if use.part]
        if not parts:
            return uses if await owed.settle(self._team, thing) else []
        new = await owed.settle_parts(self._team, thing, parts)
        return [use for use in uses if use.part in new]

    def _counted(self, kind: Kind, asking: Exchange, use: Use) -> Exchange:
        received = Request(model=use.model, content=NO_CONTENT)
        x = asking.part(self._new_id(), kind=kind, received=received)
        x.target = Target(self._provider, use.model, self._credential)
        x.usage, x.status = use.usage, 200
        return x

    def _see_to(self, work: Coroutine[Any, Any, Any]) -> None:
        async def run() -> None:
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await work
            except (StockyardError, TimeoutError) as error:
                log.warning("What a team used at '%s' is not counted: %s", self._provider, error)

        self._keepers.see_to(run())
