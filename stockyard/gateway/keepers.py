"""Where the gateway remembers what outlives a call: four Ports that an app fulfils."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from stockyard.core.ports import Envelopes, HeldIds, KeptAnswers, Owed


class Keepers:
    def __init__(
        self, ids: HeldIds, answers: KeptAnswers, envelopes: Envelopes, owed: Owed
    ) -> None:
        self.ids = ids
        self.answers = answers
        self.envelopes = envelopes
        self.owed = owed
        self._work: set[asyncio.Task[None]] = set()

    def see_to(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out something that is waited for elsewhere, whoever leaves meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        # The loop itself would let go of it.
        self._work.add(task)
        task.add_done_callback(self._work.discard)
